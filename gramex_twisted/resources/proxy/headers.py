"""Headers as user functions see them, and which of them end at a proxy."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

from twisted.web.http_headers import Headers

from gramex_twisted.web.reply import canonical, header_value

#: Headers of one connection, not of the message (RFC 9110, 7.6.1), and those that frame a body.
HOP_BY_HOP = frozenset(
    {
        b"Connection",
        b"Content-Length",
        b"Expect",
        b"HTTP2-Settings",
        b"Http2-Settings",
        b"Keep-Alive",
        b"Proxy-Authenticate",
        b"Proxy-Authentication-Info",
        b"Proxy-Authorization",
        b"Proxy-Connection",
        b"TE",
        b"Trailer",
        b"Transfer-Encoding",
        b"Upgrade",
    }
)
_USUAL = ([b"keep-alive"], [b"close"], [b"Keep-Alive"])
_NONE: frozenset[bytes] = frozenset()


class HTTPHeaders(MutableMapping[str, str]):
    """Headers by name, in any case. Values of one name are joined with a comma; ``get_list`` has them one by one.

    The methods are those of Tornado's class of this name.
    """

    def __init__(self, headers: Headers | None = None) -> None:
        self._values: dict[str, list[str]] = {}
        if headers is not None:
            for name, values in headers.getAllRawHeaders():
                self._values[canonical(name.decode("ascii"))] = [value.decode("latin-1") for value in values]

    def __getitem__(self, name: str) -> str:
        return ",".join(self._values[_name(name)])

    def __setitem__(self, name: str, value: object) -> None:
        self._values[canonical(name)] = [header_value(name, value)]

    def __delitem__(self, name: str) -> None:
        del self._values[_name(name)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and _name(name) in self._values

    def __repr__(self) -> str:
        return f"HTTPHeaders({self._values!r})"

    def add(self, name: str, value: object) -> None:
        """Add one more value of ``name``."""
        self._values.setdefault(canonical(name), []).append(header_value(name, value))

    def get_list(self, name: str) -> list[str]:
        """Every value of ``name``."""
        return list(self._values.get(_name(name), ()))

    def get_all(self) -> Iterator[tuple[str, str]]:
        """Every (name, value), repeated names repeated."""
        for name, values in self._values.items():
            for value in values:
                yield name, value

    def raw(self) -> Headers:
        """As Twisted's Headers."""
        headers = Headers()
        for name, values in self._values.items():
            headers.setRawHeaders(name.encode("ascii"), [_encoded(value) for value in values])
        return headers


def _name(name: str) -> str:
    return name.title()


def _encoded(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8")


def canonical_name(name: str) -> bytes:
    """``name`` as Twisted's Headers write it."""
    headers = Headers()
    headers.addRawHeader(name.encode("ascii"), b"")
    [(raw, _)] = headers.getAllRawHeaders()
    return raw


def named_by_connection(headers: Headers) -> frozenset[bytes]:
    """The headers that the Connection header says are for this connection only, by canonical name."""
    values: Any = headers._rawHeaders.get(b"Connection")
    if not values or values in _USUAL:
        return _NONE
    tokens = [token.strip() for token in b",".join(values).split(b",")]
    return frozenset(b"-".join(part.capitalize() for part in token.split(b"-")) for token in tokens if token)
