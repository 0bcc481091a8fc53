"""Datasets: what the tables of an app share, and the threads that work on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.model import parse_size
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.memory import SIZE, Memory
from gramex_twisted.data.sources import preload, source_of
from gramex_twisted.data.sources.base import Shared, Source
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.services.container import Services
from gramex_twisted.services.threads import Threads

T = TypeVar("T")

WORKERS = 16
"""Threads that read and write tables."""
SHARE = 8
"""How many of them one place of tables, such as a database, may have at a time: so a slow one never delays others."""
MADE = 256 << 20
"""Bytes of what functions make of files, until those change."""
ANSWERS = 64 << 20
"""Bytes of answers that are kept for the next time that the same is asked of an unchanged file."""


log = Logger()


class Datasets(Service):
    """Sources of data by what describes them. Its threads are its own: a slow query delays no function."""

    name = "datasets"

    def __init__(self, services: Services) -> None:
        self._others = services.threads
        self.threads: Threads = services.threads.beside(WORKERS)
        self.memory = Memory(_size(services))
        """Files, until they change."""
        self.made = Memory(MADE)
        """What functions of the user have made of them."""
        self.answers = Memory(ANSWERS)
        self.engines = Engines()
        self._shared = Shared(self.memory, self.engines, services.root)
        self._lanes: dict[str, DeferredSemaphore] = {}
        self._needed: list[Dataset] = []

    def source(self, dataset: Dataset, function: Callable[..., Any] | None = None) -> Source:
        """What reads `dataset`; `function` makes the data of one without a URL. Raises ValueError."""
        source = source_of(dataset, self._shared, function)
        if not self.running:
            self._needed.append(dataset)
        return source

    def changed(self, dataset: Dataset, **fields: Any) -> Source:
        """What reads `dataset` with other fields."""
        return self.source(replace(dataset, **fields))

    def run(self, place: str, function: Callable[..., T], *args: Any) -> Deferred[T]:
        """Call `function` in a thread; at most SHARE calls for one `place` run at once."""
        lane = self._lanes.get(place)
        if lane is None:
            lane = self._lanes[place] = DeferredSemaphore(SHARE)
        found: Deferred[T] = lane.run(self.threads.run, function, *args)
        return found

    def hand_over(self, successor: Services) -> None:
        """Give the files that have been read to the app that comes after a reload."""
        successor.part(Datasets).memory.inherit(self.memory)

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if self.threads is not self._others:
            self.threads.startService()
            needed, self._needed = self._needed, []
            self.threads.run(_preload, needed).addErrback(_logged)

    def stopService(self) -> Deferred[None]:
        """Wait for what runs, then close the connections."""
        super().stopService()
        stopped = succeed(None) if self.threads is self._others else self.threads.stopService()
        return stopped.addCallback(self._dispose)

    def _dispose(self, _result: object) -> None:
        self.engines.dispose()  # closes idle sockets, which waits for nobody

    def cancel(self, function: Callable[[], None]) -> None:
        """Call `function`, which ends what runs, even where all threads of this are busy."""
        self._others.run(function).addErrback(_logged)


def _size(services: Services) -> int:
    """Bytes of files that are kept."""
    memory = (services.conf.get("cache") or {}).get("memory") or {}
    return int(parse_size(memory["size"])) if memory.get("size") else SIZE


def _preload(datasets: list[Dataset]) -> None:
    for dataset in datasets:
        preload(dataset)


def _logged(failure: Failure) -> None:
    log.warn("in the background: {error}", error=failure.value)
