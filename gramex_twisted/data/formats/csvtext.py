"""CSV, from frames and from rows: the same bytes.

A null is an empty field and an empty text is `""`, so that what reads the file can tell them apart. Times have a space
between date and time, which spreadsheets read. The file begins with a byte order mark, without which Excel takes UTF-8
for something else.

A text such as `=1+2` is a formula to a spreadsheet. By default it is written as it is (`formulas: keep`): files are
also read by programs, and `+47 22 00 00 00`, `-` or `@name` are data to them, which a quote put before would spoil,
for good once the file is uploaded again. `formulas: escape` puts the quote there: for files that hold what strangers
wrote, and that people open in a spreadsheet. An xlsx file needs neither: its texts are never formulas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from math import isinf
from typing import TYPE_CHECKING, Any

import orjson

from gramex_twisted.data.formats.answers import Answers, Tabular, tables
from gramex_twisted.data.formats.jsontext import iso_texts
from gramex_twisted.data.formats.known import Options
from gramex_twisted.data.frame import FrameResult
from gramex_twisted.data.records import Row, dump
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

BOM = "\ufeff"
FORMULA = re.compile(r"[=+\-@\t\r]")
"""How what a spreadsheet takes for a formula begins."""
BETWEEN = "\0"
"""Joins texts that are looked at together."""


@dataclass(frozen=True)
class Dialect:
    """How cells become a file."""

    sep: str = ","
    header: bool = True
    na_rep: str = ""
    bom: bool = True
    escape: bool = False

    @classmethod
    def of(cls, options: Options) -> Dialect:
        """What `options` say. Raises ValueError."""
        sep, formulas = options.get("sep", ","), options.get("formulas", "keep")
        if not isinstance(sep, str) or len(sep.encode()) != 1 or sep.isalnum() or sep in '"\r\n+-.':
            raise ValueError(f"sep {sep!r} is not one ASCII character, or is one that values have")
        if formulas not in ("keep", "escape"):
            raise ValueError(f"formulas {formulas!r} is neither keep nor escape")
        header, bom = bool(options.get("header", True)), bool(options.get("bom", True))
        return cls(sep, header, str(options.get("na_rep", "")), bom, formulas == "escape")

    def quoted(self, text: str) -> str:
        """A text as a field: in quotes where it has to be."""
        if self.escape and FORMULA.match(text):
            text = f"'{text}"
        if not text or self.sep in text or '"' in text or "\n" in text or "\r" in text:
            return '"' + text.replace('"', '""') + '"'
        return text

    def null(self, width: int) -> str:
        """The field of a null. Alone in its row it has quotes: readers leave out empty lines."""
        return self.quoted(self.na_rep) if self.na_rep or width == 1 else ""

    def line(self, names: Sequence[str]) -> str:
        """A line of texts."""
        return self.sep.join(map(self.quoted, names)) + "\n"


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """One table; several with their names above them, and an empty line between two."""
    dialect = Dialect.of(options)
    parts = []
    for key, answer in tables(answers).items():
        title = "" if single else dialect.line([key])
        parts.append(title.encode() + _written(answer, dialect))
    text = b"\n".join(parts)
    return BOM.encode() + text if dialect.bom and text else text


def stream(name: str, fields: Sequence[Field], batches: Iterator[list[Row]], options: Options) -> Iterator[bytes]:
    """The text of `write`, a piece for each batch. Raises ValueError for wrong options, before the first piece."""
    return _pieces(fields, batches, Dialect.of(options))


def _pieces(fields: Sequence[Field], batches: Iterator[list[Row]], dialect: Dialect) -> Iterator[bytes]:
    if not fields:
        return
    head = (BOM if dialect.bom else "") + (dialect.line([f.name for f in fields]) if dialect.header else "")
    if head:
        yield head.encode()
    yield from (lines(fields, rows, dialect) for rows in batches if rows)


def lines(fields: Sequence[Field], rows: Sequence[Row], dialect: Dialect) -> bytes:
    """Rows, without the line of names."""
    if not rows or not fields:
        return b""
    null = dialect.null(len(fields))
    columns = [cells(f.kind, column, null, dialect) for f, column in zip(fields, zip(*rows, strict=True), strict=True)]
    return ("\n".join(map(dialect.sep.join, zip(*columns, strict=True))) + "\n").encode()


def cells(kind: Kind, column: Sequence[Any], null: str, dialect: Dialect) -> Sequence[str]:
    """The fields of a column."""
    found: Sequence[str] | None = None
    if kind.is_number or kind is Kind.BOOL:
        found = numbers(column, null)
    elif kind is Kind.TEXT:
        found = _texts(column, null, dialect)
    if found is not None:
        return found
    return [null if value is None or value != value else dialect.quoted(text_of(value)) for value in column]


def text_of(value: Any) -> str:
    """A value as people and spreadsheets write it; lists, dicts and bytes as JSON has them."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and isinf(value):
        return "inf" if value > 0 else "-inf"
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date) or hasattr(value, "isoformat"):
        return str(value.isoformat())
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    written = dump(value).decode()
    return str(orjson.loads(written)) if written.startswith('"') else written


def numbers(column: Sequence[Any], null: str) -> list[str] | None:
    """Numbers and booleans as orjson writes them; None where there is something else, such as a text or infinity."""
    try:
        text = orjson.dumps(column).decode()
    except TypeError:
        return None
    missing = text.count("null")
    if '"' in text or "[" in text[1:] or "{" in text or missing != column.count(None):
        return None
    found = text[1:-1].split(",") if column else []
    return [null if item == "null" else item for item in found] if missing else found


def _texts(column: Sequence[Any], null: str, dialect: Dialect) -> Sequence[str] | None:
    """The fields of texts, looked at all at once first: few need quotes."""
    missing = None in column
    try:
        joined = BETWEEN.join([value for value in column if value is not None] if missing else column)
    except TypeError:
        return None
    special = dialect.escape or '"' in joined or dialect.sep in joined or "\n" in joined or "\r" in joined
    if not special and not missing and "" not in column:
        return column
    quoted = dialect.quoted
    if special:
        return [null if value is None else quoted(value) for value in column]
    return [null if value is None else value or '""' for value in column]


def _written(answer: Tabular, dialect: Dialect) -> bytes:
    if not answer.fields:
        return b""
    head = dialect.line(answer.names).encode() if dialect.header else b""
    by_rows = dialect.escape or any(f.rounded or f.kind is Kind.OTHER for f in answer.fields)
    if by_rows or not isinstance(answer, FrameResult):
        return head + lines(answer.fields, answer.rows, dialect)
    texts = iso_texts(answer.frame, answer.fields, " ")
    null = dialect.null(len(answer.fields))
    buffer = BytesIO(head)
    buffer.seek(len(head))
    texts.write_csv(buffer, include_header=False, separator=dialect.sep, null_value=null)
    return buffer.getvalue()
