"""Excel workbooks: a sheet for each dataset, with real numbers, dates and times. Texts are never formulas or links."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from importlib import import_module
from io import BytesIO
from itertools import islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.formats.answers import Answers, Tabular, tables
from gramex_twisted.data.formats.csvtext import text_of
from gramex_twisted.data.formats.known import Options
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

MOST_ROWS = 1_048_576
MOST_COLUMNS = 16_384
MOST_CHARACTERS = 32_767
"""What a sheet, and a cell, can hold."""
EXACT = 10**15
"""Excel counts in floats, and shows 15 digits: integers from here on are written as texts, with all of theirs."""
FIRST_DAY = date(1900, 3, 1)
"""Before it, Excel's calendar has days that were not; earlier dates are written as texts."""
SAMPLE = 500
"""Rows whose values decide how wide a column is."""
NARROWEST, WIDEST = 8, 60
"""In characters."""
FORMS: Mapping[Kind, str] = {
    Kind.DATE: "yyyy-mm-dd",
    Kind.DATETIME: "yyyy-mm-dd hh:mm:ss",
    Kind.INSTANT: "yyyy-mm-dd hh:mm:ss",
    Kind.TIME: "hh:mm:ss",
}
WIDTHS: Mapping[Kind, int] = {Kind.DATE: 11, Kind.DATETIME: 19, Kind.INSTANT: 19, Kind.TIME: 9}


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """A workbook. Raises ValueError where a sheet cannot hold an answer."""
    found = tables(answers)
    for key, answer in found.items():
        _check(key, answer, options)
    asked = [str(options["sheet_name"])] if single and options.get("sheet_name") else list(found)
    out = BytesIO()
    with import_module("xlsxwriter").Workbook(
        out, {"constant_memory": True, "default_date_format": FORMS[Kind.DATETIME]}
    ) as book:
        forms = {kind: book.add_format({"num_format": form}) for kind, form in FORMS.items()}
        bold = book.add_format({"bold": True})
        for title, answer in zip(sheet_names(asked), found.values(), strict=True):
            _fill(book.add_worksheet(title), answer, options, bold, forms)
    return out.getvalue()


def sheet_names(names: Sequence[str]) -> list[str]:
    """Names as Excel takes them: 31 characters at most, without `[]:*?/\\`, all different whatever their case."""
    made: list[str] = []
    taken = {"history"}
    for name in names:
        clean = cut(re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", name).strip(" '"), 31).rstrip(" '") or "data"
        unique, number = clean, 1
        while unique.lower() in taken:
            number += 1
            end = f" {number}"
            unique = cut(clean, 31 - len(end)) + end
        taken.add(unique.lower())
        made.append(unique)
    return made


def cut(text: str, most: int) -> str:
    """The beginning of a text: at most `most` characters as Excel counts them, an emoji as two."""
    if len(text) * 2 <= most or (len(text) <= most and text.isascii()):
        return text
    return text.encode("utf-16-le", "replace")[: most * 2].decode("utf-16-le", "ignore")


def _check(name: str, answer: Tabular, options: Options) -> None:
    rows = len(answer.rows) + bool(options.get("header", True))
    if rows > MOST_ROWS or len(answer.fields) > MOST_COLUMNS:
        raise ValueError(
            f"{name}: {rows:,} rows and {len(answer.fields):,} columns; a sheet of Excel holds {MOST_ROWS:,} and "
            f"{MOST_COLUMNS:,}"
        )


def _fill(sheet: Any, answer: Tabular, options: Options, bold: Any, forms: Mapping[Kind, Any]) -> None:
    """Write one sheet, row by row."""
    header = bool(options.get("header", True))
    for place, (field, width) in enumerate(zip(answer.fields, _widths(answer), strict=True)):
        sheet.set_column(place, place, width)
        if header:
            sheet.write_string(0, place, cut(field.name, MOST_CHARACTERS), bold)
    if answer.fields and header and options.get("autofilter", True):
        sheet.autofilter(0, 0, len(answer.rows), len(answer.fields) - 1)
    if answer.fields and header and options.get("freeze", True):
        sheet.freeze_panes(1, 0)
    writers = _writers(sheet, forms)
    for row, values in enumerate(answer.rows, int(header)):
        for column, value in enumerate(values):
            if value is not None:
                writers.get(type(value), writers[object])(row, column, value)


def _writers(sheet: Any, forms: Mapping[Kind, Any]) -> Mapping[type, Callable[[int, int, Any], object]]:
    """What writes a value of each type. Anything else is a text."""

    def text(row: int, column: int, value: Any) -> None:
        sheet.write_string(row, column, cut(text_of(value), MOST_CHARACTERS))

    def whole(row: int, column: int, value: int) -> None:
        if abs(value) < EXACT:
            sheet.write_number(row, column, value)
        else:
            text(row, column, value)

    def number(row: int, column: int, value: float) -> None:
        if isfinite(value):
            sheet.write_number(row, column, value)
        elif value == value:
            text(row, column, value)

    def day(row: int, column: int, value: date) -> None:
        if value >= FIRST_DAY:
            sheet.write_datetime(row, column, value, forms[Kind.DATE])
        else:
            text(row, column, value)

    def moment(row: int, column: int, value: datetime) -> None:
        naive = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        if naive.date() >= FIRST_DAY:
            sheet.write_datetime(row, column, naive, forms[Kind.DATETIME])
        else:
            text(row, column, value)

    def clock(row: int, column: int, value: time) -> None:
        sheet.write_datetime(row, column, value.replace(tzinfo=None), forms[Kind.TIME])

    return {
        object: text,
        str: text,
        bool: sheet.write_boolean,
        int: whole,
        float: number,
        Decimal: number,
        date: day,
        datetime: moment,
        time: clock,
    }


def _widths(answer: Tabular) -> list[int]:
    """How wide the columns are, in characters."""
    sample = list(zip(*islice(answer.rows, SAMPLE), strict=True)) or [()] * len(answer.fields)
    return [_width(field, column) for field, column in zip(answer.fields, sample, strict=True)]


def _width(field: Field, column: Sequence[Any]) -> int:
    if field.kind in WIDTHS:
        longest = WIDTHS[field.kind]
    else:
        longest = max((len(text_of(value)) for value in column if value is not None), default=0)
    head = len(field.name) + 3  # and the arrow of its filter
    return min(max(longest + 1, head, NARROWEST), WIDEST)
