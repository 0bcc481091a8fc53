"""Headers that tell browsers to be careful: ``app.security``, on every response of a route."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.config.settings import Security
from gramex_twisted.web.reply import Headers, canonical

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

HSTS = "Strict-Transport-Security"

_HEADERS = {
    "X-Content-Type-Options": "content_type_options",
    "Content-Security-Policy": "content_security_policy",
    "Referrer-Policy": "referrer_policy",
    HSTS: "strict_transport_security",
}


def security_headers(security: Security) -> Headers:
    """The headers that ``app.security`` asks for, by name as ``canonical`` writes it. HSTS among them is for https."""
    wanted = {name: getattr(security, key) for name, key in _HEADERS.items()}
    return {canonical(name): [value] for name, value in wanted.items() if value}


def over_https(context: Context) -> bool:
    """Whether the client speaks https with us, or with a trusted proxy before us. Cheap where neither is."""
    native = context.native
    headers = native.requestHeaders
    if native.isSecure() or headers.hasHeader(b"X-Forwarded-Proto") or headers.hasHeader(b"X-Scheme"):
        return context.request.protocol == "https"
    return False
