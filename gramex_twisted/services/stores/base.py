"""The one interface of every store, small enough to be implemented well everywhere.

A store maps text keys to bytes, each with an optional time of expiry. It may be shared by several processes; ``update``
is atomic over all of them. What a store has confirmed survives a kill -9 (memory aside).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

log = Logger()
T = TypeVar("T")


class Entry(NamedTuple):
    """A stored value. ``expires``: seconds since the epoch, None for never; at that second it is gone."""

    value: bytes
    expires: float | None = None

    def expired(self, now: float) -> bool:
        """Whether it is gone at ``now``, seconds since the epoch."""
        return self.expires is not None and self.expires <= now


Change = Callable[[Entry | None], tuple[Entry | None, T]]
"""From the present entry (None: absent or expired) to the new one (None: delete) and a result for the caller. It may be
called more than once, in any thread, must be quick and have no side effects. What it raises, ``update`` raises, and
nothing is changed."""


class StoreError(Exception):
    """The store cannot be used now: locked, full, gone. The request that needed it is answered with 503."""


class Store(Service, ABC):
    """Text keys to bytes. Every method but the constructor raises StoreError within ``timeout`` seconds when the store
    does not answer; after that a ``put`` or ``update`` may or may not have happened.

    Keys are any text that UTF-8 can encode, the empty one included; values are any bytes, unless the store says no.

    :param reactor: whose ``callLater`` and ``callFromThread`` are used.
    :param clock: the time that expiry goes by, in seconds since the epoch.
    :param timeout: seconds after which an operation gives up.
    :param purge_every: seconds between calls of ``purge`` while the service runs; 0 for none.
    """

    def __init__(
        self,
        reactor: Any,
        *,
        clock: Callable[[], float] = time.time,
        timeout: float = 5.0,
        purge_every: float = 0.0,
    ) -> None:
        self.reactor = reactor
        self.clock = clock
        self.timeout = timeout
        self.purge_every = purge_every
        self._purging: LoopingCall | None = None

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

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """At most ``limit`` keys and entries, the newest first as far as the store can tell. Keys that start with
        ``without``, where it is not empty, are left out."""
        keys = [key for key in await self.keys() if not (without and key.startswith(without))]
        found = [(key, await self.get(key)) for key in keys[:limit]]
        return [(key, entry) for key, entry in found if entry is not None]

    async def count(self, without: str = "") -> int | None:
        """How many entries there are; None where it would be dear to find out."""
        return sum(not (without and key.startswith(without)) for key in await self.keys())

    @abstractmethod
    async def purge(self) -> int:
        """Remove what has expired; how many entries that were."""

    async def ready(self) -> None:
        """Open what there is to open; StoreError says why it cannot be used. Not needed: the first use opens it too."""

    def startService(self) -> None:
        """Begin to purge now and then."""
        super().startService()
        if self.purge_every:
            self._purging = LoopingCall(lambda: Deferred.fromCoroutine(self._purge()))
            self._purging.clock = self.reactor
            self._purging.start(self.purge_every, now=False)

    def stopService(self) -> Deferred[None]:
        """Finish what has begun; what comes after that fails with StoreError."""
        super().stopService()
        if self._purging is not None and self._purging.running:
            self._purging.stop()
        return succeed(None)

    async def _purge(self) -> None:
        try:
            await self.purge()
        except StoreError as error:
            log.warn("Expired entries stay until the next attempt: {error}", error=error)
