"""A request as it is sent to the upstream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from twisted.web.http_headers import Headers
from twisted.web.iweb import IBodyProducer

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.headers import HOP_BY_HOP, HTTPHeaders
from gramex_twisted.resources.proxy.messages import ProxyRequest, as_bytes
from gramex_twisted.resources.proxy.target import Place, clean_query
from gramex_twisted.services.upstream.asking import Stored

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: What makes an answer something else than the whole resource.
CONDITIONS = (
    b"Range",
    b"If-Range",
    b"If-Match",
    b"If-None-Match",
    b"If-Modified-Since",
    b"If-Unmodified-Since",
)
_USER_URL = re.compile(r"((?:https?|http\+unix)://[^/?#@\s\\]+)([^#]*)", re.DOTALL)
_METHOD = re.compile(r"[A-Za-z!#$%&'*+\-.^_`|~0-9]+")


class Outgoing(NamedTuple):
    """``url`` has nothing that a URL may not hold; ``place`` is what of it is behind the host."""

    method: bytes
    url: bytes
    headers: Headers
    body: IBodyProducer | None
    place: Place

    @property
    def origin(self) -> bytes:
        """The upstream's, as a page of its own would tell it."""
        scheme, _, rest = self.url.partition(b"://")
        if scheme == b"http+unix":
            return b"http://localhost"
        return scheme + b"://" + rest.partition(b"/")[0]

    @property
    def authorities(self) -> frozenset[bytes]:
        """The names by which the upstream may know itself."""
        scheme, _, rest = self.url.partition(b"://")
        authority = rest.partition(b"/")[0].lower()
        names = {b"localhost"} if scheme == b"http+unix" else {authority}
        names.update(value.lower() for value in self.headers.getRawHeaders(b"Host") or ())
        port = {b"http": b":80", b"https": b":443"}.get(scheme, b"")
        return frozenset(names | {name.removesuffix(port) for name in names if port})

    def whole(self, encoding: bytes) -> Outgoing:
        """The same, but asking for all of the resource, with or without what HEAD leaves out."""
        for name in CONDITIONS:
            self.headers.removeHeader(name)
        self.headers.setRawHeaders(b"Accept-Encoding", [encoding])
        return self._replace(method=b"GET") if self.method == b"HEAD" else self

    def for_user(self, body: bytes | None) -> ProxyRequest:
        """As ``prepare`` and ``modify`` see it."""
        return ProxyRequest(self.url.decode("ascii"), self.method.decode("ascii"), HTTPHeaders(self.headers), body)

    def changed(self, request: ProxyRequest) -> Outgoing:
        """As ``prepare`` has left it.

        :raises HTTPError: 500 for what cannot be sent.
        """
        found = _USER_URL.fullmatch(str(request.url))
        if found is None:
            raise HTTPError(500, f"prepare: {request.url!r} is no URL of http://, https:// or http+unix://")
        method = str(request.method)
        if not _METHOD.fullmatch(method):
            raise HTTPError(500, f"prepare: {method!r} is no HTTP method")
        headers = request.headers.raw()
        for name in HOP_BY_HOP:
            headers.removeHeader(name)
        try:
            url = found[1].encode("ascii") + clean_query(found[2].encode("utf-8"))
        except UnicodeEncodeError:
            raise HTTPError(500, f"prepare: {request.url!r} has a host that is not ASCII") from None
        body = as_bytes(request.body, "prepare")
        return self._replace(method=method.encode(), url=url, headers=headers, body=Stored(body) if body else None)


def is_upgrade(native: Any) -> bool:
    """Whether a request asks for a WebSocket."""
    headers = native.requestHeaders
    if native.method != b"GET" or not headers.hasHeader(b"Upgrade"):
        return False
    upgrade = b",".join(headers.getRawHeaders(b"Upgrade")).lower()
    connection = b",".join(headers.getRawHeaders(b"Connection") or ()).lower()
    return b"websocket" in upgrade and b"upgrade" in connection and native.clientproto == b"HTTP/1.1"


def ask_for_upgrade(native: Any, asked: Outgoing) -> None:
    """Ask for a WebSocket. An Origin that was let in is the upstream's own, as far as that can tell."""
    asked.headers.setRawHeaders(b"Connection", [b"Upgrade"])
    asked.headers.setRawHeaders(b"Upgrade", [b"websocket"])
    sent = native.requestHeaders.getRawHeaders(b"Origin")
    if sent and asked.headers.getRawHeaders(b"Origin", sent) == sent:
        asked.headers.setRawHeaders(b"Origin", [asked.origin])


def check_origin(context: Context) -> None:
    """Pass, unless a page of another site opens the WebSocket: browsers let it, and send the visitor's cookies.

    :raises HTTPError: 403.
    """
    origin = context.request.headers.get("Origin")
    if origin is None or (context.route.cors is not None and context.route.cors.admits(context)):
        return
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        host = ""
    if host.lower() != context.request.host.lower():
        raise HTTPError(403, f"{origin} may not open a WebSocket here; name it in cors: origins")
