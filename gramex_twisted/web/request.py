"""One HTTP request: routed when its headers are in, its body bounded or streamed, its response sent in one write."""

from __future__ import annotations

from io import BytesIO
from time import perf_counter
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger
from twisted.web import server

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.body import StreamedBody
from gramex_twisted.web.bodyfile import IN_MEMORY, stored
from gramex_twisted.web.queries import parse_query
from gramex_twisted.web.run import drive
from gramex_twisted.web.stream import ClientGone
from gramex_twisted.web.transports import widen, write_now

if TYPE_CHECKING:
    from collections.abc import Callable

    from gramex_twisted.web.channel import Channel
    from gramex_twisted.web.held import HeldAnswer
    from gramex_twisted.web.site import Site

log = Logger()


class Request(server.Request):
    """A request of ``gramex_twisted.web.site.Site``.

    ``match`` is what the Router found: the pattern's match, or None. ``context`` is what user code sees of the request,
    where a native resource answers: were it here always, each request would be garbage that only a collection frees.
    """

    channel: Channel
    site: Site
    content: Any = None
    headers_received = False
    body_received = False
    body_size = 0
    incoming: StreamedBody | None = None
    streamed: StreamedBody | None = None
    context: Any = None
    match: Any = None
    answer: HeldAnswer | None = None
    on_lost: Callable[[], None] | None = None
    refusal: HTTPError | None = None
    _args: dict[bytes, list[bytes]] | None = None

    def __init__(self, channel: Channel, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        self.site = channel.site
        self.began = channel.site.now
        self.started = perf_counter()

    def __conform__(self, interface: Any) -> Any:
        """``IContext(request)`` is the Context, once a native resource is to answer."""
        from gramex_twisted.web.context import IContext

        return self.context if interface is IContext else None

    # Reading ----------------------------------------------------------------------------------------------------------

    def gotLength(self, length: int | None) -> None:
        """All headers are in: find the route, whose limit on the body counts."""
        self.headers_received = True
        channel = self.channel
        self.method, self.uri, self.clientproto = channel._command, channel._path, channel._version
        self.path = self.uri.partition(b"?")[0]
        self.endpoint = self.site.resource.getChildWithDefault(self.path, self)
        self.max_body_size: int = self.endpoint.max_body_size or self.site.limits.max_body_size
        if length == 0:
            self.content = BytesIO()
        elif length is not None and length > self.max_body_size:
            self._refuse_size()
        elif self.endpoint.streams_body(self):
            self.streamed = self._incoming(length)
            self.process()  # its handler reads the body as it comes
        elif length is not None and length <= IN_MEMORY:
            self.content = BytesIO()
        else:
            drive(self._store(self._incoming(length)), self.endpoint.held)

    def _incoming(self, length: int | None) -> StreamedBody:
        expect = self.getHeader(b"Expect") or b""
        expected = expect.lower() == b"100-continue" and self.clientproto == b"HTTP/1.1"
        self.requestHeaders.removeHeader(b"Expect")  # the channel would ask for the body at once
        self.content = BytesIO()
        widen(self.channel.transport, length)
        self.incoming = StreamedBody(self, length, expected=expected)
        return self.incoming

    async def _store(self, body: StreamedBody) -> None:
        """Keep a long body in a file, then let the Endpoint answer."""
        refusal: HTTPError | None = None
        try:
            self.content = await stored(body, self.endpoint.services.threads)
        except ClientGone:
            return
        except HTTPError as error:
            refusal = error
        except Exception:  # noqa: BLE001 - nothing else is there to answer
            log.failure("The request body cannot be stored")
            refusal = HTTPError(500, "the request body cannot be stored; the server's log says why")
        if self._disconnected:
            self.content.close()
            return
        if refusal is not None:
            self.refuse(refusal)
        self.process()

    def handleContentChunk(self, data: bytes) -> None:
        """Store a piece of the body; the one that goes over the limit ends the request."""
        if self.refusal is not None:
            return
        self.body_size += len(data)
        if self.body_size > self.max_body_size:
            self._refuse_size()
        elif self.incoming is not None:
            self.incoming.arrived(data)
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The whole request is in."""
        self.body_received = True
        if self.incoming is not None:
            self.incoming.end()
        elif self.refusal is None:
            self.content.seek(0)
            self.process()

    def process(self) -> None:
        """Let the Endpoint answer."""
        self.endpoint.render(self)

    def _refuse_size(self) -> None:
        self.refuse(HTTPError(413, f"the request body is over {self.max_body_size} bytes"))

    def refuse(self, error: HTTPError) -> None:
        """Answer ``error`` now, without the rest of the body, and close the connection.

        Whoever reads a body that is coming in learns it there.
        """
        self.refusal = error
        self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        if self.incoming is not None:
            self.channel.drop_body()
            self.incoming.fail(error)
            return
        self.body_received = True
        if self.content is None:
            self.content = BytesIO()
        self.requestHeaders.removeHeader(b"Expect")  # no "100 Continue" for what is not wanted
        self.channel.persistent = 0
        self.channel.refused = True
        self.process()

    @property
    def args(self) -> dict[bytes, list[bytes]]:
        """Query and form arguments, parsed when native Twisted code asks for them."""
        if self._args is None:
            self._args = _parse(self.uri.partition(b"?")[2])
            content_type = self.getHeader(b"Content-Type") or b""
            if content_type.partition(b";")[0].strip().lower() == b"application/x-www-form-urlencoded":
                self.content.seek(0)
                for key, values in _parse(self.content.read()).items():
                    self._args.setdefault(key, []).extend(values)
                self.content.seek(0)
        return self._args

    @args.setter
    def args(self, value: dict[bytes, list[bytes]]) -> None:
        self._args = value

    # Answering --------------------------------------------------------------------------------------------------------

    def send(self, status: int, head: bytes, body: bytes) -> None:
        """Send a whole response in one write: the status line, ``head`` (lines with CRLF) and ``body``, and finish.

        A client that is gone is not an error: there is nobody to tell.
        """
        self.code = status
        if self._disconnected:
            return
        self._close_if_draining()
        self.startedWriting = 1
        self.sentLength = len(body)
        if not self.body_received:
            self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
        own = self.responseHeaders._rawHeaders
        extra = b"".join([b"%b: %b\r\n" % (name, value) for name, values in own.items() for value in values])
        if self.method == b"HEAD" or status in (204, 304) or status < 200:
            body = b""
        write_now(self.channel.transport, b"".join((self.clientproto, head, extra, b"\r\n", body)))
        self.finished = 1
        self._cleanup()

    def begin(self, status: int, reason: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        """Start a response whose body follows through ``write``: chunked unless ``headers`` tell its length."""
        self._close_if_draining()
        self.setResponseCode(status, reason)
        self._announce_close()
        for name, value in headers:
            self.responseHeaders.addRawHeader(name, value)
        # A type is the handler's business here, and Twisted's default must not be added to a 206 or 416.
        self.defaultContentType = None
        self.write(b"")

    def _announce_close(self) -> None:
        """While the server drains, tell the client that this connection ends with this response."""
        if self.site.draining:
            self.responseHeaders.setRawHeaders(b"connection", [b"close"])

    def _close_if_draining(self) -> None:
        if self.site.draining:
            self.responseHeaders.setRawHeaders(b"Connection", [b"close"])
            self.channel.persistent = 0

    def write(self, data: bytes) -> None:
        if self.answer is None or self.answer.write(data):
            super().write(data)

    def finish(self) -> None:
        if self.answer is None or self.answer.end():
            super().finish()

    def abort(self) -> None:
        """Cut the connection."""
        if not self._disconnected:
            self.channel.transport.abortConnection()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        if self.incoming is not None:
            self.incoming.fail(ClientGone())
        lost, self.on_lost = self.on_lost, None
        if lost is not None:
            lost()


def _parse(query: bytes) -> dict[bytes, list[bytes]]:
    return {name.encode("latin-1"): values for name, values in parse_query(query).items()}
