"""Upstream: a ``twisted.web.client.Agent`` as a proxy needs one.

It sends a URL as it is written (Agent takes an empty query or ``;`` away), knows unix sockets, trusts the authorities
that it is told to, and gives up a connection that does not come about in time. Its pool keeps the connections.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, wrapClientTLS
from twisted.internet.error import TimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.web._newclient import Request
from twisted.web.client import URI, Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseNeverReceived
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer, IResponse
from zope.interface import implementer

from gramex_twisted.services.upstream.connection import QUIESCENT, Connection, ConnectionFactory

#: Seconds after which an idle connection takes no request that must not be sent twice: its upstream may be closing it.
FRESH = 1.0
#: Places that are remembered. There is one, unless a `prepare` sends requests to many.
PLACES = 100
#: Bytes of the path of a unix socket, which the system's address has room for.
LONGEST_SOCKET = 107
SAFE_TO_REPEAT = frozenset({b"GET", b"HEAD", b"OPTIONS", b"DELETE", b"TRACE"})

_URL = re.compile(rb"((?:https?|http\+unix)://[^/?#]+)(.*)", re.DOTALL)


class Pool(HTTPConnectionPool):
    """The connections of one Upstream.

    :param most: idle ones that are kept.
    :param idle_timeout: seconds that one is kept.
    :param connect_timeout: seconds that a new one may take.
    """

    _factory = ConnectionFactory  # type: ignore[assignment]

    def __init__(self, reactor: Any, most: int, idle_timeout: float, connect_timeout: float) -> None:
        super().__init__(reactor, persistent=most > 0)
        self.maxPersistentPerHost = most
        self.cachedConnectionTimeout = idle_timeout  # type: ignore[assignment]
        self.connect_timeout = connect_timeout
        self._sweeper: Any = None
        self._closed = False

    def getConnection(self, key: Any, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        """An idle connection, or a new one."""
        kept = self.idle(key)
        return self.newConnection(key, endpoint) if kept is None else succeed(kept)

    def newConnection(self, key: Any, endpoint: IStreamClientEndpoint) -> Deferred[Any]:
        """A new connection.

        :raises TimeoutError: when it does not come about in time.
        """
        connecting: Deferred[Any] = self._newConnection(key, endpoint)
        return connecting.addTimeout(self.connect_timeout, self._reactor, _too_late)

    def idle(self, key: Any, *, fresh: bool = False) -> Connection | None:
        """The idle connection that was in use last, since others may be closing.

        :param fresh: only if that was a moment ago.
        """
        kept: list[Connection] | None = self._connections.get(key)
        while kept:
            connection = kept.pop()
            if connection.state == QUIESCENT:
                if fresh and connection.idle_since < self._reactor.seconds() - FRESH:
                    kept.append(connection)
                    return None
                return connection
        return None

    def _putConnection(self, key: Any, connection: Connection) -> None:
        """Keep a connection. One timer looks at them all, so that a request sets none."""
        kept: list[Connection] = self._connections.setdefault(key, [])
        if self._closed:
            connection.cut()
            return
        if len(kept) >= self.maxPersistentPerHost:
            kept.pop(0).cut()
        connection.idle_since = self._reactor.seconds()
        kept.append(connection)
        if self._sweeper is None:
            self._sweeper = self._reactor.callLater(self.cachedConnectionTimeout, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        now = self._reactor.seconds()
        oldest = now
        for key, connections in list(self._connections.items()):
            kept = []
            for connection in connections:
                if connection.state != QUIESCENT or connection.idle_since <= now - self.cachedConnectionTimeout:
                    connection.cut()
                else:
                    kept.append(connection)
                    oldest = min(oldest, connection.idle_since)
            if kept:
                self._connections[key] = kept
            else:
                del self._connections[key]
        if self._connections:
            again = oldest + self.cachedConnectionTimeout - now
            self._sweeper = self._reactor.callLater(again, self._sweep)

    def closeCachedConnections(self) -> Deferred[None]:
        """Close all idle connections, and those in use when they are not any more; fires when the idle are closed."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        closing: Deferred[None] = super().closeCachedConnections()
        return closing


class Place(NamedTuple):
    """Where requests go: the pool's key, how to connect, the Host header."""

    key: bytes
    endpoint: IStreamClientEndpoint
    host: bytes


