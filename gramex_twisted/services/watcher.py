"""Notices that a file was edited, replaced or removed.

One thread waits for the operating system's notifications (watchfiles) and then asks the files themselves: a file has
changed when its status differs and the change is no older than the last reading. So a ``touch`` that beats a reload to
it, an editor's rename and a notification that never came (network file systems) all come out right.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.logger import Logger

from gramex_twisted.services.notifications import notifications

log = Logger()

# Milliseconds after which it looks anyway.
ANYWAY = 500
# The kernel stamps files with a clock that lags behind time.time_ns() by up to a tick; nanoseconds.
CLOCK_LAG = 20_000_000
SOURCES = (".yaml", ".yml", ".py")

Status: TypeAlias = tuple[int, int, int, int] | None


class Watcher(Service):
    """Calls ``changed(paths)`` on the reactor when watched files have changed; ``paths`` is a sorted list.

    ``reading()`` must be called before the files are read: what changed earlier is then known to be read.
    """

    def __init__(self, reactor: Any, changed: Callable[[list[Path]], object]) -> None:
        self.reactor = reactor
        self.changed = changed
        self._since = time.time_ns()
        self._stop = Event()

    def reading(self) -> None:
        """Everything is about to be read anew: what changed before this moment is no news."""
        self._since = time.time_ns()

    def watch(self, files: Iterable[Path], *, any_source: bool = False) -> None:
        """Watch ``files`` from now on, and no others.

        With ``any_source`` every YAML and Python file in their folders counts too: after a configuration that could not
        be loaded nobody knows which files would belong to it.
        """
        self.rest()
        self._stop = Event()
        watch = _Watch(self, frozenset(files), any_source, self._stop)
        Thread(target=watch.run, name="gramex watcher", daemon=True).start()

    def rest(self) -> None:
        """Watch nothing. The thread that watched notices within a tenth of a second."""
        self._stop.set()

    def stopService(self) -> None:
        """Watch nothing any more."""
        super().stopService()
        self.rest()

    def is_news(self, status: Status) -> bool:
        """Whether a file with this ``status`` may have changed after it was last read."""
        return status is None or status[0] >= self._since - CLOCK_LAG


class _Watch:
    """One set of files under watch, until ``stop`` is set. It runs in its own thread."""

    def __init__(self, watcher: Watcher, files: frozenset[Path], any_source: bool, stop: Event) -> None:
        self.watcher = watcher
        self.files = files
        self.folders = sorted({path.parent for path in files})
        self.any_source = any_source
        self.stop = stop
        self.statuses = self.look()

    def look(self) -> dict[Path, Status]:
        """The status of every file that counts at this moment."""
        sources = (path for folder in self.folders for path in _sources(folder)) if self.any_source else ()
        return {path: _status(path) for path in {*self.files, *sources}}

    def run(self) -> None:
        self.report(path for path, status in self.statuses.items() if _is_past(status) and self.watcher.is_news(status))
        for _ in self.moments():
            self.report(self.differing())

    def report(self, paths: Iterable[Path]) -> None:
        changed = sorted(set(paths))
        if changed and not self.stop.is_set():
            self.watcher.reactor.callFromThread(self.deliver, changed)

    def deliver(self, changed: list[Path]) -> None:
        if not self.stop.is_set():
            self.watcher.changed(changed)

    def differing(self) -> Iterator[Path]:
        before, self.statuses = self.statuses, self.look()
        for path in {**before, **self.statuses}:
            status = self.statuses.get(path)
            if status != before.get(path) and self.watcher.is_news(status):
                yield path

    def moments(self) -> Iterator[object]:
        """When to look: at every notification, and anyway."""
        try:
            folders = [folder for folder in self.folders if folder.is_dir()]
            if folders:
                yield from notifications(folders, self.stop, ANYWAY, recursive=False)
        except (OSError, RuntimeError) as error:  # out of watches, a folder that vanished
            log.warn(
                "no file notifications, looking every {seconds} s instead: {error}",
                seconds=ANYWAY / 1000,
                error=error,
            )
        while not self.stop.wait(ANYWAY / 1000):
            yield None


def _sources(folder: Path) -> Iterator[Path]:
    try:
        found = list(os.scandir(folder))
    except OSError:
        return
    for entry in found:
        if entry.name.endswith(SOURCES):
            yield folder / entry.name


def _status(path: Path) -> Status:
    """When the file last changed in any way (ns), when its content did, its size and its inode; None if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ctime_ns, found.st_mtime_ns, found.st_size, found.st_ino


def _is_past(status: Status) -> bool:
    """A status from the future (a clock that was set back) proves nothing, and must not cause reloads without end."""
    return status is not None and status[0] <= time.time_ns()
