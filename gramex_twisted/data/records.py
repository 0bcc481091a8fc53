"""Results as plain Python values, and as JSON that is the same whatever holds the table."""

from __future__ import annotations

import base64
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isnan
from typing import Any, TypeAlias

import orjson

from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import LARGEST, SMALLEST, Kind, rounded

Row: TypeAlias = tuple[Any, ...]
Cleaner: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True)
class Result:
    """The rows of an answer: tuples of bool, int, float, str, date, datetime, time and None, as `fields` say.

    Columns of OTHER hold whatever the source gives. `after` is the cursor of the last row, if its page is full.
    """

    fields: tuple[Field, ...]
    rows: Sequence[Row]
    after: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [field.name for field in self.fields]

    def records(self) -> list[dict[str, Any]]:
        """A dict for each row."""
        names = self.names
        return [dict(zip(names, row, strict=True)) for row in self.rows]

    def plain(self) -> list[dict[str, Any]]:
        """The records for `dump`: times as texts, since orjson 3.13 writes 00:00:00.010000 as 00:00:00.10000."""
        times = [field.name for field in self.fields if field.kind is Kind.TIME]
        records = self.records()
        for record in records if times else ():
            record.update({name: record[name].isoformat() for name in times if isinstance(record[name], time)})
        return records

    def json(self) -> bytes:
        """The records as JSON: see `dump`."""
        return dump(self.plain())


def dump(value: Any) -> bytes:
    """JSON in UTF-8: ISO dates, null for infinite numbers, base64 for bytes, text for what else there is."""
    return orjson.dumps(value, default=default)


def default(value: Any) -> Any:
    """What orjson does not know, as something that it does."""
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(value).decode()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    return str(value)


def cleaners(fields: Iterable[Field], native: Container[Kind] = ()) -> list[Cleaner | None]:
    """For each column, what makes its kind's value of one that a driver returned; None: it is one.

    `native` are kinds whose values the driver returns as they should be.
    """
    return [None if field.kind in native and not field.rounded else _cleaner(field) for field in fields]


def clean(row: Sequence[Any], by: Sequence[Cleaner | None]) -> Row:
    """A driver's row with the values that `fields` promise."""
    return tuple(
        value if cleaner is None or value is None else cleaner(value) for value, cleaner in zip(row, by, strict=True)
    )


def _cleaner(field: Field) -> Cleaner | None:
    if field.rounded:
        return _rounded if field.kind is Kind.FLOAT else _sum
    return CLEANERS.get(field.kind)


def _rounded(value: Any) -> float | None:
    number = _float(value)
    return None if number is None else rounded(number)


def _float(value: Any) -> Any:
    """A float, or null for what is no number."""
    if isinstance(value, float):
        return None if isnan(value) else value
    return _float(float(value)) if isinstance(value, int | Decimal) else value


def _int(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) else value


def _sum(value: Any) -> Any:
    """An int of 64 bits; beyond those, a float."""
    whole = _int(value)
    return whole if isinstance(whole, int) and SMALLEST <= whole <= LARGEST else _rounded(whole)


def _bool(value: Any) -> Any:
    return bool(value) if isinstance(value, int) else value


def _date(value: Any) -> Any:
    return _parsed(date.fromisoformat, value)


def _datetime(value: Any) -> Any:
    return _parsed(datetime.fromisoformat, value)


def _instant(value: Any) -> Any:
    moment = _parsed(datetime.fromisoformat, value)
    if not isinstance(moment, datetime):
        return moment
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _time(value: Any) -> Any:
    if isinstance(value, timedelta) and timedelta() <= value < timedelta(days=1):
        return (datetime.min + value).time()
    return _parsed(time.fromisoformat, value)


def _parsed(parse: Callable[[str], Any], value: Any) -> Any:
    """What SQLite keeps as text; text that is none is left alone, as SQLite does."""
    if not isinstance(value, str):
        return value
    try:
        return parse(value)
    except ValueError:
        return value


CLEANERS: dict[Kind, Cleaner] = {
    Kind.BOOL: _bool,
    Kind.INT: _int,
    Kind.FLOAT: _float,
    Kind.DECIMAL: _float,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.INSTANT: _instant,
    Kind.TIME: _time,
}
