"""How log records look on a console: lines for people, or one JSON object a line for programs.

Both know the access log's records, whose ``rows`` become a line each. A formatter of the user's own sees the same lines
as the record's message.
"""

from __future__ import annotations

import logging
import re
from datetime import UTC, datetime
from time import localtime, strftime
from typing import Any

import orjson

from gramex_twisted.services.logrows import Row, console_line, escape

#: Characters that a terminal acts upon, save newline and tab.
_ACTIVE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class TextFormatter(logging.Formatter):
    """``I 21-Nov 12:00:00 gramex_twisted.app message``: the level's first letter, local time, logger and message.

    Lines after the first of a message are indented, so that what looks like a line of the log is one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._second: tuple[int, str] = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line or more, without the last newline."""
        letter = record.levelname[:1]
        rows: list[Row] | None = getattr(record, "rows", None)
        if rows is not None:
            return "\n".join([f"{letter} {self._time(row[7])} {console_line(row)}" for row in rows])
        text = self.text_of(record).replace("\n", "\n    ")
        return f"{letter} {self._time(record.created)} {record.name} {text}"

    def text_of(self, record: logging.LogRecord) -> str:
        """The message with its traceback, and without characters that a terminal acts upon."""
        text = record.getMessage()
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        if record.stack_info:
            text = f"{text}\n{record.stack_info}"
        return _ACTIVE.sub(lambda match: escape(match[0]), text.rstrip("\n"))

    def _time(self, when: float) -> str:
        second, text = self._second
        if second != int(when):
            second = int(when)
            text = strftime("%d-%b %H:%M:%S", localtime(second))
            self._second = second, text
        return text


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message`` and ``exception``.

    A request has ``time, level, logger, status, method, uri, ip, duration`` (milliseconds), ``route`` and ``error``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line or more, without the last newline."""
        level = record.levelname.lower()
        rows: list[Row] | None = getattr(record, "rows", None)
        if rows is not None:
            return "\n".join([_json(_request(row, level, record.name)) for row in rows])
        fields = {
            "time": _iso(record.created),
            "level": level,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        return _json(fields)


def _request(row: Row, level: str, logger: str) -> dict[str, Any]:
    status, method, uri, ip, duration, route, error, when, _ = row
    return {
        "time": _iso(when),
        "level": level,
        "logger": logger,
        "status": status,
        "method": method,
        "uri": uri,
        "ip": ip,
        "duration": round(duration * 1000, 1),
        "route": route,
        "error": error,
    }


def _iso(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).isoformat(timespec="milliseconds")


def _json(fields: dict[str, Any]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except TypeError:  # half of a surrogate pair, which UTF-8 cannot hold
        return orjson.dumps({k: escape(v) if isinstance(v, str) else v for k, v in fields.items()}).decode()
