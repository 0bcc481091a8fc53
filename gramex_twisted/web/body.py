"""A request body that its handler reads while it arrives, no faster than the handler wants it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

if TYPE_CHECKING:
    from gramex_twisted.web.request import Request

#: Bytes that wait for the handler before the client has to.
ENOUGH = 1 << 20


class Body(AsyncIterator[bytes]):
    """The body of one request: ``async for piece in body``, or ``await body.read()``.

    ``length``: bytes that the client has announced; None for a chunked body. ``received``: bytes so far.
    """

    length: int | None
    received: int

    async def read(self) -> bytes:
        """The next bytes, at most about 1 MB; ``b""`` at the end."""
        raise NotImplementedError

    async def __anext__(self) -> bytes:
        piece = await self.read()
        if not piece:
            raise StopAsyncIteration
        return piece


class StreamedBody(Body):
    """A body on its way. One reader at a time.

    While ``ENOUGH`` bytes wait to be read, nothing more is taken from the connection. "100 Continue" is said when the
    first byte is wanted, which no guard has refused then.

    :raises ClientGone: from ``read``, when the client leaves before the end.
    :raises HTTPError: from ``read``: 413 for a body that is too long, 408 for one that is too slow.
    """

    def __init__(self, request: Request, length: int | None, *, expected: bool) -> None:
        self.length = length
        self.received = 0
        self._request = request
        self._channel = request.channel
        self._expected = expected
        self._pieces: list[bytes] = []
        self._size = 0
        self._ended = False
        self._error: Exception | None = None
        self._reader: Deferred[None] | None = None
        self._waited = 0.0
        self._waiting_since = 0.0

    async def read(self) -> bytes:
        """See ``Body.read``."""
        if not self._pieces and not self._ended and self._error is None:
            await self._more()
        if self._error is not None:
            raise self._error
        data = b"".join(self._pieces)
        self._pieces.clear()
        self._size = 0
        self._channel.hold_body(False)
        return data

    def _more(self) -> Deferred[None]:
        if self._reader is not None:
            raise RuntimeError("the request body is being read already")
        if self._expected:
            self._expected = False
            self._channel.send_continue()
        self._waiting_since = self._request.site.now
        self._reader = Deferred(self._forget)
        return self._reader

    def _forget(self, _: object) -> None:
        self._reader = None

    def _wake(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            self._waited += self._request.site.now - self._waiting_since
            reader.callback(None)

    def waited(self, now: float) -> float:
        """The seconds that its reader has waited for the client."""
        return self._waited + (now - self._waiting_since if self._reader is not None else 0.0)

    # What the connection tells --------------------------------------------------------------------------------------

    def arrived(self, data: bytes) -> None:
        """More of it is here."""
        self.received += len(data)
        self._size += len(data)
        self._pieces.append(data)
        if self._size >= ENOUGH and self._reader is None:
            self._channel.hold_body(True)
        if self.received != self.length:  # else the end is told in a moment: an answer that came first would be early
            self._wake()

    def end(self) -> None:
        """It is all here."""
        self._ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """The rest will not come, and what has come is of no use."""
        if not self._ended and self._error is None:
            self._error = error
            self._pieces.clear()
            self._wake()
