"""Which method a request means, and whether the route takes it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from gramex_twisted.errors import HTTPError

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")
OVERRIDE = "x-http-method-override"


def effective_method(request: Any) -> str:
    """The request's method; a POST may name another one in ``?x-http-method-override=`` or the header of that name."""
    method: str = request.method.decode("latin-1")
    if method != "POST":
        return method
    header = request.getHeader(OVERRIDE)
    if header:
        return str(header).upper()
    query: bytes = request.uri.partition(b"?")[2]
    if OVERRIDE.encode() in query.lower():
        for name, values in parse_qs(query.decode("latin-1")).items():
            if name.lower() == OVERRIDE:
                return values[-1].upper()
    return method


def method_list(value: str | Iterable[str]) -> tuple[str, ...]:
    """``"GET, post"`` or ``[get, post]`` as upper-case names, in order.

    :raises ValueError: for what is no HTTP method.
    """
    text = value if isinstance(value, str) else " ".join(value)
    names = tuple(dict.fromkeys(text.upper().replace(",", " ").split()))
    for name in names:
        if name not in METHODS:
            raise ValueError(f"{name!r} is not an HTTP method; use {', '.join(METHODS)}")
    return names


def not_allowed(method: str, allowed: Iterable[str]) -> HTTPError:
    """405 with its Allow header."""
    names = ", ".join(allowed)
    return HTTPError(405, f"{method} is not allowed here; use {names}", headers={"Allow": names})
