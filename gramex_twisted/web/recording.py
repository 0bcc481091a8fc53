"""A response as it was sent, before compression: what the route cache keeps and gives out again."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

#: Headers that belong to one request and are never kept.
PRIVATE = frozenset(
    {"Set-Cookie", "Date", "Connection", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset"}
)
_LENGTH = struct.Struct(">I")


class Recorded(NamedTuple):
    """A whole response: ``headers`` as a list of (name, values)."""

    status: int
    headers: dict[str, list[str]]
    body: bytes

    def pack(self) -> bytes:
        """As bytes, for a store."""
        head = orjson.dumps([self.status, self.headers])
        return _LENGTH.pack(len(head)) + head + self.body

    @classmethod
    def unpack(cls, packed: bytes) -> Recorded:
        """From what ``pack`` made.

        :raises ValueError: for anything else.
        """
        try:
            (length,) = _LENGTH.unpack_from(packed)
            status, headers = orjson.loads(packed[4 : 4 + length])
        except (struct.error, orjson.JSONDecodeError, TypeError) as error:
            raise ValueError("not a recorded response") from error
        return cls(status, headers, packed[4 + length :])


class Recorder:
    """Listens to one response, and tells ``done`` what it was: None if it broke off or was over ``limit`` bytes."""

    def __init__(self, limit: int, done: Callable[[Recorded | None], None]) -> None:
        self.limit = limit
        self._done: Callable[[Recorded | None], None] | None = done
        self._parts: list[bytes] | None = []
        self._size = 0

    def part(self, data: bytes) -> None:
        """A piece of a streamed body."""
        self._size += len(data)
        if self._size > self.limit:
            self._parts = None
        if self._parts is not None:
            self._parts.append(data)

    def whole(self, status: int, headers: dict[str, list[str]], body: bytes) -> None:
        """The response is complete; ``body`` follows what ``part`` has had."""
        self.part(body)
        if self._parts is None:
            self.end()
        else:
            kept = {name: list(values) for name, values in headers.items() if name not in PRIVATE}
            self._tell(Recorded(status, kept, b"".join(self._parts)))

    def end(self) -> None:
        """There will be no more: without ``whole``, it was in vain."""
        self._tell(None)

    def _tell(self, recorded: Recorded | None) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(recorded)


def replay(context: Any, recorded: Recorded) -> bytes:
    """Prepare ``context`` to answer with ``recorded``; the body."""
    context.set_status(recorded.status)
    own = context._own_headers
    for name, values in recorded.headers.items():
        own[name] = list(values)
    return recorded.body
