"""The index of a folder: what may be seen in it, as a page that needs no JavaScript."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from urllib.parse import quote

from gramex_twisted.resources.files.finder import Finder, Found

#: The page that is used where ``index_template:`` names none.
DEFAULT = Path(__file__).with_name("listing.html")

_UNITS = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Item:
    """One line: ``size`` in bytes, ``modified`` in seconds since the epoch."""

    name: str
    is_folder: bool
    size: int
    modified: float

    @property
    def href(self) -> str:
        """The link, relative to the folder."""
        return quote(self.name) + ("/" if self.is_folder else "")

    @property
    def label(self) -> str:
        """The name, escaped, with a slash after a folder's."""
        return escape(self.name) + ("/" if self.is_folder else "")


def items(finder: Finder, found: Found) -> list[Item]:
    """What may be seen in the folder ``found``. Names that are not UTF-8 have no URL and are left out."""
    listed = []
    with os.scandir(found.file) as entries:
        for entry in entries:
            if _is_utf8(entry.name) and finder.visible(found.place, entry.path):
                state = entry.stat()
                listed.append(Item(entry.name, entry.is_dir(), state.st_size, state.st_mtime))
    return listed


def _is_utf8(name: str) -> bool:
    return not re.search("[\ud800-\udfff]", name)


def natural(name: str) -> list[Any]:
    """A sort key by which x9 comes before x10. Digits compare with digits: odd places hold numbers."""
    return [int(part) if part.isdecimal() else part.casefold() for part in re.split(r"(\d+)", name)]


_COLUMNS: tuple[tuple[str, str, str, Callable[[Item], Any]], ...] = (
    ("name", "Name", "", lambda item: natural(item.name)),
    ("size", "Size", "number", lambda item: item.size),
    ("modified", "Modified", "modified", lambda item: item.modified),
)


def page(template: str, path: str, listed: Sequence[Item], sort: str = "name", *, parent: bool = True) -> bytes:
    """The page for a folder whose URL path is ``path``.

    ``template`` may use ``$path``, ``$body`` (an unordered list of links) and ``$table`` (the same with sizes and
    dates), all of them HTML.

    :param sort: a column, with ``-`` before it for the other direction; folders come first.
    :param parent: link to the folder above.
    """
    ordered = _ordered(listed, sort)
    values = {"path": escape(path), "body": _body(ordered, parent), "table": _table(ordered, sort, parent)}
    return Template(template).safe_substitute(values).encode("utf-8")


def _ordered(listed: Sequence[Item], sort: str) -> list[Item]:
    keys = {name: key for name, _, _, key in _COLUMNS}
    key = keys.get(sort.removeprefix("-"), keys["name"])
    ordered = sorted(listed, key=lambda item: natural(item.name))
    ordered.sort(key=key, reverse=sort.startswith("-"))
    return sorted(ordered, key=lambda item: not item.is_folder)


def _body(listed: Sequence[Item], parent: bool) -> str:
    lines = ['<li><a href="../">../</a></li>'] if parent else []
    lines += [f'<li><a href="{escape(item.href)}">{item.label}</a></li>' for item in listed]
    return "<ul>\n" + "\n".join(lines) + "\n</ul>"


def _table(listed: Sequence[Item], sort: str, parent: bool) -> str:
    rows = ['<tr><th scope="row"><a href="../">../</a></th><td></td><td class="modified"></td></tr>'] if parent else []
    rows += map(_row, listed)
    if not rows:
        return "<p>There is nothing in this folder.</p>"
    heads = "".join(_heading(name, label, style, sort) for name, label, style, _ in _COLUMNS)
    return f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n" + "\n".join(rows) + "\n</tbody>\n</table>"


def _heading(name: str, label: str, style: str, sort: str) -> str:
    current = sort.removeprefix("-") == name
    down = sort.startswith("-")
    order = f' aria-sort="{"descending" if down else "ascending"}"' if current else ""
    target = f"-{name}" if current and not down else name
    return f'<th scope="col" class="{style}"{order}><a href="?_sort={target}">{label}</a></th>'


def _row(item: Item) -> str:
    size = "" if item.is_folder else f'<span title="{item.size} bytes">{human_size(item.size)}</span>'
    moment = datetime.fromtimestamp(item.modified, UTC)
    time = f'<time datetime="{moment:%Y-%m-%dT%H:%M:%SZ}">{moment:%Y-%m-%d %H:%M}</time>'
    return (
        f'<tr><th scope="row"><a href="{escape(item.href)}">{item.label}</a></th>'
        f'<td class="number">{size}</td><td class="modified">{time}</td></tr>'
    )


def human_size(size: float) -> str:
    """``1536`` -> ``1.5 KB``."""
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError
