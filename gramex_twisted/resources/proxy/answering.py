"""The upstream's response on its way to the client: its headers with ours, its body as fast as the client takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers

from gramex_twisted.resources.proxy import rewriting
from gramex_twisted.resources.proxy.headers import HOP_BY_HOP, canonical_name, named_by_connection
from gramex_twisted.resources.proxy.outgoing import Outgoing
from gramex_twisted.resources.proxy.patience import Patience
from gramex_twisted.web.stream import ClientGone, Stream

if TYPE_CHECKING:
    from gramex_twisted.services.upstream.response import Response
    from gramex_twisted.web.context import Context

log = Logger()

Lines = dict[str, list[str]]

#: What browsers are told about other sites, which a route with `cors:` decides itself.
_CORS = b"Access-Control-"
_HSTS = b"Strict-Transport-Security"
_REWRITTEN = frozenset({b"Location", b"Content-Location", b"Set-Cookie", _HSTS})


class ResponseHeaders:
    """Which headers the responses of one route have.

    The route's ``headers:`` come first, where null leaves one out; then those of the upstream; then those that every
    response of the app has.
    """

    def __init__(self, written: Iterable[str]) -> None:
        self._forced = frozenset(canonical_name(name) for name in written)
        self._added: list[tuple[bytes, list[bytes]]] | None = None

    def _defaults(self, context: Context) -> list[tuple[bytes, list[bytes]]]:
        """What the Endpoint, which is made after the handler, adds to all responses of the route."""
        if self._added is None:
            headers = Headers()
            for name, values in context.route.default_headers.items():
                headers.setRawHeaders(name.encode("ascii"), [value.encode("utf-8") for value in values])
            self._added = [(name, list(values)) for name, values in headers.getAllRawHeaders()]
        return self._added

    def of(self, context: Context, headers: Headers, asked: Outgoing) -> Headers:
        """The headers of a response to ``context``, without those that frame its body.

        :param headers: the upstream's.
        """
        merged = Headers()
        raw = merged._rawHeaders  # its methods look for line breaks, which are not there
        named = named_by_connection(headers)
        forced, cors = self._forced, context.route.cors is not None
        for name, values in headers._rawHeaders.items():
            if name in HOP_BY_HOP or name in forced or name in named or (cors and name.startswith(_CORS)):
                continue
            if name in _REWRITTEN:
                values = self._rewritten(context, name, values, asked)
            if values:
                raw[name] = values
        if b"X-Proxy-Url" not in forced and asked.url.startswith((b"http:", b"https:")):
            raw[b"X-Proxy-Url"] = [asked.url.partition(b"?")[0]]
        for name, values in self._defaults(context):
            raw.setdefault(name, values)
        if context._headers is not None:
            _add_own(context, merged)
        return merged

    def _rewritten(self, context: Context, name: bytes, values: Iterable[bytes], asked: Outgoing) -> list[bytes]:
        if name == _HSTS:
            context.native.responseHeaders.removeHeader(_HSTS)
            return list(values)
        if name != b"Set-Cookie":
            return [rewriting.location(value, asked.url, asked.authorities, asked.place) for value in values]
        sessions = context._sessions
        own = sessions.options.cookie.encode() if sessions is not None else None
        kept = (rewriting.cookie(value, own, asked.place) for value in values)
        return [value for value in kept if value is not None]


def _add_own(context: Context, merged: Headers) -> None:
    """Let what guards and user functions have set for this one request win."""
    defaults = context.route.default_headers
    for name, values in context._own_headers.items():
        if defaults.get(name) == values:
            continue
        raw = [value.encode("utf-8") for value in values]
        if name == "Vary":
            raw = [*(merged.getRawHeaders(b"Vary") or ()), *raw]
        merged.setRawHeaders(name.encode("ascii"), raw)


def as_lines(headers: Headers) -> Lines:
    """``headers`` as a Context has them."""
    return {
        name.decode("ascii").title(): [value.decode("latin-1") for value in values]
        for name, values in headers.getAllRawHeaders()
    }


def send_whole(context: Context, response: Response, headers: Headers, body: bytes) -> None:
    """Send a response that is all here, in one write."""
    native, code = context.native, response.code
    lines = [b" %d %s\r\n" % (code, response.phrase)]
    raw = headers._rawHeaders
    if b"Date" not in raw:
        lines.append(native.site.head)
    for name, values in raw.items():
        for value in values:
            lines.append(b"%b: %b\r\n" % (name, value))
    if context._cookies is not None:
        lines.extend(b"Set-Cookie: " + cookie.encode("utf-8") + b"\r\n" for cookie in context.cookie_headers())
    length = announced(response, len(body))
    if length is not None:
        lines.append(b"Content-Length: %d\r\n" % length)
    native.send(code, b"".join(lines), body)


def announced(response: Response, size: int | None) -> int | None:
    """The Content-Length to send: that of the body, or the one which a response to HEAD tells."""
    if response.code in (204, 304):
        return None
    if response.request.method == b"HEAD":
        values = response.headers.getRawHeaders(b"Content-Length")
        return int(values[0]) if values and values[0].isdigit() else None
    return size


class Relay(Protocol):
    """Carries a body from the upstream to ``stream``. ``done`` fires at its end, and fails where there is none."""

    transport: Any

    def __init__(self, stream: Stream, patience: Patience) -> None:
        self.done: Deferred[None] = Deferred()
        self._stream = stream
        self._patience = patience

    def dataReceived(self, data: bytes) -> None:
        if self.done.called:
            return
        self._patience.heard()
        try:
            wait = self._stream.write(data)
        except ClientGone as gone:
            self._fail(gone)
            return
        if wait is not None and not self._patience.held:
            self._patience.hold(True)
            self.transport.pauseProducing()
            wait.addCallbacks(self._go_on, self._client_gone)

    def _go_on(self, _: object) -> None:
        self._patience.hold(False)
        self.transport.resumeProducing()

    def client_left(self) -> None:
        """The client has closed the connection."""
        self._fail(ClientGone())

    def _client_gone(self, _: Failure) -> None:
        self._fail(ClientGone())

    def _fail(self, error: Exception) -> None:
        if not self.done.called:
            self.done.errback(error)
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(None)
        else:
            self.done.errback(reason)


class Gather(Protocol):
    """Takes a body into memory. ``done`` fires with it, or with None where it is over ``longest`` bytes."""

    transport: Any

    def __init__(self, longest: int, patience: Patience) -> None:
        self.done: Deferred[bytes | None] = Deferred()
        self._longest = longest
        self._patience = patience
        self._pieces: list[bytes] = []
        self._size = 0

    def dataReceived(self, data: bytes) -> None:
        self._patience.heard()
        self._size += len(data)
        self._pieces.append(data)
        if self._size > self._longest:
            self._pieces.clear()
            if not self.done.called:
                self.done.callback(None)
                self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.done.called:
            return
        if reason.check(ResponseDone):
            self.done.callback(b"".join(self._pieces))
        else:
            self.done.errback(reason)
