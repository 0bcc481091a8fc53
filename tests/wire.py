"""A raw client of an app in memory: bytes in, bytes out, and the clock."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport

from gramex_twisted.testing import App


class Transport(StringTransport):
    """Remembers how it was closed, and can be slow."""

    aborted = False

    def abortConnection(self) -> None:
        """Close at once."""
        self.aborted = self.disconnected = True
        self.disconnecting = True


class Wire:
    """One connection to ``app``."""

    def __init__(self, app: App, peer: str = "127.0.0.1") -> None:
        self.app = app
        self.transport = Transport(peerAddress=IPv4Address("TCP", peer, 5555))
        self.transport.protocol = None  # type: ignore[attr-defined]
        self.channel: Any = app.site.buildProtocol(None)
        self.channel.makeConnection(self.transport)

    def send(self, *data: bytes | str) -> bytes:
        """Send pieces one after another; what has come back so far."""
        for piece in data:
            if not self.closed:
                self.channel.dataReceived(piece.encode() if isinstance(piece, str) else piece)
        self.app.agent.clock.advance(0)
        return self.received

    @property
    def received(self) -> bytes:
        """All that the server has sent."""
        return self.transport.value()

    @property
    def closed(self) -> bool:
        """Whether the server has closed the connection."""
        return self.transport.disconnecting

    @property
    def status(self) -> str:
        """The first status line."""
        return self.received.partition(b"\r\n")[0].decode()

    def wait(self, seconds: float) -> None:
        """Let time pass, second by second."""
        clock = self.app.agent.clock
        while seconds > 0:
            clock.advance(min(1, seconds))
            seconds -= 1

    def leave(self) -> None:
        """The client closes the connection."""
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure

        self.channel.connectionLost(Failure(ConnectionDone()))
        self.app.agent.clock.advance(0)
