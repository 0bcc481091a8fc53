"""A proxied WebSocket: after the upstream's 101 the bytes of both sides are carried across as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

if TYPE_CHECKING:
    from gramex_twisted.config.document import RouteConfig
    from gramex_twisted.services.container import Services
    from gramex_twisted.services.upstream.service import Upstreams


#: Seconds in which one side may take what the other has said before it left.
LAST_WORDS = 30.0


class Side(Protocol):
    """One of the two connections."""

    transport: Any

    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        self._tunnel.carry(self, data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = True
        self._tunnel.ended(self)


class Tunnel:
    """Two connections. What one cannot take, the other does not send; when one ends, so does the other.

    :param route: that it was opened on. A reload which changes the route closes it.
    :param timeout: seconds of silence both ways after which it ends.
    """

    keeper: Upstreams

    def __init__(self, route: RouteConfig, reactor: Any, timeout: float) -> None:
        self.client, self.upstream = Side(self), Side(self)
        self._route = route
        self._reactor = reactor
        self._timeout = timeout
        self._active: float = reactor.seconds()
        self._timer: Any = None
        self._closing: list[Deferred[None]] = []

    def stays(self, successor: Services) -> bool:
        """Whether the app of ``successor`` has the route as it was."""
        resource = successor.resources.get(self._route.name)
        return resource is not None and resource.setup.config.conf == self._route.conf

    def open(self, client: Any, upstream: Any, early: bytes) -> None:
        """Connect two transports. ``early`` is what the upstream has sent already."""
        _hand_over(client, self.client)
        _hand_over(upstream, self.upstream)
        _unproduced(client)
        _unproduced(upstream)
        client.registerProducer(upstream, True)
        upstream.registerProducer(client, True)
        self._timer = self._reactor.callLater(self._timeout, self._check)
        if early:
            client.write(early)
        client.resumeProducing()
        upstream.resumeProducing()

    def carry(self, side: Side, data: bytes) -> None:
        """``side`` has received ``data``."""
        other = self.upstream if side is self.client else self.client
        if not other.lost:
            self._active = self._reactor.seconds()
            other.transport.write(data)

    def ended(self, side: Side) -> None:
        """``side`` is closed: what it has sent still reaches the other, which then closes too."""
        other = self.upstream if side is self.client else self.client
        if not other.lost:
            _unproduced(other.transport)
            other.transport.loseConnection()
            self._active = self._reactor.seconds()
            self._timeout = min(self._timeout, LAST_WORDS)
            self._timer.reset(self._timeout)
        else:
            self._done()

    def close(self) -> Deferred[None]:
        """Close both; fires when they are."""
        if self.client.lost and self.upstream.lost:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        self._abort()
        return done

    def _abort(self) -> None:
        for side in (self.client, self.upstream):
            if not side.lost and side.transport is not None:
                side.transport.abortConnection()

    def _check(self) -> None:
        left = self._active + self._timeout - self._reactor.seconds()
        self._timer = self._reactor.callLater(left if left > 0 else self._timeout, self._check)
        if left <= 0:
            self._abort()

    def _done(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self.keeper.release(self)
        closing, self._closing = self._closing, []
        for deferred in closing:
            deferred.callback(None)


def _hand_over(transport: Any, protocol: Side) -> None:
    """Let ``protocol`` have what ``transport`` receives (see https://github.com/twisted/twisted/issues/3204)."""
    if isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = protocol
    elif isinstance(transport.protocol, ProtocolWrapper):
        transport.protocol.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    protocol.makeConnection(transport)
    keep_alive = getattr(transport, "setTcpKeepAlive", None)
    if keep_alive is not None:
        keep_alive(1)


def _unproduced(transport: Any) -> None:
    """Forget the producer of ``transport``, which would be asked for what nobody wants."""
    transport.unregisterProducer()
