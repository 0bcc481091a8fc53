"""Numbers: how the server is at one moment, for its metrics and its pages.

They are taken on the reactor in no time, and can then be looked at in any thread. Only sessions have to be asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gramex_twisted.daemon.admin.health import failed_routes
from gramex_twisted.data.memory import process_memory
from gramex_twisted.services.datasets import Datasets
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.scheduler.task import Task
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.websockets import WebSockets

if TYPE_CHECKING:
    from gramex_twisted.app import Gramex
    from gramex_twisted.daemon.service import GramexDaemon
    from gramex_twisted.services.container import Services
    from gramex_twisted.services.measures import Measures

#: What sign-in remembers lies in the store of sessions under such keys.
RECORDS = "auth:"
#: Seconds that a count of sessions holds.
FRESH = 15.0


@dataclass(frozen=True)
class RouteNumbers:
    """What a route has answered: see ``RouteMeasure``. ``hits`` and ``misses`` are its cache's, if it has one."""

    name: str
    classes: tuple[int, ...]
    seconds: float
    answers: dict[tuple[str, int], int]
    hits: int | None = None
    misses: int | None = None

    @property
    def count(self) -> int:
        """How many requests."""
        return sum(self.classes)


@dataclass(frozen=True)
class Pool:
    """Threads: how many there may be, how many work, how many calls wait."""

    name: str
    workers: int
    busy: int
    waiting: int


@dataclass(frozen=True)
class Kept:
    """What is kept in memory or on disk, in bytes. None: not known, or without a limit."""

    name: str
    kind: str
    used: int | None = None
    size: int | None = None
    entries: int | None = None


@dataclass(frozen=True)
class Numbers:
    """All of them."""

    routes: tuple[RouteNumbers, ...]
    in_flight: int
    connections: int
    websockets: int
    pools: tuple[Pool, ...]
    caches: tuple[Kept, ...]
    memories: tuple[Kept, ...]
    tasks: tuple[Task, ...]
    failed_routes: int
    reloads: int
    failed_reloads: int
    last_reload: float | None
    last_reload_worked: bool
    ready: bool
    delay: float
    sessions: int | None = None


def numbers_of(daemon: GramexDaemon, measures: Measures, *, ready: bool, delay: float, sessions: int | None) -> Numbers:
    """How ``daemon`` is now.

    :param delay: by how many seconds the reactor was late of late.
    """
    app = daemon.app
    shared, reloads = app.shared, daemon.reloader.record
    sockets = shared.made(WebSockets)
    return Numbers(
        routes=tuple(_routes(app, measures)),
        in_flight=sum(found.in_flight for found in daemon.apps),
        connections=len(daemon.site.channels),
        websockets=0 if sockets is None else len(sockets.open),
        pools=tuple(_pools(shared)),
        caches=tuple(_caches(shared)),
        memories=tuple(_memories(shared)),
        tasks=tuple(shared.part(Scheduler).tasks.values()),
        failed_routes=failed_routes(app),
        reloads=reloads.done,
        failed_reloads=reloads.failed,
        last_reload=reloads.last,
        last_reload_worked=not reloads.error,
        ready=ready,
        delay=delay,
        sessions=sessions,
    )


def _routes(app: Gramex, measures: Measures) -> Iterator[RouteNumbers]:
    for name, endpoint in app.shared.endpoints.items():
        found, cache = measures.route(name), endpoint.cache
        counted = (None, None) if cache is None else (cache.hits, cache.misses)
        yield RouteNumbers(name, tuple(found.classes), found.seconds, dict(found.answers), *counted)


def _pools(shared: Services) -> Iterator[Pool]:
    pools: dict[str, Any] = {"functions": shared.threads}
    if shared.hashing is not shared.threads:
        pools["passwords"] = shared.hashing
    datasets = shared.made(Datasets)
    if datasets is not None and datasets.threads is not shared.threads:
        pools["tables"] = datasets.threads
    for name, threads in pools.items():
        yield Pool(name, threads.workers, threads.busy, threads.waiting)


def _caches(shared: Services) -> Iterator[Kept]:
    for name, store in shared.caches.opened.items():
        if isinstance(store, MemoryStore):
            yield Kept(name, "memory", store.entries.bytes, store.entries.size, len(store.entries))
        else:
            yield Kept(name, "disk", size=store.size) if isinstance(store, DiskStore) else Kept(name, "redis")


def _memories(shared: Services) -> Iterator[Kept]:
    own = process_memory()
    memories = {} if not own.used else {"functions": own}
    datasets = shared.made(Datasets)
    if datasets is not None:
        memories |= {"files": datasets.memory, "made": datasets.made, "answers": datasets.answers}
    for name, memory in memories.items():
        yield Kept(name, "memory", memory.used, memory.size)


@dataclass
class SessionCount:
    """How many sessions there are, counted not more often than matters."""

    seconds: Any
    _asked: float | None = None
    _found: int | None = None
    _store: Any = field(default=None, repr=False)

    async def of(self, app: Gramex) -> int | None:
        """None where it cannot be known."""
        store, now = app.shared.sessions.store, self.seconds()
        if self._store is not store or self._asked is None or now - self._asked > FRESH:
            self._asked, self._store = now, store
            try:
                self._found = await store.count(RECORDS)
            except StoreError:
                self._found = None  # the requests that need it say so in the log
        return self._found
