"""What sign-in remembers between requests: failures, codes, tokens, and which sessions a user has.

It lies in the store of sessions, so that it is shared by the processes of an app, is durable where sessions are, and
expires by itself. Every record is a JSON object. What people typed is only in the keys, as SHA-256.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any, TypeVar

import orjson

from gramex_twisted.services.sessions import Sessions
from gramex_twisted.services.stores.base import Entry

Record = dict[str, Any]
T = TypeVar("T")


def record_key(kind: str, *names: str) -> str:
    """The store's key of a record. No session has an id with a colon."""
    return f"auth:{kind}:{sha256(orjson.dumps(names)).hexdigest()}"


class Records:
    """The records of one app, by kind and names."""

    def __init__(self, sessions: Sessions) -> None:
        self.store = sessions.store
        self.clock = sessions.clock

    async def get(self, key: str) -> Record | None:
        """The record, if there is one."""
        entry = await self.store.get(key)
        return orjson.loads(entry.value) if entry else None

    async def put(self, key: str, record: Record, seconds: float) -> None:
        """Keep ``record`` for so many seconds."""
        await self.store.put(key, orjson.dumps(record), self.clock() + seconds)

    async def take(self, key: str) -> Record | None:
        """The record, which is gone then: of two who want it, one gets it."""

        def change(entry: Entry | None) -> tuple[Entry | None, Record | None]:
            return None, orjson.loads(entry.value) if entry else None

        return await self.store.update(key, change)

    async def change(self, key: str, make: Callable[[Record], T], seconds: float, *, extend: bool = True) -> T:
        """Let ``make`` change the record (an empty one where there is none) atomically; keep it for ``seconds`` from
        now. It may be called more than once. A record that is empty then is removed. Returns what ``make`` returns.

        :param extend: False: a record that there is expires when it would have.
        """
        expires = self.clock() + seconds

        def change(entry: Entry | None) -> tuple[Entry | None, T]:
            record: Record = orjson.loads(entry.value) if entry else {}
            result = make(record)
            end = entry.expires if entry is not None and not extend else expires
            return (Entry(orjson.dumps(record), end) if record else None), result

        return await self.store.update(key, change)

    async def drop(self, key: str) -> None:
        """Forget a record."""
        await self.store.delete(key)
