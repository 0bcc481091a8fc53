"""The page of a table: sorted, filtered and turned by links and a form, so that it needs no scripts."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

from gramex_twisted.data.formats import filtering
from gramex_twisted.data.formats.answers import Answers, Tabular, tables
from gramex_twisted.data.formats.htmltable import table
from gramex_twisted.data.formats.known import KNOWN, Options
from gramex_twisted.data.formats.page import Page, Section

TEMPLATE = Path(__file__).with_name("page.html")
SIZES = (25, 100, 1000)
"""Rows on a page that are offered."""
SKIPPED = 10_000
"""Rows up to which pages go by `_offset`, so that one can turn back; further ones by a cursor, where there is one."""


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """One section for each answer."""
    known = page or Page()
    found = tables(answers)
    title = str(options.get("title") or known.title or known.path.rstrip("/").rpartition("/")[2] or "Data")
    parts = [_section(answer, known, key, single=single, title=title) for key, answer in found.items()]
    values = {
        "title": escape(title),
        "formats": _formats(known),
        "sections": "\n".join(parts) or '<p class="none">There is no data.</p>',
    }
    return Template(TEMPLATE.read_text("utf-8")).substitute(values).encode("utf-8", "replace")


def _formats(page: Page) -> str:
    """Links to the same rows in other formats."""
    links = [
        f'<a href="{escape(page.download(name))}"{" download" if name in KNOWN and KNOWN[name].attachment else ""}>'
        f"{escape(KNOWN[name].label if name in KNOWN else name)}</a>"
        for name in page.formats
    ]
    return f'<nav class="formats" aria-label="Other formats">{" ".join(links)}</nav>' if links else ""


def _section(answer: Tabular, page: Page, name: str, *, single: bool, title: str) -> str:
    section = page.sections.get(name)
    shown = _height(answer)
    status = _status(shown, section)
    heading = section.title if section and section.title else name
    about = escape(title if single else heading)
    parts = ["<section>\n" if single else f"<section>\n<h2>{escape(heading)}</h2>\n"]
    if section is not None:
        parts += [
            '<div class="tools">\n',
            f'<p class="status">{status}</p>\n',
            filtering.chips(page, name, section),
            filtering.form(page, name, section),
            "</div>\n",
            _ignored(section),
        ]
    if shown:
        box = f'<div class="box" role="region" aria-label="{about}" tabindex="0">'
        parts.append(f"{box}\n{table(answer, page, name, f'{about}: {status}')}\n</div>\n")
    else:
        parts.append(_nothing(answer, page, name))
    if section is not None:
        parts.append(_turning(answer, page, name, section, shown))
    return "".join([*parts, "</section>"])


def _height(answer: Tabular) -> int:
    return len(answer.rows) if not hasattr(answer, "frame") else answer.frame.height


def _status(shown: int, section: Section | None) -> str:
    """Such as 1-50 of 300, as HTML."""
    if section is None or section.query.after is not None or not shown:
        total = f" of {section.count:,}" if section and section.count is not None and shown else ""
        return f"{shown:,}{total} {'row' if shown == 1 and not total else 'rows'}" if shown else "No rows"
    first, last = section.query.offset + 1, section.query.offset + shown
    if section.count == shown:
        return f"{shown:,} {'row' if shown == 1 else 'rows'}"
    total = f" of {section.count:,}" if section.count is not None else ""
    return f"{first:,}&ndash;{last:,}{total} rows"


def _nothing(answer: Tabular, page: Page, name: str) -> str:
    """What to say where there are no rows, and the columns that there would be."""
    if not answer.fields:
        return '<p class="none">No columns are asked for.</p>\n'
    columns = ", ".join(escape(field) for field in answer.names)
    section = page.sections.get(name)
    paged = section is not None and (section.query.offset or section.query.after is not None)
    back = f' <a href="{escape(page.turned(name, {}))}">To the first page</a>' if paged else ""
    return f'<p class="none">There are no such rows.{back}</p>\n<p class="columns">Columns: {columns}</p>\n'


def _ignored(section: Section) -> str:
    """Arguments that named nothing: a filter that is misspelt filters nothing, and should not go unnoticed."""
    found = [f"{key}={text}" if text else key for key, texts in section.query.ignored for text in texts or ("",)]
    if not found:
        return ""
    shown = ", ".join(escape(text[:100]) for text in found[:10])
    return f'<p class="ignored" role="note">No such column, so these were ignored: {shown}</p>\n'


def _turning(answer: Tabular, page: Page, name: str, section: Section, shown: int) -> str:
    """Links to other pages, and to longer or shorter ones."""
    links = _turns(answer, page, name, section, shown)
    sizes = _sizes(page, name, section, shown)
    turns = " ".join(f'<a href="{escape(href)}"{extra}>{text}</a>' for text, href, extra in links)
    about = f" of {escape(name)}" if len(page.sections) > 1 else ""
    pages = f'<nav class="pages" aria-label="Pages{about}">{turns}</nav>' if turns else ""
    lengths = f'<nav class="sizes" aria-label="Rows on a page{about}">Rows: {sizes}</nav>' if sizes else ""
    return f'<div class="turning">{pages}{lengths}</div>\n' if pages or lengths else ""


def _turns(answer: Tabular, page: Page, name: str, section: Section, shown: int) -> list[tuple[str, str, str]]:
    """(text, URL, more attributes) of each."""
    query, links = section.query, []
    offset, limit = query.offset, query.limit
    key = page.key("_offset", name)
    if offset or query.after is not None:
        links.append(("First", page.turned(name, {}), ""))
    if offset and limit:
        before = max(0, offset - limit)
        links.append(("← Previous", page.turned(name, {key: [str(before)]} if before else {}), ' rel="prev"'))
    if (
        limit
        and shown == limit
        and (section.count is None or query.after is not None or offset + shown < section.count)
    ):
        after = section.after or answer.after
        by_cursor = after and (query.after is not None or offset + limit > SKIPPED)
        turn = {page.key("_after", name): [str(after)]} if by_cursor else {key: [str(offset + limit)]}
        if by_cursor or query.after is None:
            links.append(("Next →", page.turned(name, turn), ' rel="next"'))
    return links


def _sizes(page: Page, name: str, section: Section, shown: int) -> str:
    """Links to pages of other lengths, where there are rows for them."""
    total = max(section.count or 0, shown)
    if total <= SIZES[0]:
        return ""
    now, key = section.query.limit, page.key("_limit", name)
    offered = sorted({size for place, size in enumerate(SIZES) if not place or total > SIZES[place - 1]})
    return " ".join(
        f"<b>{size:,}</b>" if size == now else f'<a href="{escape(page.turned(name, {key: [str(size)]}))}">{size:,}</a>'
        for size in offered
    )
