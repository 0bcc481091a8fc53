"""The head of an HTTP/1.x response, and what it says about its body (RFC 9112, 4 to 6.3)."""

from __future__ import annotations

import re
from typing import NamedTuple

from twisted.web.http_headers import Headers, InvalidHeaderName, _nameEncoder

_STATUS = re.compile(rb"HTTP/1\.([0-9]) ([1-9][0-9]{2})(?: (.*))?", re.DOTALL)
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_DIGITS = re.compile(rb"[0-9]{1,18}")
_FOLDED = re.compile(rb"\n[ \t]")
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")

#: What ``framing`` answers for a chunked body, and for one that ends with the connection.
CHUNKED, UNTIL_CLOSE = -1, -2


class BadResponseError(Exception):
    """What came is no HTTP response that can be passed on."""


class Head(NamedTuple):
    """The status line and the headers."""

    minor: int
    code: int
    phrase: bytes
    headers: Headers

    def tokens(self, name: bytes) -> list[bytes]:
        """The values of a list header (by its canonical name), in lower case."""
        values = self.headers._rawHeaders.get(name)
        return [token.strip().lower() for token in b",".join(values).split(b",")] if values else []

    @property
    def persistent(self) -> bool:
        """Whether another request may follow on the same connection."""
        if b"Connection" not in self.headers._rawHeaders:
            return self.minor > 0
        tokens = self.tokens(b"Connection")
        return b"close" not in tokens if self.minor else b"keep-alive" in tokens


def split_head(data: bytes) -> tuple[bytes, bytes] | None:
    """The head without its blank line, and what follows it; None where it is not all there."""
    end = data.find(b"\r\n\r\n")
    if end >= 0:
        return data[:end], data[end + 4 :]
    found = _BLANK_LINE.search(data)  # some servers write bare line feeds
    return None if found is None else (data[: found.start()], data[found.end() :])


def parse_head(data: bytes) -> Head:
    """The head in ``data``, which ``split_head`` gave.

    :raises BadResponseError: for anything that is none.
    """
    text = data.replace(b"\r\n", b"\n")
    if _FORBIDDEN.search(text):
        raise BadResponseError("control characters in the response's head")
    status, *lines = text.split(b"\n")
    found = _STATUS.fullmatch(status)
    if found is None:
        raise BadResponseError(f"no HTTP status line: {status[:80]!r}")
    headers = Headers()
    raw = headers._rawHeaders  # there are no line breaks left for its methods to look for
    names = _nameEncoder._canonicalHeaderCache
    for line in _unfolded(lines) if _FOLDED.search(text) else lines:
        name, colon, value = line.partition(b":")
        try:
            if not colon:
                raise InvalidHeaderName(name)
            known = names.get(name) or _nameEncoder.encode(name)
            raw.setdefault(known, []).append(value.strip(b" \t"))
        except InvalidHeaderName:
            raise BadResponseError(f"no header: {line[:80]!r}") from None
    return Head(int(found[1]), int(found[2]), found[3] or b"", headers)


def _unfolded(lines: list[bytes]) -> list[bytes]:
    """``lines`` with continuation lines, which begin with white space, joined to the ones before."""
    joined: list[bytes] = []
    for line in lines:
        if line[:1] not in (b" ", b"\t"):
            joined.append(line)
        elif joined:
            joined[-1] += b" " + line.strip(b" \t")
        else:
            raise BadResponseError("the first header line begins with white space")
    return joined


def framing(head: Head, method: bytes) -> int:
    """How long the body is, in bytes, or ``CHUNKED`` or ``UNTIL_CLOSE``.

    :raises BadResponseError: where the head contradicts itself.
    """
    if method == b"HEAD" or head.code in (204, 304) or head.code < 200:
        return 0
    if b"Transfer-Encoding" in head.headers._rawHeaders:
        codings = head.tokens(b"Transfer-Encoding")
        if codings != [b"chunked"] or not head.minor:
            raise BadResponseError(f"unknown Transfer-Encoding: {b', '.join(codings)[:80]!r}")
        return CHUNKED
    lengths = set(head.tokens(b"Content-Length"))
    if not lengths:
        return UNTIL_CLOSE
    if len(lengths) > 1:
        raise BadResponseError("two Content-Lengths that differ")
    [length] = lengths
    if not _DIGITS.fullmatch(length):
        raise BadResponseError(f"no Content-Length: {length[:80]!r}")
    return int(length)
