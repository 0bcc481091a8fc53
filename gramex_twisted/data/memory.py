"""What has been read from files and databases, kept while there is room: the least recently used goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from gramex_twisted.data.errors import Cancelled

T = TypeVar("T")

LOOK = 0.2
"""Seconds between two looks at whether a value is still waited for."""
SIZE = 500_000_000
"""Bytes that a Memory holds unless it is told otherwise."""


@dataclass(frozen=True)
class _Kept:
    stamp: Hashable
    value: Any
    size: int


class _Making(Generic[T]):
    """A value that one thread makes and others wait for."""

    def __init__(self, stamp: Hashable) -> None:
        self.stamp = stamp
        self.done = Event()
        self.value: T | None = None
        self.error: BaseException | None = None

    def result(self, gone: Callable[[], bool]) -> Any:
        """What has been made, or the error, when it is there. Raises Cancelled where it is not waited for any more."""
        while not self.done.wait(LOOK):
            if gone():
                raise Cancelled("nobody waits for the answer any more")
        if self.error is not None:
            raise self.error
        return self.value


class Memory:
    """Values by key, `size` bytes of them at most. Used from any thread; no lock is held while a value is made."""

    def __init__(self, size: int = SIZE) -> None:
        self._limit = size
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._making: dict[Hashable, _Making[Any]] = {}
        self._used = 0
        self._lock = Lock()

    @property
    def size(self) -> int:
        """Bytes that it may hold. When this is made less, what no longer fits goes."""
        return self._limit

    @size.setter
    def size(self, size: int) -> None:
        with self._lock:
            self._limit = size
            self._shrink()

    @property
    def used(self) -> int:
        """Bytes that it holds."""
        return self._used

    def get(
        self,
        key: Hashable,
        stamp: Hashable,
        make: Callable[[], T],
        size_of: Callable[[T], int],
        gone: Callable[[], bool] = lambda: False,
    ) -> T:
        """The value of `key`, made by `make()` where there is none of this `stamp`.

        Of several threads that ask at once one makes it, and the others wait: they get the same value, or the same
        error. Errors are not kept, nor are values of more bytes than all of the memory. Who waits asks `gone` now and
        then, and where that is true, raises Cancelled.
        """
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and kept.stamp == stamp:
                self._kept.move_to_end(key)
                value: T = kept.value
                return value
            making: _Making[T] | None = self._making.get(key)
            mine = making is None or making.stamp != stamp
            if making is None or mine:
                making = self._making[key] = _Making(stamp)
        if mine:
            self._make(key, making, make, size_of)
        found: T = making.result(gone)
        return found

    def peek(self, key: Hashable, stamp: Hashable) -> Any:
        """The value of `key` with this `stamp`, or None."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept.stamp != stamp:
                return None
            self._kept.move_to_end(key)
            return kept.value

    def put(self, key: Hashable, stamp: Hashable, value: Any, size: int) -> None:
        """Keep `value`, of `size` bytes, as what `key` has from now on."""
        with self._lock:
            self._drop(key)
            if size <= self._limit:
                self._kept[key] = _Kept(stamp, value, size)
                self._used += size
                self._shrink()

    def inherit(self, other: Memory) -> None:
        """Keep what `other` has and this has not, as long as there is room, and as the first to go."""
        with other._lock:
            found = list(other._kept.items())
        with self._lock:
            for key, kept in reversed(found):
                if key not in self._kept and self._used + kept.size <= self._limit:
                    self._kept[key] = kept
                    self._kept.move_to_end(key, last=False)
                    self._used += kept.size

    def forget(self, key: Hashable) -> None:
        """Drop the value of `key`."""
        with self._lock:
            self._drop(key)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._kept.clear()
            self._used = 0

    def _make(self, key: Hashable, making: _Making[T], make: Callable[[], T], size_of: Callable[[T], int]) -> None:
        try:
            making.value = make()
            self.put(key, making.stamp, making.value, size_of(making.value))
        except BaseException as error:  # noqa: BLE001 # raised again in every thread that waits
            making.error = error
        finally:
            with self._lock:
                if self._making.get(key) is making:
                    del self._making[key]
            making.done.set()

    def _drop(self, key: Hashable) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._used -= kept.size

    def _shrink(self) -> None:
        while self._used > self._limit:
            _, kept = self._kept.popitem(last=False)
            self._used -= kept.size


@cache
def process_memory() -> Memory:
    """The memory of what user functions open by `gramex_twisted.data` and `cache`, which know no app.

    Set its `size` to have more or less than SIZE bytes.
    """
    return Memory()
