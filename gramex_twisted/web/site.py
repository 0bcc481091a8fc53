"""The Site: all connections of the server, its clock, and how it drains."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.task import LoopingCall
from twisted.web import server
from twisted.web.http import datetimeToString
from twisted.web.resource import IResource

from gramex_twisted import __version__
from gramex_twisted.web.channel import Channel, Limits
from gramex_twisted.web.request import Request

#: The Server header.
SERVER = f"gramex-twisted/{__version__}".encode()


class Site(server.Site):
    """Serves ``resource``, a root that finds an Endpoint by the whole path; assign it to swap the app.

    :param root: the app's Router.
    :param reactor: whose seconds and timers are used.
    :param limits: what one connection may cost.
    """

    resource: Any
    reactor: Any
    requestFactory = Request
    server = SERVER

    def __init__(self, root: IResource, reactor: Any, limits: Limits | None = None) -> None:
        super().__init__(root, reactor=reactor, timeout=None, parsePOSTFormSubmission=False)
        self.limits = limits or Limits()
        self.channels: set[Channel] = set()
        self.draining = False
        self._drained: Deferred[None] | None = None
        self._ticker = LoopingCall(self.tick)
        self._ticker.clock = reactor
        self.tick()

    def buildProtocol(self, addr: IAddress | None) -> Channel:  # type: ignore[override]
        if not self._ticker.running:
            self._ticker.start(1.0, now=True)
        channel = Channel(self)
        channel.callLater = self.reactor.callLater  # type: ignore[method-assign]
        return channel

    def startFactory(self) -> None:
        """Twisted's own access log is not used: the app writes its own."""

    def stopFactory(self) -> None:
        self._stop_ticking()

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]

    def log(self, request: Any) -> None:
        """Requests are logged by the Endpoint that served them."""

    def tick(self) -> None:
        """Once a second: the time, the Date header, and every connection's deadlines."""
        self.now: float = self.reactor.seconds()
        self.date: bytes = datetimeToString(self.now)
        self.head = b"Date: " + self.date + b"\r\n"
        for channel in list(self.channels):
            channel.tick(self.now)

    def channel_lost(self, channel: Channel) -> None:
        """A connection is closed."""
        self.channels.discard(channel)
        if not self.channels:
            self._stop_ticking()
            if self._drained is not None:
                drained, self._drained = self._drained, None
                drained.callback(None)

    def _stop_ticking(self) -> None:
        if self._ticker.running and not self.channels:
            self._ticker.stop()

    def drain(self) -> Deferred[None]:
        """Close idle connections now and the others after their response; fires when none is left."""
        self.draining = True
        for channel in list(self.channels):
            if channel.idle:
                channel.transport.loseConnection()
        if not self.channels:
            return _fired()
        if self._drained is None:
            self._drained = Deferred()
        return self._drained

    def abort(self) -> None:
        """Cut every connection that is left."""
        for channel in list(self.channels):
            channel.transport.abortConnection()


def _fired() -> Deferred[None]:
    deferred: Deferred[None] = Deferred()
    deferred.callback(None)
    return deferred


def peer_of(request: Any) -> str:
    """The address of the connection's other end, ``"unix"`` for a unix socket."""
    client = request.client
    return client.host if isinstance(client, IPv4Address) else str(getattr(client, "host", "unix"))
