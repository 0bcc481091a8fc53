"""Workbooks of Excel (and OpenDocument), read by fastexcel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources.readers.text import unique

if TYPE_CHECKING:
    import polars as pl

RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
NAMED = re.compile(r"=?(?:'((?:[^']|'')+)'|([^'!]+))!(.+)")
KNOWN = ("sheet_name", "table", "name", "range", "header", "usecols", "skiprows", "nrows", "names", "dtype", "engine")
WHOLE = 2**53
"""Floats below this have no fraction that is lost."""


def read_excel(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """A sheet, or the `table`, `name` or `range` of it. Raises SourceError."""
    import fastexcel

    unknown = [name for name in options if name not in KNOWN]
    if unknown:
        raise SourceError(f"{path}: {unknown[0]}: no such option of a workbook; there are {', '.join(KNOWN)}")
    content = path.read_bytes()
    if not content:
        raise SourceError(f"{path} is empty")
    try:
        return Workbook(path, fastexcel.read_excel(content), options).read()
    except fastexcel.FastExcelError as error:
        said = str(error).splitlines()[0]
        raise SourceError(f"{path}: not a workbook that can be read: {said}") from None


class Workbook:
    """A workbook, to be read once."""

    def __init__(self, path: Path, reader: Any, options: dict[str, Any]) -> None:
        self.path = path
        self.reader = reader
        self.options = options

    def read(self) -> pl.DataFrame:
        """What `options` ask for."""
        import polars as pl

        table = self.options.get("table")
        found = self.cells() if table is None else self.table(str(table))
        names = self.options.get("names")
        if names is not None and len(names) != found.width:
            raise SourceError(f"{self.path}: names: has {len(names)} of {found.width} columns")
        found.columns = unique([str(name) for name in names] if names is not None else found.columns)
        return pl.DataFrame([plain(series.alias("c")).alias(series.name) for series in found])

    def table(self, name: str) -> pl.DataFrame:
        """A table that Excel knows by name."""
        if name not in self.reader.table_names():
            raise self.missing("table", name, self.reader.table_names())
        return self.loaded(lambda: self.reader.load_table(name, schema_sample_rows=None))

    def cells(self) -> pl.DataFrame:
        """A sheet, or a range of its cells."""
        sheet, area = self.options.get("sheet_name", 0), self.options.get("range")
        if self.options.get("name") is not None:
            sheet, area = self.named(str(self.options["name"]))
        sheets = self.reader.sheet_names
        if isinstance(sheet, int) and not isinstance(sheet, bool) and -len(sheets) <= sheet < len(sheets):
            sheet = sheets[sheet]
        if sheet not in sheets:
            raise self.missing("sheet_name", sheet, sheets)
        wanted = {**self.rows(), **(self.area(str(area)) if area is not None else {})}
        headless = wanted["header_row"] is None
        found = self.loaded(lambda: self.reader.load_sheet(sheet, schema_sample_rows=None, **wanted))
        odd = re.compile(r"__UNNAMED__\d+")
        found.columns = [
            (str(place) if headless else "") if odd.fullmatch(name) else name
            for place, name in enumerate(found.columns)
        ]
        return found

    def rows(self) -> dict[str, Any]:
        """Which rows and columns of a whole sheet."""
        header, skip = self.options.get("header", 0), self.options.get("skiprows") or 0
        if not (header is None or type(header) is int) or type(skip) is not int:
            raise SourceError(f"{self.path}: header: and skiprows: are numbers of rows")
        made: dict[str, Any] = {"header_row": None if header is None else header + skip}
        if header is None or skip == header == 0:
            made["skip_rows"] = skip or None
        if skip == 0 and header == 0:
            del made["skip_rows"]
        if self.options.get("nrows") is not None:
            made["n_rows"] = self.options["nrows"]
        columns = self.options.get("usecols")
        if columns is not None:
            made["use_columns"] = columns if isinstance(columns, str) else list(columns)
        return made

    def area(self, text: str) -> dict[str, Any]:
        """Which rows and columns the range `text`, such as A1:C20, is."""
        found = RANGE.fullmatch(text.strip().upper())
        if not found:
            raise SourceError(f"{self.path}: range: {text!r} is not like A1:C20")
        left, top, right, bottom = found[1], int(found[2]), found[3] or found[1], int(found[4] or found[2])
        if bottom < top or place_of(right) < place_of(left) or top < 1:
            raise SourceError(f"{self.path}: range: {text!r} ends before it begins")
        columns = list(range(place_of(left), place_of(right) + 1))
        if self.options.get("header", 0) is None:
            return {"header_row": None, "skip_rows": top - 1, "n_rows": bottom - top + 1, "use_columns": columns}
        return {
            "header_row": top - 1 + int(self.options.get("header", 0)),
            "n_rows": bottom - top,
            "use_columns": columns,
        }

    def named(self, name: str) -> tuple[str, str]:
        """The sheet and the range that Excel knows by a name."""
        known = {each.name: each.formula for each in self.reader.defined_names()}
        if name not in known:
            raise self.missing("name", name, list(known))
        found = NAMED.fullmatch(known[name])
        if not found or not RANGE.fullmatch(found[3]):
            raise SourceError(f"{self.path}: name: {name} is not a range of cells, but {known[name]}")
        return (found[1] or found[2]).replace("''", "'"), found[3]

    def missing(self, key: str, name: object, known: Sequence[str]) -> SourceError:
        """What to say of a name that is not there."""
        there = f"there is {', '.join(map(str, known[:10]))}" if known else "there is none"
        return SourceError(f"{self.path}: {key}: no {name!r}; {there}")

    def loaded(self, load: Callable[[], Any]) -> pl.DataFrame:
        """What fastexcel loads, as a frame."""
        import polars as pl

        found = load().to_polars()
        return found if isinstance(found, pl.DataFrame) else pl.DataFrame(found)


def place_of(letters: str) -> int:
    """The place of a column: 0 for A, 26 for AA."""
    place = 0
    for letter in letters:
        place = place * 26 + ord(letter) - 64
    return place - 1


def plain(series: pl.Series) -> pl.Series:
    """A column as what it holds: cells know numbers and moments, no integers, dates or times of day."""
    import polars as pl

    if series.dtype == pl.Float64:
        known = series.drop_nulls()
        if known.len() and bool(((known == known.floor()) & (known.abs() <= WHOLE)).all()):
            return series.cast(pl.Int64)
    if isinstance(series.dtype, pl.Datetime):
        known = series.drop_nulls()
        if known.len() and bool((known.dt.date() <= date(1899, 12, 31)).all()):
            return series.cast(pl.Datetime("us")).dt.time()
        if known.len() and bool((known == known.dt.truncate("1d")).all()):
            return series.dt.date()
        return series.cast(pl.Datetime("us"))
    return series
