"""The one interface of every store, small enough to be implemented well everywhere.

A store maps text keys to bytes, each with an optional time of expiry. It may be shared by several processes; ``update``
is atomic over all of them. What a store has confirmed survives a kill -9 (memory aside).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from twisted.application.service import Service

T = TypeVar("T")


class Entry(NamedTuple):
    """A stored value. ``expires``: seconds since the epoch, None for never."""

    value: bytes
    expires: float | None = None


Change = Callable[[Entry | None], tuple[Entry | None, T]]
"""From the present entry (None: absent or expired) to the new one (None: delete) and a result for the caller. It may be
called more than once, in any thread, and must have no side effects."""


class StoreError(Exception):
    """The store cannot be used now: locked, full, gone. The request that needed it is answered with 503."""


class Store(Service, ABC):
    """Text keys to bytes. Every method raises StoreError within ``timeout`` seconds when the store does not answer."""

    #: Seconds after which an operation gives up.
    timeout: float = 5.0

    @abstractmethod
    async def get(self, key: str) -> Entry | None:
        """The entry of ``key``; None when there is none or it has expired."""

    @abstractmethod
    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """Store ``value``, replacing what there was."""

    @abstractmethod
    async def delete(self, key: str) -> bool:
        """Remove ``key``; whether there was something (not expired) to remove."""

    @abstractmethod
    async def update(self, key: str, change: Change[T]) -> T:
        """Replace the entry of ``key`` by what ``change`` makes of it, atomically; the result that it gives."""

    @abstractmethod
    async def keys(self, prefix: str = "") -> list[str]:
        """The keys that have not expired, sorted."""

    @abstractmethod
    async def purge(self) -> int:
        """Remove what has expired; how many entries that were."""
