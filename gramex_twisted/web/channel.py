"""One HTTP/1.1 connection, under limits.

Twisted's HTTPChannel parses; this adds what a server on the open net needs: 414 and 431 instead of a bare 400, a
deadline for headers (408) and a lowest speed for bodies, heads that are read in one way only (400), and an orderly end
when a body is refused. The Site looks at all time-outs once a second, so that a request sets no timers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress, IDelayedCall, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel

from gramex_twisted.errors import HTTPError, standard_reason
from gramex_twisted.web.heads import is_clear, may_be_header
from gramex_twisted.web.transports import narrow, widen, write_now

if TYPE_CHECKING:
    from gramex_twisted.web.request import Request
    from gramex_twisted.web.site import Site

log = Logger()

#: Seconds that the rest of a refused body is read and dropped, so that the client gets to read the answer.
LINGER = 2.0
#: Bytes a second below which a body that has used up ``body_timeout`` is too slow.
SLOWEST_BODY = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may cost. Sizes in bytes, times in seconds."""

    max_body_size: int = 100 << 20
    max_header_size: int = 64 << 10
    max_headers: int = 500
    header_timeout: float = 30
    body_timeout: float = 60
    idle_timeout: float = 75
    write_timeout: float = 300


class Channel(HTTPChannel):
    """A connection of ``site``; ``tick`` is called about once a second."""

    site: Site
    requests: list[Request]
    _peer: IAddress
    _host: IAddress
    _secure = False
    transport: Any
    refused = False
    closing = False
    paused_at: float | None = None
    body_held = False
    relays = False
    _lingering: IDelayedCall | None = None

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.site = site
        self.factory = site
        self.timeOut = None
        self.requestFactory = site.requestFactory  # type: ignore[assignment]
        self.limits = limits = site.limits
        self.MAX_LENGTH = self.totalHeadersSize = limits.max_header_size
        self.maxHeaders = limits.max_headers
        self.since = site.now

    def connectionMade(self) -> None:
        super().connectionMade()
        # Each request asks for these, and the transport would ask the kernel each time.
        self._peer, self._host = super().getPeer(), super().getHost()
        self._secure = super().isSecure()
        self.site.channels.add(self)

    def getPeer(self) -> IAddress:
        return self._peer

    def getHost(self) -> IAddress:
        return self._host

    def isSecure(self) -> bool:
        return self._secure

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channel_lost(self)
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        super().connectionLost(reason)

    # Sizes ------------------------------------------------------------------------------------------------------------

    def lineReceived(self, line: bytes) -> None:
        if self.refused:
            return
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self.lineLengthExceeded(line)
        elif line and self._receivedHeaderCount >= self.maxHeaders:
            self.refuse(431)
        elif not may_be_header(line):
            self.refuse(400)
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:
        """The request line (414) or the headers (431) are over the limit."""
        self.refuse(431 if self.requests else 414)

    def allHeadersReceived(self) -> None:
        if is_clear(self.requests[-1].requestHeaders._rawHeaders, self._version):
            super().allHeadersReceived()
        else:
            self.refuse(400)

    def _respondToBadRequestAndDisconnect(self) -> None:
        """What came is no HTTP: a head, or a chunk of a body."""
        request = self.requests[0] if self.requests else None
        if request is None or not request.headers_received:
            self.refuse(400)
        elif request.startedWriting:
            self.transport.abortConnection()  # a second answer within the first would be taken for its body
        else:
            request.refuse(HTTPError(400, "the request body has a chunk that is none"))

    def rawDataReceived(self, data: bytes) -> None:
        if not self.refused:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        if not self.refused:  # else the request that the content is of may be answered and gone
            super().allContentReceived()

    def refuse(self, status: int) -> None:
        """Answer without a route, since the request line or headers are not whole, and close."""
        self.refused = True
        reason = standard_reason(status)
        body = f"{status} {reason}\n".encode()
        log.info("{status} {reason}: {peer}", status=status, reason=reason, peer=_host(self.transport))
        self.transport.write(
            b"HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (status, reason.encode(), len(body), body)
        )
        self.requests.clear()
        self.loseConnection()

    def loseConnection(self) -> None:
        if self.closing:
            return
        self.closing = True
        self.since = self.site.now
        if self.refused:
            # Closing now, with bytes of the client still unread, would reset the connection and the answer with it.
            self.dataReceived = _drop  # type: ignore[method-assign]
            self._lingering = self.site.reactor.callLater(LINGER, self._close)
        else:
            super().loseConnection()

    def _close(self) -> None:
        self._lingering = None
        super().loseConnection()

    # Times ------------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Close or refuse what has taken too long. ``now`` is in the reactor's seconds."""
        if self.paused_at is not None:
            if now - self.paused_at > self.limits.write_timeout:
                self.transport.abortConnection()
        elif self.closing:
            if now - self.since > self.limits.write_timeout:  # the client does not take the last bytes
                self.transport.abortConnection()
        elif not self.requests:
            self._tick_waiting(now)
        elif not self.requests[0].headers_received:
            if now - self.requests[0].began > self.limits.header_timeout:
                self.refuse(408)
        elif not self.requests[0].body_received:
            self._tick_body(now)

    def _tick_waiting(self, now: float) -> None:
        waited = now - self.since
        if self._buffer and waited > self.limits.header_timeout:
            self.refuse(408)
        elif waited > self.limits.idle_timeout:
            self.loseConnection()

    def _tick_body(self, now: float) -> None:
        request = self.requests[0]
        incoming = request.incoming
        took = now - request.began if incoming is None else incoming.waited(now)
        allowed = self.limits.body_timeout + request.body_size / SLOWEST_BODY
        if took > allowed and not self.refused:
            request.refuse(HTTPError(408, f"the request body was slower than {SLOWEST_BODY} bytes a second"))

    @property
    def idle(self) -> bool:
        """Whether nothing of a request has arrived that is not answered."""
        return not self.requests and not self._buffer

    def requestDone(self, request: Request) -> None:
        self.since = self.site.now
        self.body_held = False
        self.relays = False
        narrow(self.transport)
        if not request.body_received:
            self.drop_body()
        super().requestDone(request)

    def pauseProducing(self) -> None:
        self.paused_at = self.site.now
        super().pauseProducing()

    def resumeProducing(self) -> None:
        self.paused_at = None
        self.since = self.site.now
        super().resumeProducing()
        if self.body_held:
            self._networkProducer.pauseProducing()

    # Streamed bodies --------------------------------------------------------------------------------------------------

    def hold_body(self, held: bool) -> None:
        """Take no more of a body from the connection, or go on."""
        if held != self.body_held:
            self.body_held = held
            if held:
                self._networkProducer.pauseProducing()
            elif not self._waitingForTransport:
                self._networkProducer.resumeProducing()

    def relay(self, length: int | None) -> None:
        """A body goes out that comes in as fast as it goes out: what is written need not wait for another turn."""
        self.relays = True
        widen(self.transport, length)

    def write(self, data: bytes) -> None:
        if self.relays:
            write_now(self.transport, data)
        else:
            super().write(data)

    def writeSequence(self, iovec: list[bytes]) -> None:
        if self.relays:
            write_now(self.transport, b"".join(iovec))
        else:
            super().writeSequence(iovec)

    def drop_body(self) -> None:
        """Read the rest of a body to nowhere; the connection closes after the response."""
        self.refused = True
        self.persistent = 0
        self.hold_body(False)

    def send_continue(self) -> None:
        """Tell the client that its body is wanted."""
        if self.requests and not self.requests[0].startedWriting:
            self._send100Continue()


def _drop(data: bytes) -> None:
    """Read to nowhere: the request was refused."""


def _host(transport: Any) -> str:
    peer = transport.getPeer()
    return str(getattr(peer, "host", "unix")) if ITCPTransport.providedBy(transport) else str(peer)
