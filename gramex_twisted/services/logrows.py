"""Rows of the access log: what one is, and how it becomes a console line and a CSV line.

Nothing that a client sends can forge a line: control characters are written as escapes, so one request is one line.
Passwords and tokens in a URL are masked. All of this runs in the access log's writer thread.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias
from urllib.parse import unquote_plus

#: (status, method, uri as bytes or str, ip, duration in seconds, route, error, time in epoch seconds, extras):
#: ``extras`` are the values of configured keys that are not among the others.
Row: TypeAlias = tuple[
    int, str, "bytes | str", str, float, str, "str | None", float, "tuple[Any, ...] | None"
]  # a plain tuple: one is made for every request

#: Arguments whose values are never logged.
SECRET_ARGUMENTS = frozenset({"password", "token", "secret", "gramex-otp", "gramex-key", "access_token"})
#: Arguments that are secret where all of them are there: what a provider sends a visitor back with. One alone is
#: an ordinary argument, such as ``?state=Ohio``.
CALLBACK_ARGUMENTS = frozenset({"code", "state"})
_MAYBE_SECRET = re.compile(r"password|token|secret|gramex|code=|%", re.IGNORECASE)
_ARGUMENT = re.compile(r"(?<=[?&;])([^=&;#]*)=[^&;#]*")
_FORMULA = tuple("=+-@")


def clean_row(row: Row) -> Row:
    """``row`` with its URI masked, and every text free of control characters."""
    status, method, uri, ip, duration, route, error, time, extras = row
    if isinstance(uri, bytes):
        uri = _decoded(uri)
    return (
        status,
        escape(method),
        escape(mask(uri)),
        escape(ip),
        duration,
        escape(route),
        escape(error) if error else None,
        time,
        extras,
    )


def _decoded(uri: bytes) -> str:
    try:
        return uri.decode("utf-8")
    except UnicodeDecodeError:
        return uri.decode("latin-1")


def escape(text: str) -> str:
    """``text`` with control, formatting and lone surrogate characters as backslash escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def mask(uri: str) -> str:
    """``uri`` with ``***`` for the values of ``SECRET_ARGUMENTS`` in its query."""
    if "?" not in uri or not _MAYBE_SECRET.search(uri):
        return uri
    path, _, query = uri.partition("?")
    return f"{path}?{mask_query(query)}"


def mask_query(query: str) -> str:
    """``mask`` for what follows the ``?``."""
    names = {unquote_plus(found[1]).strip().lower() for found in _ARGUMENT.finditer(f"?{query}")}
    secret = SECRET_ARGUMENTS | CALLBACK_ARGUMENTS if names >= CALLBACK_ARGUMENTS else SECRET_ARGUMENTS

    def masked(found: re.Match[str]) -> str:
        return f"{found[1]}=***" if unquote_plus(found[1]).strip().lower() in secret else found[0]

    return _ARGUMENT.sub(masked, f"?{query}")[1:]


def is_secret(argument: str) -> bool:
    """Whether the value of this argument must not be logged."""
    return argument.strip().lower() in SECRET_ARGUMENTS


def level_of(row: Row) -> int:
    """The stdlib log level: info below status 400, warning below 500, else error."""
    status = row[0]
    return logging.INFO if status < 400 else logging.WARNING if status < 500 else logging.ERROR


def console_line(row: Row) -> str:
    """``200 GET /hello?x=1 (127.0.0.1) 1.2ms home``, of a clean row."""
    status, method, uri, ip, duration, route, error, _, _ = row
    line = f"{status} {method} {uri!s} ({ip}) {duration * 1000:.1f}ms {route}"
    return f"{line} [{error}]" if error else line


def csv_lines(rows: Iterable[Row], columns: Sequence[Callable[[Row], object]]) -> str:
    """Clean rows as CSV lines, joined with newlines; one row is one line."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([[column(row) for column in columns] for row in rows])
    return out.getvalue().removesuffix("\n")


def cell(value: object) -> object:
    """``value`` for a CSV cell. What a spreadsheet would take for a formula gets an apostrophe before it."""
    if value is None or isinstance(value, (int, float)):
        return value
    text = escape(str(value))
    if text.startswith(_FORMULA) and not _is_number(text):
        return "'" + text
    return text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
