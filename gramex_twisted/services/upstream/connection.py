"""One HTTP/1.1 connection to an upstream, which carries one request at a time.

It takes the place of ``twisted.web``'s HTTP11ClientProtocol in an HTTPConnectionPool, and does what a proxy needs
beyond: the head is bounded and read at once, the response is there while the request's body is still being sent, and a
connection on which anything unasked-for arrives is never used again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent
from twisted.web.client import ResponseFailed, ResponseNeverReceived
from twisted.web.http import _ChunkedTransferDecoder

from gramex_twisted.services.upstream.head import (
    CHUNKED,
    UNTIL_CLOSE,
    BadResponseError,
    Head,
    framing,
    parse_head,
    split_head,
)
from gramex_twisted.services.upstream.response import Response
from gramex_twisted.web.transports import narrow, widen, write_now

#: Bytes of the longest head of a response, interim responses included.
LONGEST_HEAD = 64 << 10

QUIESCENT, BUSY, UPGRADED, LOST = "QUIESCENT", "BUSY", "UPGRADED", "CONNECTION_LOST"


class Connection(Protocol):
    """A connection. ``state`` is QUIESCENT when it may take a request.

    :param quiescent: is called with it when it may take another.
    """

    transport: Any
    state = QUIESCENT
    idle_since = 0.0
    _gone = False

    def __init__(self, quiescent: Callable[[Connection], None]) -> None:
        self._quiescent = quiescent
        self._aborting: list[Deferred[None]] = []
        self._clear()

    def _clear(self) -> None:
        self._request: Any = None
        self._waiting: Deferred[Response] | None = None
        self._response: Response | None = None
        self._head = b""
        self._interim = 0
        self._received = False
        self._sent = True
        self._left = 0
        self._decoder: Any = None
        self._persistent = False
        self._paused = False

    def connectionMade(self) -> None:
        if ITCPTransport.providedBy(self.transport):
            self.transport.setTcpNoDelay(True)

    def request(self, request: Any) -> Deferred[Response]:
        """Send a ``twisted.web._newclient.Request``; fires when the head of the response is here.

        :raises ResponseNeverReceived: the connection was lost before any of it came.
        :raises ResponseFailed: it is none, or breaks off in its head; the first of ``reasons`` says why.
        """
        if self.state != QUIESCENT:
            return fail(RequestNotSent())
        self.state = BUSY
        self._request = request
        waiting: Deferred[Response] = Deferred(self._cancelled)
        self._waiting = waiting
        if request.bodyProducer is None:
            write_now(self.transport, _head(request))
        else:
            self._sent = False
            widen(self.transport, request.bodyProducer.length)
            request.writeTo(self.transport).addCallbacks(self._written, self._not_written)
        return waiting

    def _cancelled(self, _: object) -> None:
        self._waiting = None
        self.cut()

    def _written(self, _: object) -> None:
        self._sent = True

    def _not_written(self, reason: Failure) -> None:
        """The request's body broke off: the upstream must not take what it has for the whole."""
        self._sent = True
        self._failed(reason)

    # Receiving --------------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self.state != BUSY:
            if self.state == UPGRADED:
                self._head += data  # until somebody takes over, the transport is paused
            else:
                self.cut()  # nobody has asked: an answer to the next request it must not become
            return
        self._received = True
        try:
            if self._response is None:
                self._read_head(data)
            else:
                self._read_body(data)
        except Exception:  # noqa: BLE001 - Twisted's decoder has exceptions of its own
            self._failed(Failure())

    def _read_head(self, data: bytes) -> None:
        data = self._head + data if self._head else data
        while True:
            parts = split_head(data)
            if parts is None or len(parts[0]) + self._interim > LONGEST_HEAD:
                if len(data) + self._interim > LONGEST_HEAD:
                    raise BadResponseError(f"the head of the response is over {LONGEST_HEAD} bytes")
                self._head = data
                return
            head = parse_head(parts[0])
            if head.code == 101:
                self._switch(head, parts[1])
                return
            if head.code >= 200:
                break
            self._interim += len(parts[0])  # 100 and 103 are between the upstream and us
            data = parts[1]
        self._head = b""
        self._begin(head, parts[1])

    def _begin(self, head: Head, rest: bytes) -> None:
        length = framing(head, self._request.method)
        self._response = response = Response(head, self._request, self, length)
        self._persistent = head.persistent and length != UNTIL_CLOSE
        if length == CHUNKED:
            if b"Content-Length" in head.headers._rawHeaders:
                self._persistent = False  # somebody on the way may see another end of the body (RFC 9112, 6.3)
            self._decoder = _ChunkedTransferDecoder(response.feed, self._finished)
        else:
            self._left = length
        if length == 0:
            self._finished(rest)
        elif rest:
            self._read_body(rest)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(response)
        if not response.whole:
            widen(self.transport, response.length)
            if not response.wanted:
                self.pause()

    def _read_body(self, data: bytes) -> None:
        response = self._response
        assert response is not None
        if self._decoder is not None:
            self._decoder.dataReceived(data)
        elif self._left == UNTIL_CLOSE:
            response.feed(data)
        elif len(data) < self._left:
            self._left -= len(data)
            response.feed(data)
        else:
            left, self._left = self._left, 0
            response.feed(data[:left])
            self._finished(data[left:])

    def _switch(self, head: Head, rest: bytes) -> None:
        if not self._request.headers.hasHeader(b"Upgrade"):
            raise BadResponseError("101 Switching Protocols, for which nobody has asked")
        self.pause()
        self.state = UPGRADED
        self._head = rest
        waiting, self._waiting = self._waiting, None
        response = Response(head, self._request, self, 0)
        response.end()
        if waiting is not None:
            waiting.callback(response)

    def take_over(self) -> tuple[Any, bytes]:
        """After 101: the transport, paused, and what has been received on it since."""
        return self.transport, self._head

    # The end ----------------------------------------------------------------------------------------------------------

    def _finished(self, extra: bytes) -> None:
        """The whole response is here. The connection takes another request if all is as it should be."""
        response, request, sent = self._response, self._request, self._sent
        reusable = self._persistent and sent and not extra and request.persistent and not self.transport.disconnecting
        self.resume()
        narrow(self.transport)
        waiting = self._waiting
        self._clear()
        self._waiting = waiting
        if reusable:
            self.state = QUIESCENT
            self._quiescent(self)
        else:
            self.state = LOST
            if not sent:
                request.stopWriting()
            self.transport.abortConnection()
        assert response is not None
        response.end()

    def _failed(self, reason: Failure) -> None:
        """Whoever waits for the response, or takes its body, learns of ``reason``."""
        response, waiting, request, sent = self._response, self._waiting, self._request, self._sent
        received = self._received
        self._clear()
        self.state = LOST
        self.transport.abortConnection()
        if not sent:
            request.stopWriting()
        if waiting is not None:
            kind = ResponseFailed if received else ResponseNeverReceived
            waiting.errback(Failure(kind([reason])))
        if response is not None:
            response.end(Failure(ResponseFailed([reason], response)))

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.state == BUSY:
            if self._left == UNTIL_CLOSE and reason.check(ConnectionDone):
                self._finished(b"")
            else:
                self._failed(reason)
        self.state = LOST
        self._gone = True
        aborting, self._aborting = self._aborting, []
        for deferred in aborting:
            deferred.callback(None)

    def cut(self) -> None:
        """Close now. What was asked for fails with the loss of the connection."""
        self.transport.abortConnection()
        if self.state == QUIESCENT:
            self.state = LOST

    def abort(self) -> Deferred[None]:
        """Close now; fires when that is done."""
        if self._gone:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._aborting.append(deferred)
        self.cut()
        return deferred

    def pause(self) -> None:
        """Receive nothing."""
        if not self._paused:
            self._paused = True
            self.transport.pauseProducing()

    def resume(self) -> None:
        """Receive again."""
        if self._paused:
            self._paused = False
            self.transport.resumeProducing()


def _head(request: Any) -> bytes:
    """A request without a body, in one piece."""
    lines = [b"%b %b HTTP/1.1" % (request.method, request.uri)]
    if not request.persistent and b"Upgrade" not in request.headers._rawHeaders:
        lines.append(b"Connection: close")
    if request.method in (b"POST", b"PUT", b"PATCH"):
        lines.append(b"Content-Length: 0")
    for name, values in request.headers._rawHeaders.items():
        for value in values:
            lines.append(b"%b: %b" % (name, value))
    lines.append(b"\r\n")
    return b"\r\n".join(lines)


class ConnectionFactory(Factory):
    """Makes the Connections of a pool."""

    noisy = False

    def __init__(self, quiescent: Callable[[Connection], None], description: str) -> None:
        self._made = quiescent
        self._description = description

    def buildProtocol(self, addr: object) -> Connection:
        return Connection(self._made)

    def __repr__(self) -> str:
        return f"<connections to {self._description}>"
