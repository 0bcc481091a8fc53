"""Workbooks of Excel, changed cell by cell: other sheets, formats and widths stay."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from copy import copy
from decimal import Decimal
from itertools import groupby
from typing import Any

from gramex_twisted.data.changes.cells import Check
from gramex_twisted.data.changes.document import Changes, Document, Origin
from gramex_twisted.data.errors import ReadOnly, SourceError
from gramex_twisted.data.types import Kind

LOST = {
    "xl/charts/": "charts",
    "xl/media/": "pictures",
    "xl/drawings/drawing": "drawings",
    "xl/pivotTables/": "pivot tables",
    "xl/vbaProject.bin": "macros",
    "xl/externalLinks/": "links to other workbooks",
}
"""Parts of a workbook -> what they are, which writing would lose."""
WHOLE = 2**53
LONGEST = 32_767
"""Characters of a cell."""
CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
ESCAPE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""What workbooks take for the beginning of a character's code."""
KNOWN = ("sheet_name", "header", "engine", "dtype")
"""Options with which a workbook can be written as it is read."""


class XLSXDocument(Document):
    """A sheet, whose first row has the columns' names."""

    def __init__(self, origin: Origin) -> None:
        super().__init__(origin)
        self.path = origin.path
        odd = [name for name in origin.options if name not in KNOWN]
        if odd or origin.options.get("header", 0) != 0:
            raise ReadOnly(f"{self.path}: cannot be written with the reader's option {(odd or ['header'])[0]}")
        if self.path.suffix.lower() != ".xlsx":
            raise ReadOnly(f"{self.path}: of workbooks only .xlsx can be written")
        self.book, self.sheet = self._made() if origin.content is None else self._opened(origin.content)
        self.top, self.left = self.sheet.min_row, self.sheet.min_column
        self._check_header()
        self.last = self._last()

    def _made(self) -> tuple[Any, Any]:
        import openpyxl  # type: ignore[import-untyped]

        book = openpyxl.Workbook()
        sheet = book.active
        wanted = self.origin.options.get("sheet_name")
        if isinstance(wanted, str):
            sheet.title = wanted
        for place, name in enumerate(self.schema.names, 1):
            put(sheet.cell(1, place), name)
        return book, sheet

    def _opened(self, content: bytes) -> tuple[Any, Any]:
        import openpyxl

        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            for name in parts.namelist():
                for start, what in LOST.items():
                    if name.startswith(start):
                        raise ReadOnly(f"{self.path}: cannot be written, since it has {what}, which would be lost")
        book = openpyxl.load_workbook(io.BytesIO(content))
        for sheet in book.worksheets:
            if any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row):
                raise ReadOnly(f"{self.path}: cannot be written, since it has formulas, whose values would be lost")
        wanted = self.origin.options.get("sheet_name", 0)
        return book, book.worksheets[wanted] if isinstance(wanted, int) else book[wanted]

    def _check_header(self) -> None:
        names = list(self.schema.names)
        found = [self.sheet.cell(self.top, self.left + place).value for place in range(len(names))]
        if [str(name) for name in found] != names:
            raise ReadOnly(f"{self.path}: cannot be written, since its first row is not the columns' names")

    def _last(self) -> int:
        """The row with the last values. Raises SourceError where the rows are not those that are read."""
        width = len(self.schema.fields)
        last: int = self.sheet.max_row
        while last > self.top and all(self.sheet.cell(last, self.left + place).value is None for place in range(width)):
            last -= 1
        height = 0 if self.origin.table is None else self.frame().height
        if last - self.top != height:
            raise SourceError(f"{self.path}: {last - self.top} lines are {height} rows, so it cannot be changed")
        return last

    def checks(self) -> Mapping[str, Check]:
        """What a cell holds."""
        by: dict[Kind, Check] = {Kind.TEXT: _text, Kind.INT: _int, Kind.DATE: _date, Kind.DATETIME: _date}
        return {field.name: by[field.kind] for field in self.schema.fields if field.kind in by}

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Document. New rows look like the one above them."""
        for row in rows:
            above = self.last if self.last > self.top else None
            self.last += 1
            for place, field in enumerate(self.schema.fields):
                cell = self.sheet.cell(self.last, self.left + place)
                if above is not None:
                    cell._style = copy(self.sheet.cell(above, self.left + place)._style)
                put(cell, row.get(field.name))

    def set(self, changes: Changes) -> None:
        """See Document."""
        columns = {field.name: self.left + place for place, field in enumerate(self.schema.fields)}
        for places, cells in changes:
            for place in places:
                for name, value in cells.items():
                    put(self.sheet.cell(self.top + 1 + place, columns[name]), value)

    def drop(self, places: Sequence[int]) -> None:
        """See Document."""
        runs = [[place for _, place in run] for _, run in groupby(enumerate(places), lambda each: each[1] - each[0])]
        for run in reversed(runs):
            self.sheet.delete_rows(self.top + 1 + run[0], len(run))
        self.last -= len(places)

    def dump(self) -> bytes:
        """See Document."""
        self._stretch()
        file = io.BytesIO()
        self.book.save(file)
        return file.getvalue()

    def _stretch(self) -> None:
        """Let tables and filters of these rows end where the rows do."""
        end = max(self.last, self.top + 1)

        def stretched(ref: str) -> str:
            found = re.fullmatch(rf"(\$?[A-Z]+\$?{self.top}:\$?[A-Z]+\$?)\d+", ref)
            return f"{found[1]}{end}" if found else ref

        for table in self.sheet.tables.values():
            table.ref = stretched(table.ref)
            if table.autoFilter is not None:
                table.autoFilter.ref = stretched(table.autoFilter.ref)
        if self.sheet.auto_filter.ref:
            self.sheet.auto_filter.ref = stretched(self.sheet.auto_filter.ref)


def put(cell: Any, value: Any) -> None:
    """Make `value` what a cell holds: text stays text, also where it looks like a formula."""
    if isinstance(value, str):
        cell.value = ESCAPE.sub("_x005F_", value)
        cell.data_type = "s"
    else:
        cell.value = float(value) if isinstance(value, Decimal) else value


def _text(text: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"longer than the {LONGEST} characters that a cell holds")
    if CONTROLS.search(text):
        raise ValueError("holds a control character, which a cell cannot")
    return text


def _int(number: int) -> int:
    if abs(number) > WHOLE:
        raise ValueError("too large for a cell, whose numbers have 15 digits")
    return number


def _date(day: Any) -> Any:
    if day.year < 1900:
        raise ValueError("before 1900, where the days of workbooks begin")
    return day
