"""``request_headers:``: which headers of a request are passed on, and what is added to them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from twisted.web.http_headers import Headers

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.formats import Format
from gramex_twisted.resources.proxy.headers import HOP_BY_HOP, canonical_name, named_by_connection
from gramex_twisted.web.reply import canonical, header_value
from gramex_twisted.web.site import peer_of

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.web.context import Context

#: What tells which answer is wanted and what the body is: no API works without, and none of it tells who asks.
ALWAYS = (
    "Accept Accept-Charset Accept-Encoding Accept-Language Cache-Control Content-Disposition Content-Encoding "
    "Content-Language Content-Location Content-MD5 Content-Type Digest If-Match If-Modified-Since If-None-Match "
    "If-Range If-Unmodified-Since Last-Event-Id Pragma Prefer Range User-Agent Sec-Websocket-Key Sec-Websocket-Version "
    "Sec-Websocket-Protocol Sec-Websocket-Extensions"
)
#: What a client could pretend to come from or to ask for, were it passed on: only a proxy before us may say it.
CLAIMS = (
    "Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto X-Forwarded-Port X-Forwarded-Prefix "
    "X-Forwarded-Server X-Forwarded-Scheme X-Forwarded-Ssl X-Real-Ip X-Client-Ip X-Cluster-Client-Ip "
    "True-Client-Ip Cf-Connecting-Ip X-Scheme X-Url-Scheme X-Request-Uri X-Original-Url X-Rewrite-Url"
)
#: What is said to this server: whom to sign in, and which method is meant.
OURS = "Host X-Gramex-User X-Gramex-Otp X-Gramex-Key X-Http-Method-Override X-Http-Method X-Method-Override"

FOR, PROTO, HOST = b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host"
#: Proxies that a request may have come through, so that one which leads to itself ends.
MOST_HOPS = 32
CLAIMED = frozenset({FOR, PROTO, HOST, b"X-Scheme"})


class RequestHeaders:
    """What ``request_headers:`` says.

    :raises ConfigError: for what is no header.
    """

    def __init__(self, option: Any, setup: Setup) -> None:
        rules = _rules(option)
        self.everything = rules.pop("*", False) not in (False, None)
        self.written: list[tuple[bytes, Format]] = []
        passed, dropped = set(_names(ALWAYS)), set(_names(OURS + " " + CLAIMS))
        for name, value in rules.items():
            try:
                raw = canonical_name(canonical(name))
            except ValueError as error:
                raise setup.error(str(error), "request_headers") from None
            if raw in HOP_BY_HOP:
                raise setup.error(f"{name} belongs to one connection and cannot be passed on", "request_headers", name)
            if value is True:
                passed.add(raw)
                dropped.discard(raw)
            else:
                passed.discard(raw)
                dropped.add(raw)
                if value not in (None, False):
                    self.written.append((raw, Format(str(value), setup, "request_headers", name)))
        self.passed = frozenset(passed) - dropped
        self.dropped = frozenset(dropped) | HOP_BY_HOP
        self.look_alikes = frozenset(name.replace(b"-", b"_").lower() for name in self.dropped)
        self.dynamic = any(form.dynamic for _, form in self.written)

    def passes(self, name: bytes) -> bool:
        """Whether a header of this (canonical) name is passed on."""
        if not self.everything:
            return name in self.passed
        # Servers that make X_Forwarded_For and X-Forwarded-For one variable must not take the wrong one.
        return name not in self.dropped and (b"_" not in name or name.lower() not in self.look_alikes)

    def of(self, context: Context) -> Headers:
        """The headers to send for ``context``."""
        headers = Headers()
        incoming = context.native.requestHeaders
        named = named_by_connection(incoming)
        sent, raw = incoming._rawHeaders, headers._rawHeaders  # their methods look for line breaks, which are not there
        for name, values in sent.items():
            if self.passes(name) and name not in named:
                raw[name] = values
        if b"Host" in raw:
            raw[b"Host"] = raw[b"Host"][:1]
        if b"Cookie" in raw:
            self._hide_session(context, headers)
        _add_forwarded(context, headers)
        for name, form in self.written:
            try:
                headers.setRawHeaders(name, [header_value(name.decode(), form(context)).encode("utf-8")])
            except ValueError as error:
                raise HTTPError(400, str(error)) from None
        return headers

    def _hide_session(self, context: Context, headers: Headers) -> None:
        """Leave out the cookie that would let the upstream be the visitor here."""
        if not context.has_session_cookie:
            return
        own = context._sessions.options.cookie.encode()
        kept = [
            pair
            for line in headers.getRawHeaders(b"Cookie") or ()
            for pair in line.split(b";")
            if pair.partition(b"=")[0].strip() != own
        ]
        if kept:
            headers.setRawHeaders(b"Cookie", [b"; ".join(pair.strip() for pair in kept)])
        else:
            headers.removeHeader(b"Cookie")


def _add_forwarded(context: Context, headers: Headers) -> None:
    """Say for whom this is asked. What a trusted proxy before us has said of that is kept."""
    native = context.native
    incoming, raw = native.requestHeaders._rawHeaders, headers._rawHeaders
    peer = peer_of(native)
    chain, proto = peer.encode(), b"https" if native.isSecure() else b"http"
    hosts: list[bytes] | None = incoming.get(b"Host")
    if not CLAIMED.isdisjoint(incoming) and context.route.services.trusts(peer):
        chain = b", ".join([*incoming.get(FOR, ()), chain])
        if chain.count(b",") >= MOST_HOPS:
            raise HTTPError(508, f"this request has come through {MOST_HOPS} proxies: does one lead to itself?")
        proto = context.request.protocol.encode()
        hosts = incoming.get(HOST, hosts)
    raw[FOR], raw[PROTO] = [chain], [proto]
    if hosts:
        raw[HOST] = hosts[:1]


def _rules(option: Any) -> dict[str, Any]:
    if isinstance(option, Mapping):
        return dict(option)
    return dict.fromkeys([option] if isinstance(option, str) else option, True)


def _names(text: str) -> Iterator[bytes]:
    return map(canonical_name, text.split())
