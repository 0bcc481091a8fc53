"""A store in this process's memory: gone when the process ends, unless it is bounded sooner."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeVar

from gramex_twisted.services.stores.base import Change, Entry, Store

T = TypeVar("T")
#: What an entry takes beside its key and its value, in bytes: the dict's slot, the Entry, two objects' heads.
OVERHEAD = 250


class Entries(OrderedDict[str, Entry]):
    """The entries, the least recently used first, of at most ``size`` bytes (None: any number)."""

    def __init__(self, size: int | None = None) -> None:
        super().__init__()
        self.size = size
        self.bytes = 0

    def store(self, key: str, entry: Entry) -> None:
        """Keep ``entry``, at the expense of those that were not used for longest."""
        self.drop(key)
        self[key] = entry
        self.bytes += weight(key, entry)
        while self.size is not None and self.bytes > self.size and self:
            self.drop(next(iter(self)))

    def drop(self, key: str) -> Entry | None:
        """Forget ``key``; the entry that it had."""
        entry = self.pop(key, None)
        if entry is not None:
            self.bytes -= weight(key, entry)
        return entry


def weight(key: str, entry: Entry) -> int:
    """Bytes of memory that an entry takes, about."""
    return len(key) + len(entry.value) + OVERHEAD


class MemoryStore(Store):
    """Entries in memory. With ``size``, in bytes, the least recently used make room for new ones, as in a cache.

    :param entries: those of another MemoryStore's ``entries``: what a reloaded app goes on with.
    """

    def __init__(
        self, reactor: Any, *, size: int | None = None, entries: Entries | None = None, **options: Any
    ) -> None:
        super().__init__(reactor, **options)
        self.entries = Entries(size) if entries is None else entries

    async def get(self, key: str) -> Entry | None:
        """See ``Store.get``."""
        return self._get(key)

    def _get(self, key: str) -> Entry | None:
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.expired(self.clock()):
            self.entries.drop(key)
            return None
        if self.entries.size is not None:
            self.entries.move_to_end(key)
        return entry

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``. A bounded store may forget it at any time."""
        self.entries.store(key, Entry(value, expires))

    async def delete(self, key: str) -> bool:
        """See ``Store.delete``."""
        entry = self.entries.drop(key)
        return entry is not None and not entry.expired(self.clock())

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``."""
        entry, result = change(self._get(key))
        if entry is None:
            self.entries.drop(key)
        else:
            self.entries.store(key, entry)
        return result

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``."""
        now = self.clock()
        return sorted(key for key, entry in self.entries.items() if key.startswith(prefix) and not entry.expired(now))

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """See ``Store.newest``: those that were written last."""
        return list(islice(self._others(without), limit))

    async def count(self, without: str = "") -> int | None:
        """See ``Store.count``."""
        return sum(1 for _ in self._others(without))

    def _others(self, without: str) -> Iterator[tuple[str, Entry]]:
        now = self.clock()
        for key, entry in reversed(self.entries.items()):
            if not entry.expired(now) and not (without and key.startswith(without)):
                yield key, entry

    async def purge(self) -> int:
        """See ``Store.purge``."""
        now = self.clock()
        gone = [key for key, entry in self.entries.items() if entry.expired(now)]
        for key in gone:
            self.entries.drop(key)
        return len(gone)
