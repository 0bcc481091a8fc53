"""Functions that run when files change: ``watch:``.

One thread waits for the operating system's notifications (watchfiles) and hands them to the reactor. The functions of
one entry run one after another, in the order of what happened.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.logger import Logger

from gramex_twisted.functions import Function
from gramex_twisted.services.calls import call
from gramex_twisted.services.container import Services
from gramex_twisted.services.notifications import notifications
from gramex_twisted.services.sentry.telling import tell

log = Logger()
#: Milliseconds after which a thread looks for its end.
ANYWAY = 250
#: Events of one entry that may wait.
MOST_WAITING = 10_000
KINDS = {1: "created", 2: "modified", 3: "deleted"}

Changes = list[tuple[str, str]]
"""What happened (one of KINDS), and the absolute path."""


@dataclass(frozen=True)
class Event:
    """What a function gets: ``event_type`` is created, modified or deleted."""

    event_type: str
    src_path: str
    is_directory: bool
    dest_path: str = ""


class Entry:
    """One entry of ``watch:``: the functions of event types, ``any_event`` among them."""

    def __init__(self, services: Services, name: str, paths: Iterable[Path], functions: Mapping[str, Function]) -> None:
        self.name = name
        self.paths = tuple(paths)
        self.folders = frozenset(path if path.is_dir() else path.parent for path in self.paths)
        self._patterns = [str(path / "*") if path.is_dir() else str(path) for path in self.paths]
        self._functions = functions
        self._services = services
        self._waiting: deque[Event] = deque()
        self._running = False
        self._idle: list[Deferred[None]] = []

    def tell(self, kind: str, path: str) -> None:
        """Something has happened to ``path``."""
        if not any(fnmatch(path, pattern) for pattern in self._patterns):
            return
        if len(self._waiting) >= MOST_WAITING:
            log.warn("watch.{name}: {path} {kind}: left out, since {count} events wait",
                     name=self.name, path=path, kind=kind, count=MOST_WAITING)  # fmt: skip
            return
        self._waiting.append(Event(kind, path, os.path.isdir(path)))
        if not self._running:
            self._running = True
            Deferred.fromCoroutine(self._work()).addErrback(lambda failure: log.failure("watch failed", failure))

    async def _work(self) -> None:
        self._services.in_flight.began()
        try:
            while self._waiting:
                event = self._waiting.popleft()
                for kind in (event.event_type, "any_event"):
                    if kind in self._functions:
                        await self._call(self._functions[kind], event)
        finally:
            self._running = False
            self._services.in_flight.ended()
            idle, self._idle = self._idle, []
            for deferred in idle:
                if not deferred.called:
                    deferred.callback(None)

    async def _call(self, function: Function, event: Event) -> None:
        try:
            await call(self._services, f"watch.{self.name}", function, event)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a user's function
            log.failure("watch.{name}: {path} {kind}: {error}", name=self.name, path=event.src_path,
                        kind=event.event_type, error=error)  # fmt: skip
            tell(self._services, f"watch.{self.name}", error)

    def forget(self) -> Deferred[None]:
        """Leave out what waits; fires when what runs has ended, or nobody wants to wait any longer."""
        self._waiting.clear()
        idle: Deferred[None] = Deferred(lambda cancelled: cancelled.callback(None))
        if self._running:
            self._idle.append(idle)
        else:
            idle.callback(None)
        return idle


class FileWatches(Service):
    """All entries of an app. ``waits``: an app is running that this one will replace; until then nothing is watched."""

    name = "file watches"

    def __init__(self, services: Services) -> None:
        self.entries: list[Entry] = []
        self.waits = False
        self._reactor = services.reactor
        self._thread: Watching | None = None

    def add(self, entry: Entry) -> None:
        """Watch this too."""
        for folder in entry.folders:
            if not folder.is_dir():
                log.warn("watch.{name}: there is no folder {folder}", name=entry.name, folder=str(folder))
        self.entries.append(entry)

    def watching(self) -> Deferred[None]:
        """Fires when what happens from now on is noticed."""
        found: Deferred[None] = Deferred()
        if self._thread is None:
            found.callback(None)
        else:
            self._thread.waiting.append(found)
        return found

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if not self.waits:
            self._begin(None)

    def hand_over(self, successor: Services) -> None:
        """Let the new app notice what happens from now on, with the same thread where it watches the same."""
        thread, self._thread = self._thread, None
        successor.part(FileWatches)._begin(thread)

    def _begin(self, before: Watching | None) -> None:
        folders = frozenset(folder for entry in self.entries for folder in entry.folders if folder.is_dir())
        if before is not None and before.folders == folders:
            self._thread = before
            before.deliver = self._deliver
            return
        if folders:
            self._thread = Watching(self._reactor, folders, self._deliver)
        if before is not None:
            before.stop()

    def _deliver(self, changes: Changes) -> None:
        for kind, path in changes:
            for entry in self.entries:
                entry.tell(kind, path)

    def drain(self) -> Deferred[None]:
        """Watch no more; fires when no function runs."""
        if self._thread is not None:
            self._thread.stop()
        return gatherResults([entry.forget() for entry in self.entries]).addCallback(lambda _: None)

    def stopService(self) -> None:
        """Watch no more."""
        super().stopService()
        self.drain()


class Watching:
    """A thread that notices what happens in ``folders`` and below, until it is told to stop."""

    def __init__(self, reactor: Any, folders: frozenset[Path], deliver: Callable[[Changes], None]) -> None:
        self.folders = folders
        self.deliver = deliver
        self.waiting: list[Deferred[None]] = []
        self._reactor = reactor
        self._stop = Flag()
        Thread(target=self._run, name="gramex file watches", daemon=True).start()

    def stop(self) -> None:
        """End soon, and tell of nothing more."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self._report(polling=False)
        except (OSError, RuntimeError) as error:  # out of watches
            log.warn("no file notifications, looking at all files instead: {error}", error=error)
            self._report(polling=True)

    def _report(self, *, polling: bool) -> None:
        for found in notifications(sorted(self.folders), self._stop, ANYWAY, polling=polling):
            if self._stop.is_set():
                return
            self._reactor.callFromThread(self._tell, sorted((KINDS[change.value], path) for change, path in found))

    def _tell(self, changes: Changes) -> None:
        if self._stop.is_set():
            return
        waiting, self.waiting = self.waiting, []
        for deferred in waiting:
            deferred.callback(None)
        self.deliver(changes)