@implementer(IAgentEndpointFactory)
class Endpoints:
    """Makes the endpoints of http, https and http+unix URLs.

    :param trust_root: the authorities whose certificates are believed; None for those that the system trusts.
    """

    def __init__(self, reactor: Any, trust_root: Any, connect_timeout: float) -> None:
        self.reactor = reactor
        self.policy = BrowserLikePolicyForHTTPS(trust_root)
        self.connect_timeout = connect_timeout

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """How to connect to the host of ``uri``.

        :raises SchemeNotSupported: for other schemes.
        :raises ValueError: for a path that no socket can have.
        """
        if uri.scheme == b"http+unix":
            path = unquote_to_bytes(uri.netloc)
            if len(path) > LONGEST_SOCKET:
                raise ValueError(f"the path of a unix socket is over {LONGEST_SOCKET} bytes: {path!r}")
            unix: IStreamClientEndpoint = UNIXClientEndpoint(self.reactor, path, timeout=self.connect_timeout)
            return unix
        if uri.scheme not in (b"http", b"https"):
            raise SchemeNotSupported(f"Unsupported scheme: {uri.scheme!r}")
        tcp = HostnameEndpoint(self.reactor, uri.host.decode("ascii"), uri.port, timeout=self.connect_timeout)
        if uri.scheme == b"http":
            return tcp
        creator = self.policy.creatorForNetloc(uri.host, uri.port)
        tls: IStreamClientEndpoint = wrapClientTLS(creator, tcp)
        return tls


class Upstream(Agent):
    """Sends requests. Make one by ``Upstream.usingEndpointFactory(reactor, Endpoints(...), Pool(...))``."""

    _pool: Pool
    _places: dict[bytes, Place]

    def request(
        self, method: bytes, uri: bytes, headers: Headers | None = None, bodyProducer: IBodyProducer | None = None
    ) -> Deferred[IResponse]:
        """Send a request. Its URL has no fragment and nothing that a URL may not hold.

        See ``twisted.web.iweb.IAgent``. A TimeoutError: no connection came about in time.
        """
        found = _URL.fullmatch(uri)
        if found is None:
            return fail(SchemeNotSupported(f"not a URL of http, https or http+unix: {uri!r}"))
        origin, target = found[1], found[2]
        try:
            place = self._place(origin)
            if target[:1] != b"/":
                target = b"/" + target
            headers = Headers() if headers is None else headers
            if len(headers._rawHeaders.setdefault(b"Host", [place.host])) != 1:
                raise ValueError("a request has one Host header")
            request = Request(method, target, headers, bodyProducer, self._pool.persistent)
        except (ValueError, SchemeNotSupported) as error:
            return fail(error)
        safe = bodyProducer is None and method in SAFE_TO_REPEAT
        kept = self._pool.idle(place.key, fresh=not safe)
        if kept is None:
            return self._pool.newConnection(place.key, place.endpoint).addCallback(_send, request)
        asking: Deferred[Any] = kept.request(request)
        return asking.addErrback(self._again, place, request) if safe else asking

    def _again(self, failure: Failure, place: Place, request: Request) -> Any:
        """Send a request again whose connection was being closed by the upstream, as idle ones are."""
        if not failure.check(ResponseNeverReceived):
            return failure
        return self._pool.newConnection(place.key, place.endpoint).addCallback(_send, request)

    def close(self) -> Deferred[None]:
        """Close the idle connections."""
        return self._pool.closeCachedConnections()

    def _place(self, origin: bytes) -> Place:
        places = self.__dict__.setdefault("_places", {})
        place: Place | None = places.get(origin)
        if place is None:
            if len(places) >= PLACES:
                places.clear()
            uri = URI.fromBytes(origin)
            host = (
                b"localhost" if uri.scheme == b"http+unix" else self._computeHostValue(uri.scheme, uri.host, uri.port)
            )
            places[origin] = place = Place(origin, self._getEndpoint(uri), host)
        return place


def _too_late(result: Any, seconds: float) -> Any:
    """What a connection that was cancelled comes to."""
    if isinstance(result, Failure):
        result.trap(CancelledError)
        raise TimeoutError(string=f"no connection within {seconds:g} s")
    return result


def _send(connection: Any, request: Request) -> Deferred[IResponse]:
    response: Deferred[IResponse] = connection.request(request)
    return response
