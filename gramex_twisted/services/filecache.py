"""FileCache: what is known about the files that are asked for most, bounded by bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

#: Bytes that an entry costs beside its content.
OVERHEAD = 1024


class FileCache:
    """The least recently used goes first. On the reactor only.

    :param limit: bytes of all entries together; an entry over an eighth of that is not kept.
    """

    def __init__(self, limit: int = 32 << 20) -> None:
        self.limit = limit
        self.size = 0
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Any:
        """The entry of ``key``, None where there is none."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: Hashable, entry: Any, size: int) -> None:
        """Keep ``entry``, whose content takes ``size`` bytes, instead of what ``key`` had."""
        self.drop(key)
        cost = size + OVERHEAD
        if cost > self.limit // 8:
            return
        self._entries[key] = entry, cost
        self.size += cost
        while self.size > self.limit:
            _, (_, cost) = self._entries.popitem(last=False)
            self.size -= cost

    def drop(self, key: Hashable) -> None:
        """Forget ``key``."""
        found = self._entries.pop(key, None)
        if found is not None:
            self.size -= found[1]
