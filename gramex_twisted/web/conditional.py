"""Conditional requests (RFC 9110, 13): whether the client's copy is still good. Pure.

``etag`` is quoted, ``modified`` in whole seconds since the epoch.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_tz
from typing import Any

_TAG = re.compile(r'(?:W/)?"[^"]*"|\*')


def weakly_matches(header: str, etag: str) -> bool:
    """Whether an If-None-Match header names ``etag``; W/ makes no difference."""
    plain = etag.removeprefix("W/")
    return any(tag == "*" or tag.removeprefix("W/") == plain for tag in _TAG.findall(header))


def strongly_matches(header: str, etag: str) -> bool:
    """Whether an If-Match header names ``etag``; weak tags never match."""
    return any(tag in ("*", etag) for tag in _TAG.findall(header)) and not etag.startswith("W/")


def seconds_of(date: str) -> int | None:
    """An HTTP date in seconds since the epoch; None for what is none."""
    parsed = parsedate_tz(date)
    if parsed is None:
        return None
    try:
        return int(datetime(*parsed[:6], tzinfo=UTC).timestamp()) - (parsed[9] or 0)
    except (ValueError, OverflowError):
        return None


def precondition(headers: Any, etag: str, modified: int | None) -> int | None:
    """304 when the client's copy is good, 412 when what it insists on does not hold, None to answer in full.

    For GET and HEAD. ``headers`` are Twisted's.
    """
    match = _get(headers, b"If-Match")
    unmodified = _date(headers, b"If-Unmodified-Since")
    if match is not None:
        if not strongly_matches(match, etag):
            return 412
    elif unmodified is not None and modified is not None and modified > unmodified:
        return 412
    none_match = _get(headers, b"If-None-Match")
    if none_match is not None:
        return 304 if weakly_matches(none_match, etag) else None
    since = _date(headers, b"If-Modified-Since")
    return 304 if since is not None and modified is not None and modified <= since else None


def wanted_range(headers: Any, etag: str, modified: int | None) -> str | None:
    """The Range header where it applies: If-Range, where there is one, must name exactly this ``etag`` or date."""
    header = _get(headers, b"Range")
    if header is None:
        return None
    unchanged = _get(headers, b"If-Range")
    if unchanged is None or unchanged.strip() == etag:
        return header
    return header if '"' not in unchanged and modified is not None and seconds_of(unchanged) == modified else None


def _get(headers: Any, name: bytes) -> str | None:
    values = headers.getRawHeaders(name)
    return b",".join(values).decode("latin-1") if values else None


def _date(headers: Any, name: bytes) -> int | None:
    text = _get(headers, name)
    return None if text is None else seconds_of(text)
