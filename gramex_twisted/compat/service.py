"""`gramex.service`: the running parts of one app, by the names that they have in Gramex."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import cached_property, partial
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.awaiting import started

KNOWN = (
    *("alert", "app", "cache", "email", "eventlog", "main_ioloop", "schedule", "sms", "storelocations", "threadpool"),
    "url",
)


class Service(Mapping[str, Any]):
    """The services of the app that ``services`` are of. Each is made when it is first asked for."""

    def __init__(self, services: Any) -> None:
        self._services = services

    def __getitem__(self, name: str) -> Any:
        if name not in KNOWN:
            raise KeyError(name)
        return getattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter(KNOWN)

    def __len__(self) -> int:
        return len(KNOWN)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"gramex.service has no {name!r}; there is {', '.join(KNOWN)}", name=name)

    def close(self) -> None:
        """Start no more functions in ``threadpool``; those that run may end."""
        if "threadpool" in self.__dict__:
            self.threadpool.close()

    @cached_property
    def threadpool(self) -> Pool:
        """``submit(function, ...)`` calls it in a thread, and returns a Future."""
        return Pool(self._services.threads.workers)

    @cached_property
    def app(self) -> AttrDict:
        """``settings``: those of ``app.settings``, with their defaults."""
        settings = AttrDict(self._services.settings.model_dump())
        if settings.cookie_secret is None:
            settings["cookie_secret"] = self._services.sessions.signer.secret
        return AttrDict(settings=settings)

    @property
    def url(self) -> AttrDict:
        """The routes by name: ``name``, ``pattern``, ``kwargs``, ``handler_class`` (with ``name, conf, kwargs``,
        and ``exchange_refresh_token`` where users have tokens)."""
        endpoints = self._services.endpoints
        return AttrDict((name, _route(endpoint)) for name, endpoint in endpoints.items() if name != "404")

    @cached_property
    def storelocations(self) -> Any:
        """``storelocations:`` by name; see Locations."""
        from gramex_twisted.compat.locations import Locations

        return Locations(self._services.conf.get("storelocations") or {}, self._services.data_dir)

    @property
    def main_ioloop(self) -> Any:
        """Tornado's name for the event loop: ``add_callback`` may be called in any thread.

        Raises RuntimeError where the server runs on another reactor than asyncio's.
        """
        from gramex_twisted.web.tornadoloop import ioloop_of

        loop = getattr(self._services.reactor, "_asyncioEventloop", None)
        if loop is None:
            raise RuntimeError("gramex.service.main_ioloop needs the asyncio reactor")
        return ioloop_of(loop)

    @property
    def email(self) -> Any:
        """The services of ``email:`` by name; each has ``mail(to=..., subject=..., body=...)``."""
        from gramex_twisted.services.emails import Emails

        return self._services.part(Emails) if self._services.conf.get("email") else AttrDict()

    @property
    def sms(self) -> Any:
        """The services of ``sms:`` by name; each has ``send(to=..., subject=...)``."""
        from gramex_twisted.services.smses import Smses

        return self._services.part(Smses) if self._services.conf.get("sms") else AttrDict()

    @property
    def eventlog(self) -> Any:
        """``query(sql)`` and ``add(event, data)``; empty where there is no ``eventlog: {path: ...}``."""
        from gramex_twisted.services.eventlog import EventLog

        section = self._services.conf.get("eventlog") or {}
        return self._services.part(EventLog) if section.get("path") else AttrDict()

    @property
    def schedule(self) -> Mapping[str, Any]:
        """The entries of ``schedule:`` by name; each has ``run()``."""
        return self._tasks("schedule")

    @property
    def alert(self) -> Mapping[str, Any]:
        """The entries of ``alert:`` by name; each has ``run()``."""
        return self._tasks("alert")

    @cached_property
    def cache(self) -> AttrDict:
        """The caches of ``cache:`` by name, for values of user code: dicts with ``set(key, value, expire=seconds)``."""
        from gramex_twisted.compat.caches import caches_of

        return caches_of(self._services)

    def _tasks(self, section: str) -> Mapping[str, Any]:
        from gramex_twisted.services.scheduler.service import Scheduler

        scheduler = self._services.part(Scheduler)
        prefix = f"{section}."
        names = [name.removeprefix(prefix) for name in scheduler.tasks if name.startswith(prefix)]
        return AttrDict((name, TaskView(self._services, scheduler, prefix + name)) for name in names)


class TaskView:
    """One schedule or alert: ``next`` (seconds since 1970), ``run()`` now, ``stop()`` for good."""

    def __init__(self, services: Any, scheduler: Any, name: str) -> None:
        self.name = name.partition(".")[2]
        self._services = services
        self._scheduler = scheduler
        self._task = scheduler.tasks[name]

    @property
    def next(self) -> float | None:
        """When it runs next."""
        found: float | None = self._task.next
        return found

    def run(self) -> Any:
        """Run it. In a thread this returns when it has ended; on the reactor it returns a Deferred."""
        return self._there(self._scheduler.run_now, self._task.name)

    def stop(self) -> None:
        """Run it no more by itself."""
        self._there(self._task.stop)

    def _there(self, method: Callable[..., Any], *args: Any) -> Any:
        from twisted.python.threadable import isInIOThread

        return method(*args) if isInIOThread() else self._services.threads.call_in_reactor(method, *args)


class Pool(Executor):
    """Threads of its own, so that a coroutine or a function of the app's pool that waits for it holds up nobody.

    Functions see the contextvars of who has submitted them.
    """

    def __init__(self, workers: int) -> None:
        self._executor = ThreadPoolExecutor(workers, "gramex-threadpool")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See Executor."""
        return self._executor.submit(copy_context().run, fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """It is the app's, and goes on until that ends."""

    def close(self) -> None:
        """The app ends."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def _awaitable(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What ``method`` returns; a Deferred as something that coroutines of Tornado can yield too."""
    result = method(*args, **kwargs)
    return result if result is None else started(_waited(result))


async def _waited(result: Any) -> Any:
    return await result


def _route(endpoint: Any) -> AttrDict:
    conf = AttrDict.deep(endpoint.conf)
    kwargs = AttrDict.deep(endpoint.kwargs)
    view = AttrDict(name=endpoint.name, conf=conf, kwargs=kwargs)
    if hasattr(endpoint.resource, "exchange_refresh_token"):
        view["exchange_refresh_token"] = partial(_awaitable, endpoint.resource.exchange_refresh_token)
    return AttrDict(name=endpoint.name, pattern=endpoint.config.pattern, kwargs=kwargs, conf=conf, handler_class=view)
