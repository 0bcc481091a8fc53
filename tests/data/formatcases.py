"""Answers for the tests of formats: the same rows as a frame, and as a database gives them."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any

import polars as pl

from gramex_twisted.data import arguments, formats, frame
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.frame import FrameResult, FrameTable
from gramex_twisted.data.records import Result

ROWS: Mapping[str, Sequence[Any]] = {
    "id": [1, 2, 3],
    "city": ["Oslo", 'a,"b"\n', None],
    "sales": [10.5, None, 1e16],
    "big": [2**63 - 1, -(2**63), 0],
    "active": [True, None, False],
    "day": [date(2024, 1, 31), None, date(1850, 2, 3)],
    "at": [datetime(2024, 1, 31, 8), datetime(2024, 1, 31, 8, 0, 0, 500000), None],
    "clock": [time(8, 30), None, time(23, 59, 59, 10)],
    "naïve <b>": ["", "=1+1", "東京 😀"],
}
FRAME = pl.DataFrame(ROWS)
TABLE = frame.table_of(FRAME)


def answer(args: Mapping[str, Sequence[str]] | None = None, table: FrameTable = TABLE) -> FrameResult:
    """What a table says to arguments, as a frame."""
    return frame.run(arguments.parse(args or {}, table.schema), table)


def rows(args: Mapping[str, Sequence[str]] | None = None, table: FrameTable = TABLE) -> Result:
    """The same as rows."""
    return answer(args, table).result()


def page(args: Mapping[str, Sequence[str]], table: FrameTable = TABLE, **known: Any) -> tuple[FrameResult, Page]:
    """An answer, and the page that shows it."""
    query = arguments.parse(args, table.schema)
    section = Section(table.schema, query, known.pop("count", frame.count(query, table)))
    return frame.run(query, table), Page(args=args, sections={"data": section}, path="/sales", **known)


def write(name: str, found: Any, **options: Any) -> bytes:
    """One answer in the format."""
    return formats.write(name, {"data": found}, single=True, options=options)


def text(name: str, found: Any, **options: Any) -> str:
    """Without the byte order mark."""
    return write(name, found, **options).decode("utf-8-sig")


def read_csv(written: bytes) -> list[list[str]]:
    """As Python's csv reads it."""
    return list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
