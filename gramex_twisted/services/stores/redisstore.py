"""A store in Redis, shared by processes and machines. As durable as Redis is set up to be (``appendfsync always``).

A value is stored behind a head of 16 bytes: eight random ones, new at each write, and the time of expiry as a double.
``update`` reads, lets the change be made, and writes with a script only if the head is still what it was. That takes no
connection of its own, as WATCH would, so all commands share a few connections. Updates of one key that this process
makes queue up here, and so meet only those of other processes.

Redis is told how long an entry has to live, and not until when: its clock need not agree with ours.
"""

from __future__ import annotations

import math
import os
import random
import struct
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, gatherResults
from twisted.internet.task import deferLater

from gramex_twisted.services.stores.base import Change, Entry, Store, StoreError
from gramex_twisted.services.stores.redisclient import Connection, parse

T = TypeVar("T")
HEAD = struct.Struct(">8sd")
REPLACE = """
if redis.call('GETRANGE', KEYS[1], 0, 15) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1])
elseif ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2])
else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1
"""
#: Most connections that are opened, and how many keys one step of ``keys`` looks at.
CONNECTIONS, SCAN_COUNT = 4, 1000


class RedisStore(Store):
    """Entries in Redis, under keys that start with ``prefix``.

    :param url: ``redis://user:password@host:6379/0``, ``rediss://...`` for TLS, or ``unix:///path?db=0``.
    :raises ValueError: for another kind of URL.
    """

    def __init__(self, reactor: Any, url: str, prefix: str = "gramex:", **options: Any) -> None:
        super().__init__(reactor, **options)
        self.prefix = prefix
        self.stopping = False
        address = parse(url)
        self.name_of_server = address.name
        self._connections = [Connection(reactor, address, self.timeout / 2) for _ in range(CONNECTIONS)]
        self._locks: dict[str, DeferredLock] = {}  # of the keys that are being updated

    async def ready(self) -> None:
        """See ``Store.ready``: connects."""
        await self._call("PING")

    async def get(self, key: str) -> Entry | None:
        """See ``Store.get``."""
        return self._entry(await self._call("GET", self.prefix + key))

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``."""
        lifetime = self._lifetime(expires)
        if lifetime == 0:
            await self._call("DEL", self.prefix + key)
        else:
            limit = () if lifetime is None else ("PX", lifetime)
            await self._call("SET", self.prefix + key, pack(value, expires), *limit)

    async def delete(self, key: str) -> bool:
        """See ``Store.delete``."""
        return await self.update(key, lambda entry: (None, entry is not None))

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``. A change is tried again when another process was quicker, until ``timeout``."""
        updating = Deferred.fromCoroutine(self._update(key, change))
        return await updating.addTimeout(self.timeout, self.reactor, lambda *_: self._late(key))

    async def _update(self, key: str, change: Change[T]) -> T:
        lock = self._locks.get(key) or self._locks.setdefault(key, DeferredLock())
        await lock.acquire()
        try:
            while True:
                done, result = await self._attempt(key, change)
                if done:
                    return result
                await deferLater(self.reactor, random.uniform(0, 0.002))
        finally:
            lock.release()
            if not lock.locked and self._locks.get(key) is lock:
                del self._locks[key]

    def _late(self, key: str) -> Any:
        raise StoreError(f"{self.name_of_server}: no turn to change {key!r} came within {self.timeout:g} s")

    async def _attempt(self, key: str, change: Change[T]) -> tuple[bool, T]:
        stored = await self._call("GET", self.prefix + key)
        before = self._entry(stored)
        entry, result = change(before)
        if entry == before and (entry is not None or not stored):
            return True, result
        lifetime = None if entry is None else self._lifetime(entry.expires)
        packed = b"" if entry is None or lifetime == 0 else pack(entry.value, entry.expires)
        limit = b"" if lifetime is None else str(lifetime)
        head = (stored or b"")[: HEAD.size]
        done = await self._call("EVAL", REPLACE, 1, self.prefix + key, head, packed, limit)
        return bool(done), result

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``. Not a snapshot: keys that come or go meanwhile may be there or not."""
        start, pattern = len(self.prefix.encode()), escape(self.prefix + prefix) + "*"
        found: set[bytes] = set()
        cursor: bytes | int = 0
        while True:
            cursor, names = await self._call("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
            heads = [Deferred.fromCoroutine(self._call("GETRANGE", name, 0, HEAD.size - 1)) for name in names]
            for name, head in zip(names, await gatherResults(heads, consumeErrors=True), strict=True):
                if self._entry(head) is not None:
                    found.add(name)
            if int(cursor) == 0:
                return sorted(name[start:].decode() for name in found)

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """See ``Store.newest``. Redis does not tell which are new: these are some."""
        start, found = len(self.prefix.encode()), dict[str, Entry]()
        cursor: bytes | int = 0
        while len(found) < limit:
            cursor, names = await self._call("SCAN", cursor, "MATCH", escape(self.prefix) + "*", "COUNT", SCAN_COUNT)
            for key in (name[start:].decode() for name in names):
                left_out = len(found) >= limit or (without and key.startswith(without))
                entry = None if left_out else await self.get(key)
                if entry is not None:
                    found[key] = entry
            if int(cursor) == 0:
                break
        return list(found.items())

    async def count(self, without: str = "") -> int | None:
        """See ``Store.count``: every key would have to be looked at."""
        return None

    async def purge(self) -> int:
        """Nothing to do: Redis removes what has expired."""
        return 0

    def stopService(self) -> Deferred[None]:
        """See ``Store.stopService``."""
        super().stopService()
        self.stopping = True
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        for connection in self._connections:
            await connection.close()

    async def _call(self, *command: str | bytes | int) -> Any:
        if self.stopping:
            raise StoreError(f"{self.name_of_server}: the server is stopping")
        return await min(self._connections, key=pending).call(*command)

    def _entry(self, stored: bytes | None) -> Entry | None:
        if not stored:
            return None
        if len(stored) < HEAD.size:
            raise StoreError(f"{self.name_of_server}: a value under {self.prefix!r} was not written by this store")
        _, expires = HEAD.unpack_from(stored)
        entry = Entry(stored[HEAD.size :], None if math.isnan(expires) else expires)
        return None if entry.expired(self.clock()) else entry

    def _lifetime(self, expires: float | None) -> int | None:
        """Milliseconds from now, rounded up; 0: it is gone already."""
        return None if expires is None else max(0, math.ceil((expires - self.clock()) * 1000))


def pending(connection: Connection) -> int:
    """How many commands wait for their replies."""
    return connection.pending


def pack(value: bytes, expires: float | None) -> bytes:
    """What is stored for a value."""
    return HEAD.pack(os.urandom(8), math.nan if expires is None else expires) + value


def escape(text: str) -> str:
    """A pattern of SCAN that matches ``text`` alone."""
    return "".join("\\" + letter if letter in "*?[]^\\" else letter for letter in text)
