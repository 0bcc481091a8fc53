"""What one WebSocket has to send: straight to the socket while the client keeps up, else kept here, bounded."""

from __future__ import annotations

from collections import deque
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

#: What a frame costs in memory beside its bytes; bytes that are gathered before they are sent.
OVERHEAD, MOST_CORKED = 100, 1 << 15


class FullError(Exception):
    """More waits for the client than ``limit`` bytes."""


@implementer(IPushProducer)
class Outbox:
    """Frames on their way to ``transport``.

    The transport says when it has enough (some 64 KB); then frames wait here until it has sent all of that.
    """

    __slots__ = (
        "_corked",
        "_corked_size",
        "_direct",
        "_frames",
        "_late_pong",
        "_paused",
        "_waiting",
        "limit",
        "size",
        "transport",
    )

    def __init__(self, transport: Any, limit: int) -> None:
        self.transport = transport
        self.limit = limit
        self.size = 0
        self._frames: deque[bytes] | None = None  # most clients keep up, and an empty deque has 600 bytes
        self._waiting: list[Deferred[None]] | None = None
        self._late_pong: bytes | None = None
        self._paused = False
        self._corked: list[bytes] | None = None
        self._corked_size = 0
        # Only what is a socket itself: TLS, which hands unknown attributes on to the socket below it, is none.
        self._direct = isinstance(transport, Connection) and not transport.TLS
        transport.registerProducer(self, True)

    @property
    def paused(self) -> bool:
        """Whether the client does not keep up."""
        return self._paused

    def write(self, frame: bytes) -> None:
        """Send ``frame``.

        :raises FullError: when so much waits already that it is not taken.
        """
        if self._paused:
            self._keep(frame)
        elif self._corked is None:
            self._send(frame)
        else:
            self._corked.append(frame)
            self._corked_size += len(frame)
            if self._corked_size > MOST_CORKED:
                self.uncork()
                self.cork()

    def pong(self, frame: bytes) -> None:
        """Answer a ping. Where the client does not read, only its last ping is answered (RFC 6455, 5.5.3)."""
        if self._paused:
            self._late_pong = frame
        else:
            self.write(frame)

    def cork(self) -> None:
        """Gather what is written, to be sent at once, some ``MOST_CORKED`` bytes at a time."""
        self._corked, self._corked_size = [], 0

    def uncork(self) -> None:
        """Send what was gathered."""
        frames, self._corked = self._corked, None
        if frames:
            self._send(frames[0] if len(frames) == 1 else b"".join(frames))

    def drained(self) -> Deferred[None]:
        """Fires when the client has kept up, or is gone."""
        if not self._paused:
            return succeed(None)
        if self._waiting is None:
            self._waiting = []
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def _keep(self, frame: bytes) -> None:
        if self.size > self.limit:
            raise FullError
        if self._frames is None:
            self._frames = deque()
        self._frames.append(frame)
        self.size += len(frame) + OVERHEAD

    def _send(self, data: bytes) -> None:
        transport = self.transport
        if self._direct and not transport._tempDataLen and not transport.dataBuffer and not transport.disconnecting:
            # Nothing waits before it: the kernel gets it now, and not after one more turn of the reactor, which
            # would have to ask first whether it may write.
            sent = transport.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int):
                data = data[sent:]
        transport.write(data)

    # IPushProducer ----------------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        frames = self._frames
        while frames and not self._paused:
            frame = frames.popleft()
            self.size -= len(frame) + OVERHEAD
            self.transport.write(frame)
        if not self._paused:
            self._frames = None
            pong, self._late_pong = self._late_pong, None
            if pong is not None:
                self.transport.write(pong)
            self._let_go()

    def stopProducing(self) -> None:
        """The connection is lost."""

    def _let_go(self) -> None:
        waiting, self._waiting = self._waiting, None
        for deferred in waiting or ():
            deferred.callback(None)

    # The end ----------------------------------------------------------------------------------------------------------

    def drop(self) -> None:
        """Forget what waits."""
        self._frames, self.size, self._late_pong = None, 0, None

    def flush(self) -> None:
        """Hand all that waits to the transport, which is about to be closed, and say no more."""
        corked, self._corked = self._corked, None
        self.transport.unregisterProducer()
        frames = [*(self._frames or ()), *(corked or ())]
        self.drop()
        self._paused = False
        if frames:
            self.transport.writeSequence(frames)
        self._let_go()
