"""Which pages may connect: a browser sends a page's origin, and every page on the web may open a WebSocket to anywhere.

By default that is the pages of the same origin. A program that is no browser sends none, and may connect.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

_ORIGIN = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[^\s/?#@:\[\]]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_ALLOWED = re.compile(r"(?:(https?)://)?(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?/?", re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}


class Origins:
    """The ``origins:`` of a route.

    ``example.org`` is that domain and all below it, with any scheme and port; ``example.org:8080`` and
    ``https://example.org`` say which.

    :raises ValueError: for what is none of these.
    """

    def __init__(self, origins: Iterable[str]) -> None:
        texts = [text.strip() for text in origins]
        self.any = "*" in texts
        self._allowed = [_parsed(text) for text in texts if text != "*"]

    def admits(self, context: Context) -> bool:
        """Whether the page that makes the request may connect."""
        sent = context.native.requestHeaders.getRawHeaders(b"Origin")
        if self.any or not sent:
            return True
        found = _ORIGIN.fullmatch(sent[0].decode("latin-1")) if len(sent) == 1 else None
        if found is None:
            return False  # several, "null", or nothing that a browser sends
        scheme, host, port = found[1].lower(), found[2].lower(), found[3] or _PORTS[found[1].lower()]
        own = own_origin(context)
        return (scheme, host, port) == own or any(_matches(scheme, host, port, *entry) for entry in self._allowed)


def own_origin(context: Context) -> tuple[str, str, str]:
    """Scheme, host and port that the client asked: what a trusted proxy says it was, else the request's own."""
    request = context.request
    host = request.host
    if context.route.services.trusts(_peer(context)):
        host = request.headers.get("X-Forwarded-Host", host).split(",")[-1].strip()
    name, port = split_port(host)
    return request.protocol, name.lower(), port or _PORTS[request.protocol]


def split_port(host: str) -> tuple[str, str]:
    """``"[::1]:80"`` -> ``("[::1]", "80")``; no port is ``""``."""
    name, colon, port = host.rpartition(":")
    return (name, port) if colon and port.isdigit() and not name.endswith(":") else (host, "")


def _peer(context: Context) -> str:
    from gramex_twisted.web.site import peer_of

    return peer_of(context.native)


def _parsed(text: str) -> tuple[Any, str, Any]:
    found = _ALLOWED.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no domain: write example.org, which is its subdomains too, or '*' for all")
    return (found[1] or "").lower(), found[2].lower().lstrip("."), found[3]


def _matches(scheme: str, host: str, port: str, allowed_scheme: str, domain: str, allowed_port: str | None) -> bool:
    if allowed_scheme and scheme != allowed_scheme:
        return False
    if allowed_port is None and allowed_scheme:
        allowed_port = _PORTS[allowed_scheme]
    if allowed_port is not None and port != allowed_port:
        return False
    return host == domain or host.endswith("." + domain)
