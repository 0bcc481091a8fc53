"""A store in a JSON file in the format of Gramex 1.x, so that its sessions live on. For few and small entries.

The file is kept in memory and rewritten as a whole: to a file beside it, which is fsynced and renamed. A write is
confirmed when that is done; those that wait meanwhile share the next rewriting. A lock file, ``<path>.lock``, lets
processes take turns, and each reads the file again when another has replaced it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import Change, Entry, Store, StoreError
from gramex_twisted.services.stores.jsontext import checked, parse, render
from gramex_twisted.services.stores.lane import Job, Lane
from gramex_twisted.services.stores.locks import locked
from gramex_twisted.services.stores.wholefile import WholeFile

T = TypeVar("T")
#: Seconds that a busy writer leaves to other processes after each rewriting.
COURTESY = 0.002
#: Seconds that another program gets to write a file that is not whole, and between looks.
WRITING, PAUSE = 1.0, 0.02


class Work(NamedTuple):
    """What the thread does with a copy of the entries; ``writes``: the copy becomes the file."""

    call: Callable[[dict[str, Entry]], Any]
    writes: bool = True


class JsonFileStore(Store):
    """JSON objects in the file ``path``; ``put`` and ``update`` raise ValueError for other values.

    ``_t`` in an object is its entry's time of expiry: it is taken out of values that are read, and set in the file.

    :param threaded: False: do everything on the reactor (tests with a Clock).
    """

    def __init__(self, reactor: Any, path: Path, *, threaded: bool = True, **options: Any) -> None:
        super().__init__(reactor, **options)
        self._file = file = WholeFile(path)
        self.path = file.path
        self._lane: Lane[Work] = Lane(reactor, str(path), self._run, self.timeout, finish=file.close, threaded=threaded)
        self._entries: Mapping[str, Entry] = {}  # replaced as a whole, by the thread

    async def ready(self) -> None:
        """See ``Store.ready``: reads the file."""
        await self._lane.submit(Work(lambda entries: None, writes=False))

    async def get(self, key: str) -> Entry | None:
        """See ``Store.get``."""
        if self._lane.stopping or self._file.changed():
            await self.ready()
        entry = self._entries.get(key)
        return None if entry is None or entry.expired(self.clock()) else entry

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``."""
        entry = Entry(checked(value), expires)
        await self._lane.submit(Work(lambda entries: entries.update({key: entry})))

    async def delete(self, key: str) -> bool:
        """See ``Store.delete``."""

        def work(entries: dict[str, Entry]) -> bool:
            entry = entries.pop(key, None)
            return entry is not None and not entry.expired(self.clock())

        return bool(await self._lane.submit(Work(work)))

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``."""

        def work(entries: dict[str, Entry]) -> T:
            entry = entries.get(key)
            new, result = change(None if entry is None or entry.expired(self.clock()) else entry)
            if new is None:
                entries.pop(key, None)
            else:
                entries[key] = Entry(checked(new.value), new.expires)
            return result

        result: T = await self._lane.submit(Work(work))
        return result

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``."""
        await self.ready()
        now = self.clock()
        return sorted(key for key, entry in self._entries.items() if key.startswith(prefix) and not entry.expired(now))

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """See ``Store.newest``: those that expire last."""
        await self.ready()
        now, entries = self.clock(), self._entries
        found = [
            (key, entry)
            for key, entry in entries.items()
            if not entry.expired(now) and not (without and key.startswith(without))
        ]
        return sorted(found, key=lambda item: -(item[1].expires or math.inf))[:limit]

    async def purge(self) -> int:
        """See ``Store.purge``."""

        def work(entries: dict[str, Entry]) -> int:
            now = self.clock()
            gone = [key for key, entry in entries.items() if entry.expired(now)]
            for key in gone:
                del entries[key]
            return len(gone)

        return int(await self._lane.submit(Work(work)))

    def stopService(self) -> Deferred[None]:
        """See ``Store.stopService``."""
        super().stopService()
        return self._lane.stop()

    # --- the thread's side

    def _run(self, jobs: list[Job[Work]]) -> None:
        try:
            if any(job.work.writes for job in jobs):
                self._rewrite(jobs)
            else:
                self._refresh()
                self._do(jobs)
        except (StoreError, OSError) as error:
            reason = f"{self.path}: cannot be written: {error.strerror}" if isinstance(error, OSError) else str(error)
            for job in jobs:
                job.fail(StoreError(reason))

    def _do(self, jobs: list[Job[Work]]) -> dict[str, Entry]:
        entries = dict(self._entries)
        for job in jobs:
            try:
                job.result = job.work.call(entries)
            except Exception as error:  # noqa: BLE001 - a Change may raise anything
                job.fail(error)
        return entries

    def _rewrite(self, jobs: list[Job[Work]]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self._file.known and self._file.changed():  # other processes write too: let them
            time.sleep(COURTESY)
        with locked(self._file.beside(".lock"), jobs[0].deadline - self.timeout / 10):
            self._refresh()
            entries = self._do(jobs)
            if entries != self._entries:
                self._file.replace(render(entries))
                self._entries = entries

    def _refresh(self) -> None:
        """Read the file, if it is not the one that was read or written last. Wait for Gramex, which writes in place."""
        end = time.monotonic() + WRITING
        while self._file.changed():
            content = self._file.read()
            try:
                self._entries = {} if content is None else parse(content, self.path)
            except StoreError:
                self._file.forget()
                if time.monotonic() > end or self._file.age() > 2 * WRITING:
                    raise
                time.sleep(PAUSE)
