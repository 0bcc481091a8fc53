"""The kwargs of ProxyHandler."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gramex_twisted.config.model import Count, Seconds, Size
from gramex_twisted.resources.base import Options


class ProxyOptions(Options):
    """ProxyHandler passes requests to another server and its answers back."""

    legacy = frozenset({"method"})

    url: str = Field(
        description="Where requests go: `https://host:port/path`, or `http+unix:///run/app.sock:/path` for a unix "
        "socket. `{0}`, `{1}` or `{name}` after the host are the pattern's groups; where there is none, what a "
        "trailing `(.*)` of the pattern matches is appended."
    )
    request_headers: dict[str, Any] | list[str] | str = Field(
        default={},
        description="Request headers that are passed on besides those that tell what is sent and wanted (Accept, "
        "Content-Type, Range ...). `'*': true` passes all; a name with true passes that one, false leaves it out, "
        "text is sent in its place: `'Bearer {handler.session[token]}'`. A list of names passes those.",
    )
    default: dict[str, Any] = Field(
        default={},
        description="Query parameters that are added where the request has none of that name. Values, or lists of "
        "them, are formatted with `{handler...}`.",
    )
    prepare: Any = Field(
        default=None,
        description="Function of `handler, request` that may change `request.url`, `method`, `headers` and `body` "
        "before it is sent. The request's body is stored first.",
    )
    modify: Any = Field(
        default=None,
        description="Function of `handler, request, response` that may change `response.code`, `reason`, `headers` and "
        "`body` before it is sent. The response's body is held in memory for that, unpacked where it is gzip.",
    )
    connect_timeout: Seconds = Field(default=20, gt=0, description="Seconds to connect within (504).")
    request_timeout: Seconds = Field(
        default=20,
        gt=0,
        description="Seconds that the upstream may be silent: before its answer (504), or in it (then the client "
        "is cut off).",
    )
    max_response_size: Size = Field(
        default=32 << 20, description="Longest response body for `modify`, in bytes as sent and unpacked (502 above)."
    )
    ca: str | None = Field(
        default=None, description="PEM file of the authorities whose certificates are trusted; default: the system's."
    )
    keep_alive: Count = Field(default=64, ge=0, description="Idle connections to the upstream that are kept.")
    keep_alive_timeout: Seconds = Field(
        default=4, description="Seconds that one is kept; less than the upstream keeps it."
    )
    websocket_timeout: Seconds = Field(
        default=3600, gt=0, description="Seconds after which a WebSocket is closed that has been silent both ways."
    )
