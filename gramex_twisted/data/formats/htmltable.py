"""The table of the page: columns of cells, joined to rows. 10,000 rows take some hundredths of a second."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from gramex_twisted.data.formats.answers import Tabular
from gramex_twisted.data.formats.csvtext import numbers, text_of
from gramex_twisted.data.formats.jsontext import iso_texts
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.frame import TEMPORAL, FrameResult
from gramex_twisted.data.query import Sort
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind

LONG = 48
"""Characters from which on a text may be clipped, and then has a title."""
MOST_CHARACTERS = 300
"""Of a text in a cell; its title has MOST_TITLE."""
MOST_TITLE = 2000
NULL, NO_NUMBER = '<td class="z">&ndash;', '<td class="n z">&ndash;'
DAYS = (*TEMPORAL, Kind.DATE, Kind.BOOL)
"""What is short, and never broken into lines."""
WEB = re.compile(r"https?://[^\s\"<>]+")


def table(answer: Tabular, page: Page, name: str, caption: str) -> str:
    """The `<table>` of one answer. `caption`, already escaped, is for those who do not see it."""
    section = page.sections.get(name)
    heads = "".join(_head(field, page, name, section) for field in answer.fields)
    rows = "\n".join(_rows(answer))
    return (
        f'<table>\n<caption class="hidden">{caption}</caption>\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )


def _head(field: Field, page: Page, name: str, section: Section | None) -> str:
    style = ' class="n"' if field.kind.is_number else ""
    label = escape(field.name) or "(no name)"
    zone = " <small>UTC</small>" if field.kind is Kind.INSTANT else ""
    if section is None or field.kind is Kind.OTHER:
        return f'<th scope="col"{style}>{label}{zone}</th>'
    sort = _sort(field.name, section)
    order = "" if sort is None else f' aria-sort="{"descending" if sort.descending else "ascending"}"'
    down = sort is not None and not sort.descending and f"-{field.name}" not in section.schema.names
    keys = dict.fromkeys(page.own("_sort", name))
    href = page.turned(name, {**keys, page.key("_sort", name): [f"-{field.name}" if down else field.name]})
    return f'<th scope="col"{style}{order}><a href="{escape(href)}">{label}</a>{zone}</th>'


def _sort(name: str, section: Section) -> Sort | None:
    """How the rows are sorted by the column `name` of the answer."""
    term = dict(section.query.aggregates).get(name, name)
    return next((sort for sort in section.query.sort if sort.term == term), None)


def _rows(answer: Tabular) -> list[str]:
    if not answer.fields:
        return []
    columns = [_cells(f, column) for f, column in zip(answer.fields, _columns(answer), strict=True)]
    columns[0] = [f"<tr>{cell}" for cell in columns[0]]
    return ["".join(row) for row in zip(*columns, strict=True)]


def _columns(answer: Tabular) -> Sequence[Sequence[Any]]:
    """The values by column; times of frames are texts already."""
    if isinstance(answer, FrameResult) and not any(f.rounded for f in answer.fields):
        return [column.to_list() for column in iso_texts(answer.frame, answer.fields, " ").get_columns()]
    return list(zip(*answer.rows, strict=True)) or [()] * len(answer.fields)


def _cells(field: Field, column: Sequence[Any]) -> list[str]:
    if field.kind.is_number:
        shown = numbers(column, "") or _escaped(_texts(column))
        return [f'<td class="n">{text}' if text else NO_NUMBER for text in shown]
    texts = _texts(column)
    if field.kind in DAYS:
        texts = [text.removesuffix("+00:00") for text in texts] if field.kind is Kind.INSTANT else texts
        return [f'<td class="d">{text}' if text else NULL for text in _escaped(texts)]
    if any(len(text) > LONG or "://" in text for text in texts):
        return [NULL if value is None else _text(text) for value, text in zip(column, texts, strict=True)]
    shown = [f"<td>{text}" for text in _escaped(texts)]
    return [NULL if value is None else cell for value, cell in zip(column, shown, strict=True)]


def _texts(column: Sequence[Any]) -> list[str]:
    """The values as texts, null as nothing."""
    return ["" if value is None else value if isinstance(value, str) else text_of(value) for value in column]


def _escaped(texts: Sequence[str]) -> Sequence[str]:
    """All of them, escaped at once."""
    joined = "\0".join(texts)
    if joined.count("\0") != len(texts) - 1:
        return [escape(text) for text in texts]
    return escape(joined).split("\0") if texts else []


def _text(text: str) -> str:
    """One cell with a text that may be long, or a link."""
    shown = escape(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…")
    title = f' title="{escape(text[:MOST_TITLE])}"' if len(text) > LONG else ""
    if WEB.fullmatch(text):
        shown = f'<a href="{escape(text)}" rel="noopener noreferrer nofollow">{shown}</a>'
    return f"<td{title}>{shown}"
