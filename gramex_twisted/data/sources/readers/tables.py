"""The tables of a page of HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources.readers import troubles
from gramex_twisted.data.sources.readers.guess import guess
from gramex_twisted.data.sources.readers.text import unique

if TYPE_CHECKING:
    import polars as pl

WIDEST = 1000
"""Columns that one cell may span."""


class Tables(HTMLParser):
    """Collects tables: rows of (text, is a heading)."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[tuple[str, list[list[tuple[str, bool]]]]] = []
        self.open: list[tuple[str, list[list[tuple[str, bool]]]]] = []
        self.cell: list[str] | None = None
        self.heading = False
        self.span = 1

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See HTMLParser."""
        given = dict(attrs)
        if tag == "table":
            self.end_cell()
            self.open.append((given.get("id") or "", []))
            self.tables.append(self.open[-1])
        elif tag == "tr" and self.open:
            self.end_cell()
            self.open[-1][1].append([])
        elif tag in ("td", "th") and self.open:
            self.end_cell()
            self.cell, self.heading = [], tag == "th"
            text = given.get("colspan") or "1"
            self.span = min(int(text), WIDEST) if text.isdecimal() and text.isascii() else 1

    def handle_endtag(self, tag: str) -> None:
        """See HTMLParser."""
        if tag in ("td", "th", "tr", "table"):
            self.end_cell()
        if tag == "table" and self.open:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        """See HTMLParser."""
        if self.cell is not None:
            self.cell.append(data)

    def end_cell(self) -> None:
        """Keep the cell that is open."""
        if self.cell is not None and self.open:
            rows = self.open[-1][1]
            if not rows:
                rows.append([])
            rows[-1] += [(" ".join("".join(self.cell).split()), self.heading)] * max(self.span, 1)
        self.cell = None


def read_html(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """The first table that has rows, or the `table:` of this place or id."""
    wanted = options.pop("table", None)
    named = frames_of(path, options)
    if wanted is None:
        return next((frame for _, frame in named if frame.height), named[0][1])
    found = [frame for place, (name, frame) in enumerate(named) if name == wanted or str(place) == str(wanted)]
    if not found:
        raise SourceError(f"{path}: table: no {wanted!r}; there are {len(named)}, from 0")
    return found[0]


def frames_of(path: Path, options: dict[str, Any]) -> list[tuple[str, pl.DataFrame]]:
    """The tables of a page, with their ids. Raises SourceError where there is none."""
    encoding = str(options.pop("encoding", None) or "utf-8")
    if options:
        raise SourceError(f"{path}: {next(iter(options))}: no such option")
    troubles.check_text(path)
    parser = Tables()
    parser.feed(troubles.decoded(path, encoding))
    parser.close()
    parser.end_cell()
    made = [(name, _frame(rows)) for name, rows in parser.tables if any(rows)]
    if not made:
        raise SourceError(f"{path} has no table")
    return made


def _frame(rows: list[list[tuple[str, bool]]]) -> pl.DataFrame:
    """A table whose names are the last row of headings, or else its first row."""
    import polars as pl

    rows = [row for row in rows if row]
    heads = 0
    while heads < len(rows) and all(heading for _, heading in rows[heads]):
        heads += 1
    heads = heads or 1
    width = max(len(row) for row in rows)
    names = unique([text for text, _ in rows[heads - 1]] + [""] * (width - len(rows[heads - 1])))
    cells = [[text or None for text, _ in row] + [None] * (width - len(row)) for row in rows[heads:]]
    columns = [pl.Series("c", [row[place] for row in cells], dtype=pl.String) for place in range(width)]
    return pl.DataFrame([guess(column).series.alias(name) for name, column in zip(names, columns, strict=True)])
