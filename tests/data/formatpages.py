"""Pages of tables for the tests of formats, and what is on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

import polars as pl

from gramex_twisted.data import formats, frame
from gramex_twisted.data.formats.filtering import asked
from gramex_twisted.data.frame import FrameTable
from tests.data.cases import ODD, ODD_NAMES
from tests.data.formatcases import TABLE, page

MANY = frame.table_of(
    pl.DataFrame({"n": range(300), "city": ["Oslo", "Bergen", "a.b (c)"] * 100, "at": [date(2024, 1, 1)] * 300})
)
NAMES = frame.table_of(pl.DataFrame(ODD.rows, list(ODD_NAMES), orient="row"))
VILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"
Args = Mapping[str, Sequence[str]]


class Reading(HTMLParser):
    """The links, inputs and elements of a page; an unclosed cell ends where the next begins."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.inputs: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self._href: str | None = None
        self.cells: list[str] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self._cell = tag == "td" or (self._cell and tag not in ("tr", "th"))
        if tag == "td":
            self.cells.append("")
        if tag == "a":
            self._href = str(known["href"])
            self._name = known.get("aria-label")
            if self._name:
                self.links[self._name] = self._href
        if tag == "input":
            self.inputs.append((str(known.get("name")), str(known.get("value"))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None
        if tag == "tbody":
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._href is not None and not self._name:
            self.links[data] = self._href
        if self._cell:
            self.cells[-1] += data.rstrip("\n")


def shown(args: Args, table: FrameTable = TABLE, **known: Any) -> tuple[str, Reading]:
    """The page, and what is on it."""
    found, about = page(args, table, **known)
    text = formats.write("html", {"data": found}, single=True, page=about).decode()
    return text, Reading(text)


def args_of(link: str) -> dict[str, list[str]]:
    """What a link asks for."""
    assert link.startswith("?"), link
    return parse_qs(link[1:], keep_blank_values=True)


def redirected(args: Args, schemas: Mapping[str, FrameTable] | None = None) -> dict[str, list[str]] | None:
    """What the form makes of its fields."""
    known = {name: table.schema for name, table in (schemas or {"data": MANY}).items()}
    found = asked(args, known)
    return None if found is None else args_of(found)
