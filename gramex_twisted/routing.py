"""Route and Router: which Endpoint answers a path.

A pattern is a regular expression for the whole path, matched against the path with its printable characters decoded
(``/%61dmin`` is ``/admin``) save slashes, backslashes and percent signs. Patterns without regular expression syntax are
literal, and found through a dict however many there are; a dot in such a pattern is a dot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from twisted.web import resource

from gramex_twisted.errors import ConfigError

if TYPE_CHECKING:
    from gramex_twisted.endpoint import Endpoint
    from gramex_twisted.web.request import Request

_SYNTAX = re.compile(r"[\\^$*+?{}\[\]|()]")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_PRINTABLE = bytes(range(0x21, 0x7F))
_DECODED = frozenset(_PRINTABLE) - frozenset(b"/\\%")


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern, its rank and what answers it."""

    pattern: str
    priority: float
    order: int
    endpoint: Endpoint

    @property
    def rank(self) -> tuple[float, int, int, int]:
        """Sorts before lower ranks: priority, then slashes, then fewest ``*`` and ``+``, then file order."""
        wild = self.pattern.count("*") + self.pattern.count("+")
        return -self.priority, -self.pattern.count("/"), wild, self.order

    @property
    def literal(self) -> str | None:
        """The one path that the pattern matches, None where it is a regular expression."""
        text = re.sub(r"\\([./\-_~])", r"\1", self.pattern)
        return None if _SYNTAX.search(text) else quoted(text)

    def compile(self) -> re.Pattern[str]:
        """The pattern as a regular expression for the path as the Router sees it.

        :raises ConfigError: when it is none.
        """
        try:
            return re.compile(quoted(self.pattern))
        except re.error as error:
            raise ConfigError("", f"pattern {self.pattern!r} is not a regular expression: {error}") from error


def quoted(text: str) -> str:
    """``text`` with its non-ASCII characters and spaces percent-encoded, as they are in a normalized path."""
    text = re.sub(r"%[0-9A-Fa-f]{2}", lambda found: found[0].upper(), text)
    return re.sub(r"[^\x21-\x7e]", lambda found: quote(found[0]), text)


def normalized(path: bytes) -> str:
    """A request's path as it is matched: printable characters decoded, others percent-encoded in upper case."""
    if b"%" in path:
        path = _ESCAPED.sub(_decode, path)
    if not path.isascii():
        path = quote(path, safe=_PRINTABLE).encode()
    return path.decode("ascii")


def _decode(found: re.Match[bytes]) -> bytes:
    char = int(found[1], 16)
    return bytes((char,)) if char in _DECODED else found[0].upper()


class Router(resource.Resource):
    """The root resource of an app.

    :param routes: in file order.
    :param missing: answers the paths that no pattern matches.
    """

    def __init__(self, routes: Iterable[Route], missing: Endpoint) -> None:
        super().__init__()
        self.missing = missing
        self.routes = tuple(sorted(routes, key=lambda route: route.rank))
        self._literals: dict[str, tuple[Endpoint, Any]] = {}
        self._patterns: list[tuple[Any, Endpoint]] = []
        for route in self.routes:
            literal = route.literal
            if literal is None:
                self._patterns.append((route.compile().fullmatch, route.endpoint))
            elif literal not in self._literals:
                # Whatever ranks above a literal was added before it: what its path is routed to is known now.
                self._literals[literal] = self._match(literal) or (route.endpoint, None)

    def _match(self, path: str) -> tuple[Endpoint, Any] | None:
        for match, endpoint in self._patterns:
            found = match(path)
            if found is not None:
                return endpoint, found
        return None

    def resolve(self, path: bytes) -> tuple[Endpoint, Any]:
        """The Endpoint for ``path`` (percent-encoded, without the query) and the pattern's match, None for literals."""
        text = normalized(path)
        return self._literals.get(text) or self._match(text) or (self.missing, None)

    def getChildWithDefault(self, path: bytes, request: Request) -> Endpoint:
        """The Endpoint for the whole path of ``request``."""
        endpoint, request.match = self.resolve(path)
        return endpoint
