"""The kinds of column that files and databases share, and how the text of an argument becomes a value of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Value: TypeAlias = bool | int | float | Decimal | str | date | datetime | time
"""What a filter compares with. Never null: `?c!` asks for that."""

SMALLEST, LARGEST = -(2**63), 2**63 - 1
"""The integers that every database has."""
FALSE = frozenset({"", "0", "n", "no", "f", "false"})
SHOWN = 60
"""Characters of a wrong value that an error shows."""


class QueryError(ValueError):
    """An argument that cannot be used: `argument` is its name, `value` its text. Answered with 400."""

    def __init__(self, argument: str, value: str, reason: str) -> None:
        super().__init__(argument, value, reason)
        self.argument = argument
        self.value = value
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"{shown(self.argument)}={shown(self.value)}: {self.reason}"
            if self.value
            else f"{shown(self.argument)}: {self.reason}"
        )


class Kind(Enum):
    """What a column holds. Columns that hold something else (bytes, lists, JSON) are OTHER: null or not, no more."""

    BOOL = "a boolean"
    INT = "an integer"
    FLOAT = "a number"
    DECIMAL = "a decimal number"
    TEXT = "text"
    DATE = "a date"
    DATETIME = "a date and time"
    INSTANT = "a date and time in UTC"
    TIME = "a time"
    OTHER = "neither text, number nor time"

    @property
    def is_number(self) -> bool:
        """Whether it can be summed. Booleans can too, but nobody asks for that unless by name."""
        return self in (Kind.INT, Kind.FLOAT, Kind.DECIMAL)


def convert(text: str, kind: Kind) -> Value:
    """The value of `kind` that `text` says.

    Raises ValueError with what is wrong, such as "not like 2024-12-31".
    """
    if kind not in CONVERTERS:
        raise ValueError("nothing can be compared with it")
    return CONVERTERS[kind](text)


def shown(text: str) -> str:
    """`text` for an error: one line of bounded length."""
    line = text.encode("utf-8", "backslashreplace").decode().translate(CONTROLS)
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."


CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), 127)}


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("not valid Unicode") from None
    return text


def _bool(text: str) -> bool:
    return text.strip().lower() not in FALSE


def _int(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,30}", text.strip()):
        raise ValueError("not a whole number")
    number = int(text)
    if not SMALLEST <= number <= LARGEST:
        raise ValueError("too large")
    return number


def _float(text: str) -> float:
    if not NUMBER.fullmatch(text.strip()):
        raise ValueError("not a number")
    number = float(text)
    if not isfinite(number):
        raise ValueError("too large")
    return number


def _decimal(text: str) -> Decimal:
    _float(text)
    number = Decimal(text.strip())
    if (number and number.adjusted() < -300) or len(number.as_tuple().digits) > 60:
        raise ValueError("has too many digits")
    return number


def _date(text: str) -> date:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text.strip(), re.ASCII):
        raise ValueError("not like 2024-12-31")
    return _parsed(date.fromisoformat, text, "not a day of the calendar")


def _naive(text: str) -> datetime:
    moment = _moment(text)
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _instant(text: str) -> datetime:
    moment = _moment(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(text: str) -> datetime:
    """A date, or a date and time with or without its offset from UTC. A `+` of one may have become a space."""
    if not MOMENT.fullmatch(text.strip()):
        raise ValueError("not like 2024-12-31T23:59:59")
    found = re.sub(r"(:\d\d(?:\.\d+)?) (\d\d:\d\d)$", r"\1+\2", text.strip())
    moment = _parsed(datetime.fromisoformat, found, "not a date and time")
    if not 1 < moment.year < 9999:  # an offset would leave the calendar
        raise ValueError("not a date and time")
    return moment


def _time(text: str) -> time:
    if not re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", text.strip(), re.ASCII):
        raise ValueError("not like 23:59:59")
    return _parsed(time.fromisoformat, text, "not a time of day")


def _parsed(parse: Callable[[str], T], text: str, reason: str) -> T:
    try:
        return parse(text.strip())
    except ValueError:
        raise ValueError(reason) from None


NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[ +-]\d\d:\d\d)?)?", re.ASCII)
CONVERTERS: Mapping[Kind, Callable[[str], Value]] = {
    Kind.BOOL: _bool,
    Kind.INT: _int,
    Kind.FLOAT: _float,
    Kind.DECIMAL: _decimal,
    Kind.TEXT: _text,
    Kind.DATE: _date,
    Kind.DATETIME: _naive,
    Kind.INSTANT: _instant,
    Kind.TIME: _time,
}


def rounded(number: float) -> float:
    """`number` to 15 digits: what sums and means of floats agree on, in whatever order they were added."""
    return float(f"{number:.15g}")
