"""Where a request goes: the URL of ``url:`` with what the pattern has matched.

Host and port come from the configuration alone. What a request says goes into the path behind them, percent-encoded
where a URL may not hold it, and never climbs out of the configured path.
"""

from __future__ import annotations

import re
import string
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.upstream.agent import LONGEST_SOCKET

#: A piece of a template: text, or the number of the group that stands there.
Piece = bytes | int

_URL = re.compile(r"(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_UNIX = re.compile(r"http\+unix://(/[^:?#]*|[^/?#:]+)(?::)?([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9.])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?")
_TRAILING_GROUP = re.compile(r".*\((?:\?P<\w+>)?\.[*+]\??\)\$?", re.DOTALL)
_NO_PATH = re.compile(rb"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]")
_NO_QUERY = re.compile(rb"[^\x21\x24-\x3b\x3d\x3f-\x7e]")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})|(.)", re.DOTALL)
_SEPARATOR, _SUFFIX = re.compile(rb"[/\\]"), re.compile(rb"[;\x00]")


class Place(NamedTuple):
    """One request's place at the upstream: the raw ``path``, and what its ``upstream`` and ``public`` beginnings are,
    so that a redirect can be read backwards. ``below``: whether everything under the one is under the other.
    """

    path: bytes
    upstream: bytes
    public: bytes
    below: bool


class Target:
    """The configured URL.

    ``origin``: scheme and host as they are sent to the Upstream. ``query``: the arguments of the URL, as templates.
    ``authorization``: what user and password in the URL stand for.

    :param url: the ``url:`` option.
    :param pattern: the route's.
    :param folder: where a relative path of a unix socket begins.
    :raises ValueError: that says what is wrong with the URL.
    """

    def __init__(self, url: str, pattern: str, folder: Path) -> None:
        self.authorization: bytes | None = None
        path, query = self._split(url, folder)
        groups = _groups(pattern)
        self._path = list(pieces(path, groups, "/:@!$&'()*+,;=~%-._"))
        self.query = query or ""
        self._query = list(pieces(self.query, groups, "/:@!$'()*,;=~%-._&+?"))
        used = [piece for piece in (*self._path, *self._query) if isinstance(piece, int)]
        if not used and _TRAILING_GROUP.fullmatch(pattern) and groups[0]:
            self._path.append(groups[0])
        if climbs(b"".join(piece for piece in self._path if isinstance(piece, bytes))):
            raise ValueError("the path may not hold '..'")
        last = self._path[-1] if self._path else b""
        self._last = last if isinstance(last, int) else None

    def _split(self, url: str, folder: Path) -> tuple[str, str | None]:
        found = _UNIX.fullmatch(url)
        if found is not None:
            if "{" in found[1]:
                raise ValueError("the path of the socket comes from the configuration alone: use {...} after it")
            socket = str(folder / unquote(found[1]))
            if len(socket.encode()) > LONGEST_SOCKET:
                raise ValueError(f"the path of the socket is over {LONGEST_SOCKET} bytes: {socket}")
            self.origin = b"http+unix://" + quote(socket, safe="").encode()
            self.authority = b"localhost"
            return found[2], found[3]
        found = _URL.fullmatch(url)
        if found is None:
            raise ValueError("is no URL of http://, https:// or http+unix://")
        user, at, host = found[2].rpartition("@")
        if "{" in host:
            raise ValueError("the host comes from the configuration alone: use {...} after it")
        host = host if host.isascii() else host.encode("idna").decode()
        valid = _HOST.fullmatch(host)
        if valid is None or int(valid[1] or 1) not in range(1, 65536):
            raise ValueError(f"{host!r} is no host")
        if at:
            name, _, password = user.partition(":")
            self.authorization = b"Basic " + b64encode(f"{unquote(name)}:{unquote(password)}".encode())
        self.authority = host.lower().encode()
        self.origin = found[1].encode() + b"://" + self.authority
        return found[3], found[4]

    def place(self, native: Any) -> Place:
        """Where the request ``native`` goes.

        :raises HTTPError: 400 for a path that would climb out of the configured one.
        """
        group = _reader(native)
        parts = [piece if isinstance(piece, bytes) else _clean(group(piece)) for piece in self._path]
        path = b"".join(parts)
        if climbs(path):
            raise HTTPError(400, "the path may not hold '..'")
        if path[:1] != b"/":
            path = b"/" + path
        if self._last is None:
            return Place(path, path, native.path, below=False)
        below = len(parts[-1])
        public = native.path[: _start(native, self._last)]
        return Place(path, path[: len(path) - below], public, below=True)

    def query_of(self, native: Any) -> str:
        """The arguments of the URL, with the pattern's groups filled in."""
        if len(self._query) < 2:
            return self.query
        group = _reader(native)
        return b"".join(
            piece if isinstance(piece, bytes) else quote(unquote_to_bytes(group(piece)), safe="").encode()
            for piece in self._query
        ).decode("ascii")


