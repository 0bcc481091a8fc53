"""Scheduler: the tasks of one app, and how they pass to the next app on a reload."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.services.container import Services
from gramex_twisted.services.scheduler.leader import TIMEOUT, FileLeader, Leader, RedisLeader
from gramex_twisted.services.scheduler.task import Task
from gramex_twisted.services.stores.base import StoreError

log = Logger()
#: Seconds until a time is tried again, when it was not known whether another process uses it.
PAUSE = 5.0


class Scheduler(Service):
    """Runs each of ``tasks`` at its times, in one of the processes that serve this app.

    ``waits``: an app is running that this one will replace. Nothing runs until that one hands over: so nothing runs
    twice, and nothing if the new app is not used after all. ``app``: the same in all processes of one app.
    """

    name = "scheduler"

    def __init__(self, services: Services) -> None:
        self.tasks: dict[str, Task] = {}
        self.waits = False
        self.app = str(services.root)
        self.stopped = False
        self._services = services
        self._leader: Leader | None = None
        self._failing = self._follows = False
        self._startup: Any = None

    def add(self, task: Task) -> None:
        """Run ``task`` too."""
        self.tasks[task.name] = task

    def run_now(self, name: str) -> Deferred[None]:
        """Run a task whatever its times and in this process; fires when it has ended.

        :raises KeyError: when there is none of this name, such as ``schedule.report``.
        :raises RuntimeError: when it runs already.
        """
        task = self.tasks[name]
        if task.running is not None:
            raise RuntimeError(f"{name} runs already, since {task.shown(task.running)}")
        return self._run(task)

    # Start and stop ---------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if not self.waits:
            self._begin(None)

    def hand_over(self, successor: Services) -> None:
        """Let the tasks of the new app go on where these are now."""
        new = successor.part(Scheduler)
        self._halt()
        new._begin(self)

    def _begin(self, before: Scheduler | None) -> None:
        self._leader = self._elected(before)
        old = {} if before is None else before.tasks
        for name, task in self.tasks.items():
            task.start(self._due, old.get(name))
        wanted = ("*",) if before is not None else (True, "*")
        tasks = [task for task in self.tasks.values() if task.times.startup and task.times.startup in wanted]
        if tasks:  # once the reactor runs, since they may be coroutines of asyncio
            self._startup = self._services.reactor.callLater(0, self._start_up, tasks)

    def _elected(self, before: Scheduler | None) -> Leader | None:
        """Who elects; the one of the app before, if that would elect alike."""
        leader = _leader(self._services, self.app) if self.tasks else None
        if before is not None and before._leader is not None:
            old, before._leader = before._leader, None
            if leader is not None and old.key == leader.key:
                return old
            Deferred.fromCoroutine(old.resign()).addErrback(_unexpected)
        return leader

    def drain(self) -> Deferred[None]:
        """Begin no more runs; fires when none is going on."""
        self._halt()
        ending = gatherResults([task.ended() for task in self.tasks.values()])
        return ending.addCallback(lambda _: None)

    def _halt(self) -> None:
        self.stopped = True
        if self._startup is not None and self._startup.active():
            self._startup.cancel()
        for task in self.tasks.values():
            task.stop()

    def stopService(self) -> Deferred[None]:
        """Begin no more runs, end those that wait on the reactor, and let another process run what is due."""
        super().stopService()
        self._halt()
        for task in self.tasks.values():
            task.cancel()
        leader, self._leader = self._leader, None
        return Deferred.fromCoroutine(_resign(leader))

    # Runs -------------------------------------------------------------------------------------------------------------

    def _start_up(self, tasks: list[Task]) -> None:
        Deferred.fromCoroutine(self._run_startup(tasks)).addErrback(_unexpected)

    async def _run_startup(self, tasks: list[Task]) -> None:
        try:
            leads = await self._leads()
        except StoreError as error:
            names = ", ".join(task.name for task in tasks)
            log.error("{names}: not run at the start: {error}", names=names, error=str(error))
            return
        for task in tasks:
            if leads and not self.stopped and self._is_free(task):
                self._run(task)

    def _due(self, task: Task) -> None:
        Deferred.fromCoroutine(self._run_due(task)).addErrback(_unexpected)

    async def _run_due(self, task: Task) -> None:
        try:
            leads = await self._leads()
        except StoreError as error:
            if not self._failing:
                log.error("schedules wait until it is known which process runs them: {error}", error=str(error))
            self._failing = True
            if not self.stopped:
                task.again(PAUSE)
            return
        self._failing = False
        if self.stopped:
            return
        task.advance()
        if leads and self._is_free(task):
            self._run(task)

    def _is_free(self, task: Task) -> bool:
        since = task.running
        if since is not None:
            log.warn("{name}: still runs since {since}: not begun again", name=task.name, since=task.shown(since))
        return since is None

    def _run(self, task: Task) -> Deferred[None]:
        in_flight = self._services.in_flight
        in_flight.began()
        return task.run().addBoth(lambda _: in_flight.ended())

    async def _leads(self) -> bool:
        leads = self._leader is not None and await self._leader.leads()
        if not leads and not self._follows and not self.stopped:
            log.info("another process of this app runs its schedules")
        self._follows = not leads
        return leads


def _leader(services: Services, key: str) -> Leader:
    """By Redis where sessions are kept there, since the app may then run on several machines; else by a lock file."""
    app: dict[str, Any] = services.conf.get("app") or {}
    session = app.get("session") or {}
    if session.get("type") == "redis":
        from gramex_twisted.services.stores.open import redis_url
        from gramex_twisted.services.stores.redisclient import Connection, parse

        connection = Connection(services.reactor, parse(session.get("url") or redis_url(session.get("path"))), TIMEOUT)
        return RedisLeader(services.reactor, connection, (app.get("broadcast") or {}).get("channel") or "app")
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    return FileLeader(services.data_dir / "schedules" / f"{name}.lock")


async def _resign(leader: Leader | None) -> None:
    if leader is not None:
        await leader.resign()


def _unexpected(failure: Failure) -> None:
    log.failure("the scheduler failed", failure)
