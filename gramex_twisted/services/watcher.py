"""Notices that a file was edited, replaced or removed.

One thread waits for the operating system's notifications (watchfiles) and then asks the files themselves: a file has
changed when its status differs and the change is no older than the last reading. So a ``touch`` that beats a reload to
it, an editor's rename and a notification that never came (network file systems) all come out right.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeAlias

from twisted.application.service import Service
from twisted.logger import Logger

log = Logger()

# Milliseconds: look after this much quiet, at the latest after that much, and anyway every so often.
QUIET, LATEST, ANYWAY = 100, 500, 500
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
        self._stop.set()
        self._stop = Event()
        statuses = {path: _status(path) for path in files}
        watch = _Watch(self, statuses, any_source, self._stop)
        Thread(target=watch.run, name="gramex watcher", daemon=True).start()

    def stopService(self) -> None:
        """End the thread; it notices within a tenth of a second."""
        super().stopService()
        self._stop.set()

    def is_news(self, status: Status) -> bool:
        """Whether a file with this ``status`` may have changed after it was last read."""
        return status is None or status[0] >= self._since - CLOCK_LAG


class _Watch:
    """One set of files under watch, until ``stop`` is set. Lives in its own thread."""

    def __init__(self, watcher: Watcher, statuses: dict[Path, Status], any_source: bool, stop: Event) -> None:
        self.watcher = watcher
        self.statuses = statuses
        self.any_source = any_source
        self.stop = stop

    def run(self) -> None:
        self.report(path for path, status in self.statuses.items() if _is_past(status) and self.watcher.is_news(status))
        for noticed in self.looks():
            self.report([*self.differing(), *(self.sources(noticed) if self.any_source else ())])

    def report(self, paths: Iterable[Path]) -> None:
        changed = sorted(set(paths))
        if changed and not self.stop.is_set():
            self.watcher.reactor.callFromThread(self.deliver, changed)

    def deliver(self, changed: list[Path]) -> None:
        if not self.stop.is_set():
            self.watcher.changed(changed)

    def differing(self) -> Iterator[Path]:
        for path, before in self.statuses.items():
            status = _status(path)
            if status != before:
                self.statuses[path] = status
                if self.watcher.is_news(status):
                    yield path

    def sources(self, noticed: Iterable[str]) -> Iterator[Path]:
        for name in noticed:
            path = Path(name)
            if path.suffix in SOURCES and path not in self.statuses and self.watcher.is_news(_status(path)):
                yield path

    def looks(self) -> Iterator[set[str]]:
        """Yield when it is time to look at the files, with the paths that the system has named."""
        try:
            yield from self.notifications()
        except (OSError, RuntimeError) as error:  # out of watches, a folder that vanished
            log.warn(
                "no file notifications, looking every {seconds} s instead: {error}", seconds=ANYWAY / 1000, error=error
            )
        while not self.stop.wait(ANYWAY / 1000):
            yield set()

    def notifications(self) -> Iterator[set[str]]:
        from watchfiles import watch  # here, because an app that is not watched need not load it

        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it reports every change in the folders
        folders = {path.parent for path in self.statuses if path.parent.is_dir()}
        if not folders:
            return
        for changes in watch(
            *sorted(folders),
            watch_filter=None,
            debounce=LATEST,
            step=QUIET,
            stop_event=self.stop,
            rust_timeout=ANYWAY,
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            yield {name for _, name in changes}


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
