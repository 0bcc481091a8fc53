"""PowerPoint: the rows of each dataset as tables on slides."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.formats.answers import Answers, Tabular, tables
from gramex_twisted.data.formats.csvtext import text_of
from gramex_twisted.data.formats.known import Options
from gramex_twisted.data.records import Row

if TYPE_CHECKING:
    from gramex_twisted.data.formats.page import Page

WIDTH, HEIGHT = 12_192_000, 6_858_000
"""Of a slide, 16:9, in English Metric Units, of which an inch has 914,400."""
EDGE, TOP = 457_200, 1_143_000
TITLE_ONLY = 5
"""The layout of python-pptx's own template that has a title and nothing else."""
MOST_ROWS = 500
"""Of a dataset, and MOST_COLUMNS of its columns: nobody reads more on slides. The last slide says what is left out."""
MOST_COLUMNS = 20
MOST_CHARACTERS = 200
"""Of a cell."""


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """A slide or more for each dataset. Options: title (of a single one), rows on a slide, font_size in points."""
    deck = import_module("pptx").Presentation()
    deck.slide_width, deck.slide_height = WIDTH, HEIGHT
    asked = str(options.get("title") or (page.title if page else "") or "")
    per_slide = _whole(options, "rows", 15, 30)
    for key, answer in tables(answers).items():
        title = asked if single and asked else key
        columns = min(len(answer.fields), MOST_COLUMNS)
        size = _whole(options, "font_size", _size(columns, per_slide), 40)
        rows = list(answer.rows[:MOST_ROWS])
        for start in range(0, max(len(rows), 1), per_slide):
            shown = rows[start : start + per_slide]
            last = start + per_slide >= len(rows)
            _slide(deck, _title(title, answer, start, len(shown), last=last), answer.names, shown, size)
    out = BytesIO()
    deck.save(out)
    return out.getvalue()


def _whole(options: Options, name: str, default: int, most: int) -> int:
    value = options.get(name, default)
    if not str(value).isdecimal() or not 1 <= int(value) <= most:
        raise ValueError(f"{name} {value!r} is not a whole number from 1 to {most}")
    return int(value)


def _size(columns: int, rows: int) -> int:
    """Points that fit: a line is twice as high as its letters, and as the table's header there is one more."""
    return min(12 if columns <= 6 else 10 if columns <= 10 else 8, (HEIGHT - TOP - EDGE // 2) // ((rows + 1) * 25_400))


def _title(title: str, answer: Tabular, start: int, shown: int, *, last: bool) -> str:
    """Such as `sales (16-30 of 300)`, and what is left out."""
    total = len(answer.rows)
    said = f"{title} ({start + 1:,}-{start + shown:,} of {total:,})" if total > shown else title
    missing = []
    if last and total > MOST_ROWS:
        missing.append(f"{total - MOST_ROWS:,} more rows")
    if len(answer.fields) > MOST_COLUMNS:
        missing.append(f"{len(answer.fields) - MOST_COLUMNS:,} more columns")
    return f"{said}, without {' and '.join(missing)}" if missing else said


def _slide(deck: Any, title: str, names: Sequence[str], rows: Sequence[Row], size: int) -> None:
    slide = deck.slides.add_slide(deck.slide_layouts[TITLE_ONLY])
    heading = slide.shapes.title
    heading.left, heading.top, heading.width, heading.height = EDGE, EDGE // 2, WIDTH - 2 * EDGE, TOP - EDGE
    heading.text = _printable(title)
    _font(heading.text_frame, 24)
    shown = names[:MOST_COLUMNS]
    if not shown:
        return
    height = size * 12_700 * 2
    shape = slide.shapes.add_table(len(rows) + 1, len(shown), EDGE, TOP, WIDTH - 2 * EDGE, height * (len(rows) + 1))
    for column, name in enumerate(shown):
        _cell(shape.table.cell(0, column), name, size)
    for place, row in enumerate(rows, 1):
        for column, value in enumerate(row[:MOST_COLUMNS]):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            _cell(shape.table.cell(place, column), "" if value is None else text_of(value), size, number=number)


def _cell(cell: Any, text: str, size: int, *, number: bool = False) -> None:
    cell.margin_top = cell.margin_bottom = 25_400
    cell.text = _printable(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…")
    _font(cell.text_frame, size)
    if number:
        cell.text_frame.paragraphs[0].alignment = import_module("pptx.enum.text").PP_ALIGN.RIGHT


def _font(frame: Any, size: int) -> None:
    for paragraph in frame.paragraphs:
        paragraph.font.size = size * 12_700


def _printable(text: str) -> str:
    """XML has no control characters."""
    return "".join(char if char >= " " or char in "\n\t" else " " for char in text).translate(NOT_XML)


NOT_XML = {0xFFFE: " ", 0xFFFF: " "}