def pieces(template: str, groups: tuple[int, dict[str, int]], safe: str) -> Iterator[Piece]:
    """A template as texts and references; ``{{`` is a brace.

    :raises ValueError: for a reference to a group that the pattern does not have.
    """
    count, names = groups
    automatic = 0
    for text, field, spec, conversion in string.Formatter().parse(template):
        if text:
            yield quote(text, safe=safe).encode()
        if field is None:
            continue
        if spec or conversion:
            raise ValueError(f"{{{field}}} can have no format")
        if not field:
            field, automatic = str(automatic), automatic + 1
        if field.isdigit() and int(field) < count:
            yield int(field) + 1
        elif field in names:
            yield names[field]
        else:
            raise ValueError(f"the pattern has no group {{{field}}}")


def _groups(pattern: str) -> tuple[int, dict[str, int]]:
    try:
        compiled = re.compile(pattern)
    except re.error:
        return 0, {}  # the Router says so
    return compiled.groups, dict(compiled.groupindex)


def climbs(path: bytes) -> bool:
    """Whether a server may take ``path`` for one that leads upwards, however it is encoded."""
    if b".." not in path and b"%" not in path:
        return False
    while (decoded := unquote_to_bytes(path)) != path:
        path = decoded
    return any(_SUFFIX.split(segment)[0].strip() == b".." for segment in _SEPARATOR.split(path))


def clean_query(query: bytes) -> bytes:
    """``query`` with what a URL may not hold percent-encoded."""
    return _NO_QUERY.sub(_quoted, query)


def _clean(text: bytes) -> bytes:
    return _NO_PATH.sub(_quoted, text)


def _quoted(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]


# Groups as they were sent ---------------------------------------------------------------------------------------------


def _reader(native: Any) -> Callable[[int], bytes]:
    """What gives the bytes of a group as the client wrote them: the Router matches a path that is decoded in part."""
    match, path = native.match, native.path
    if match is None:
        return lambda _: b""
    if b"%" not in path and path.isascii():
        return lambda group: (match.group(group) or "").encode("ascii")
    offsets = _offsets(path)

    def read(group: int) -> bytes:
        start, end = match.span(group)
        return path[offsets[start] : offsets[end]] if start >= 0 else b""

    return read


def _start(native: Any, group: int) -> int:
    match, path = native.match, native.path
    if match is None or match.start(group) < 0:
        return len(path)
    start: int = match.start(group)
    return start if b"%" not in path and path.isascii() else _offsets(path)[start]


def _offsets(path: bytes) -> list[int]:
    """For each character of the normalized path, and for its end, where it begins in ``path``."""
    offsets: list[int] = []
    ascii_only = path.isascii()
    for found in _ESCAPE.finditer(path):
        if found[1] is not None:
            char = int(found[1], 16)
            width = 1 if 0x21 <= char < 0x7F and char not in b"/\\%" else 3
        else:
            width = 1 if ascii_only or 0x21 <= found[2][0] < 0x7F else 3
        offsets += [found.start()] * width
    return [*offsets, len(path)]
