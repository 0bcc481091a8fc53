"""A response body that goes out piece by piece, no faster than the client reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from gramex_twisted.web.recording import Recorder
    from gramex_twisted.web.request import Request

#: Bytes of one slice of a large body: what a paused client can make the server hold.
SLICE = 1 << 18


class ClientGone(ConnectionDone):
    """The client closed the connection before the response was out."""


@implementer(IPushProducer)
class Stream:
    """The open response of one request.

    ``write`` hands bytes to the connection. Where the client is slow it returns a Deferred that fires when more may be
    written, and fails with ``ClientGone`` when the client leaves; where the client keeps up it returns None.
    """

    def __init__(self, request: Request, recorder: Recorder | None = None) -> None:
        self._request = request
        self._recorder = recorder
        self._waiting: Deferred[None] | None = None
        self._paused = False
        self.gone = request._disconnected
        self.finished = False
        if not self.gone:
            request.on_lost = self.connection_lost
            request.registerProducer(self, True)

    @property
    def waits(self) -> bool:
        """Whether the client is slow, so that nothing should be written."""
        return self._paused

    def write(self, data: bytes) -> Deferred[None] | None:
        """Send ``data``; a Deferred where the writer must wait before the next call."""
        if self.gone:
            raise ClientGone
        if data:
            if self._recorder is not None:
                self._recorder.part(data)
            self._request.write(data)
        if not self._paused:
            return None
        if self._waiting is None:
            self._waiting = Deferred()
        return self._waiting

    async def write_all(self, parts: Iterable[bytes]) -> None:
        """Send every part, waiting for the client between them."""
        for part in parts:
            wait = self.write(part)
            if wait is not None:
                await wait

    def finish(self) -> None:
        """End the response well."""
        if not self.gone and not self.finished:
            self.finished = True
            self._request.on_lost = None
            self._request.unregisterProducer()
            self._request.finish()

    def abort(self) -> None:
        """Cut the connection, so that the client sees that the body is not whole."""
        if not self.gone and not self.finished:
            self._request.unregisterProducer()
            self._request.abort()

    def connection_lost(self) -> None:
        """The client is gone: whoever waits to write learns it."""
        self.gone = True
        self.resume_waiting(ClientGone())

    def resume_waiting(self, error: Exception | None = None) -> None:
        """Let the writer go on, or fail it."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if error is None:
                waiting.callback(None)
            else:
                waiting.errback(error)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self.resume_waiting()

    def stopProducing(self) -> None:
        # Only called while the connection is being closed: connection_lost follows and tells the writer.
        self._paused = True


def slices(body: bytes) -> Iterable[bytes]:
    """``body`` in pieces of ``SLICE`` bytes, without copying it whole."""
    view = memoryview(body)
    for start in range(0, len(body), SLICE):
        yield bytes(view[start : start + SLICE])
