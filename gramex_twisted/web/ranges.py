"""Range requests (RFC 9110, 14): which parts of a body were asked for, and the body that carries them. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

#: Most parts of one answer. A request for more, or for more bytes than there are, gets the whole body.
MOST_PARTS = 100

_UNIT = re.compile(r"\s*bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"(\d*)\s*-\s*(\d*)", re.ASCII)

Part = bytes | range
"""Bytes to send as they are, or the positions of the file's bytes to send."""


def parse_ranges(header: str, size: int) -> list[range] | None:
    """The positions that a Range header asks for, of a body of ``size`` bytes, in the order asked.

    None where the header is to be ignored: another unit, a mistake in it, too many parts. Empty where none of the
    ranges lies in the body (416). Ranges that overlap or touch are joined.
    """
    found = _UNIT.fullmatch(header)
    if found is None:
        return None
    ranges = []
    for text in found[1].split(","):
        if not text.strip():
            continue
        spec = _SPEC.fullmatch(text.strip())
        if spec is None or spec[0] == "-" or len(text) > 50:
            return None
        wanted = _positions(spec[1], spec[2], size)
        if wanted is None:
            return None
        if wanted:
            ranges.append(wanted)
    if len(ranges) > 1:
        ranges = _joined(ranges)
    return None if len(ranges) > MOST_PARTS else ranges


def _positions(first: str, last: str, size: int) -> range | None:
    if not first:
        return range(max(0, size - int(last)), size)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def _joined(ranges: list[range]) -> list[range]:
    """``ranges`` as they are when they are apart, else sorted with the overlapping ones joined."""
    joined: list[range] = []
    for item in sorted(ranges, key=lambda item: item.start):
        if joined and item.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, item.stop))
        else:
            joined.append(item)
    return joined if len(joined) < len(ranges) else ranges


@dataclass(frozen=True)
class Partial:
    """A 206 or 416 answer: its status, the headers that it adds or replaces, and its body."""

    status: int
    headers: dict[str, str]
    parts: Sequence[Part]

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return sum(map(len, self.parts))


def partial(header: str, size: int, content_type: str, boundary: str) -> Partial | None:
    """The answer to a Range header; None for the whole body.

    :param boundary: what separates several parts: text that is not in the body.
    """
    ranges = parse_ranges(header, size)
    if ranges is None:
        return None
    if not ranges:
        return Partial(416, {"Content-Range": f"bytes */{size}"}, ())
    if len(ranges) == 1:
        return Partial(206, {"Content-Range": content_range(ranges[0], size)}, ranges)
    parts: list[Part] = []
    for item in ranges:
        head = f"\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {content_range(item, size)}\r\n\r\n"
        parts += [head.encode("latin-1", "replace"), item]
    parts.append(f"\r\n--{boundary}--\r\n".encode())
    return Partial(206, {"Content-Type": f"multipart/byteranges; boundary={boundary}"}, parts)


def content_range(item: range, size: int) -> str:
    """The Content-Range value of one part."""
    return f"bytes {item.start}-{item.stop - 1}/{size}"
