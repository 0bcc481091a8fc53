"""What the page of a table knows of the request, and the links that it makes of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote_plus

from gramex_twisted.data.formats.known import KNOWN
from gramex_twisted.data.query import Query
from gramex_twisted.data.schema import Schema

Arguments: TypeAlias = Mapping[str, Sequence[str]]

MOST_ROWS = 100_000
"""Rows of a download that cannot be streamed."""
PAGING = ("_offset", "_after")
FORM = ("_filter", "_op", "_value", "_dataset")
"""Arguments of the form for filters: see `filtering.link`."""


@dataclass(frozen=True)
class Section:
    """One dataset of the page."""

    schema: Schema
    """Of the table that was asked, not of the answer."""
    query: Query
    count: int | None = None
    """Rows without `_limit`, if they were counted."""
    after: str | None = None
    """The cursor of the next page, where the answer does not have it itself."""
    title: str = ""
    """The heading; without it, the name of the section."""
    dataset: str | None = None
    """What stands before the colon of arguments that are for this dataset alone, "" where there is no such thing;
    None: the name of the section, if the page has several."""


@dataclass(frozen=True)
class Page:
    """The page as a whole. Everything in it is plain text: what writes the page escapes it."""

    args: Arguments = field(default_factory=dict)
    """Of the URL, decoded, as they were asked; `dataset:key` as it is."""
    sections: Mapping[str, Section] = field(default_factory=dict)
    """By the names of the datasets, those of the answers. An answer without one is shown without links."""
    path: str = ""
    """Of the URL: the title, where there is no other."""
    title: str = ""
    formats: Sequence[str] = ()
    """Names to offer in links, as `_format` takes them."""
    assets: str = ""
    """What the URLs of the files of static/, which charts load, begin with: their names are put behind it."""

    def dataset(self, name: str) -> str:
        """What stands before the colon of arguments for the section `name` alone, "" where it is the only one."""
        section = self.sections.get(name)
        if section is not None and section.dataset is not None:
            return section.dataset
        return name if len(self.sections) > 1 else ""

    def key(self, argument: str, name: str) -> str:
        """The argument for the section `name` alone."""
        own = self.dataset(name)
        return f"{own}:{argument}" if own else argument

    def own(self, argument: str, name: str) -> list[str]:
        """The keys that may say the argument to the section `name`, those for it alone first."""
        return list(dict.fromkeys((self.key(argument, name), argument)))

    def link(self, changes: Mapping[str, Sequence[str] | None]) -> str:
        """The same page with other arguments, None takes one away: a relative URL, not yet escaped for HTML."""
        return link(self.args, changes)

    def turned(self, name: str, changes: Mapping[str, Sequence[str] | None]) -> str:
        """The first page of the section `name` with other arguments."""
        return self.link({**dict.fromkeys(self.paging(name)), **changes})

    def paging(self, name: str) -> list[str]:
        """The keys that say which page of the section `name` is shown."""
        return [key for argument in PAGING for key in self.own(argument, name)]

    def download(self, format: str) -> str:
        """All rows that the page is about, in another format: of a spreadsheet the first MOST_ROWS."""
        names = ("_limit", "_format", *PAGING)
        gone = [key for section in (self.sections or [""]) for name in names for key in self.own(name, section)]
        limits = {self.key("_limit", name): self._all(format, section) for name, section in self.sections.items()}
        return self.link({**dict.fromkeys(gone), **limits, "_format": [format]})

    def _all(self, format: str, section: Section) -> list[str] | None:
        """The `_limit` that has all rows, where the page has not."""
        limit, count = section.query.limit, section.count
        if limit is None or count is None or count <= limit:
            return None
        known = KNOWN.get(format)
        return [str(count if known and known.streams else min(count, MOST_ROWS))]


def link(args: Arguments, changes: Mapping[str, Sequence[str] | None]) -> str:
    """`?` and `args` with `changes`: None takes an argument away, as do the arguments of the filter form."""
    kept = {key: texts for key, texts in args.items() if key not in changes and key not in FORM}
    added = {key: texts for key, texts in changes.items() if texts is not None}
    return "?" + "&".join(_pairs({**kept, **added}))


def _pairs(args: Arguments) -> Iterable[str]:
    for key, texts in args.items():
        for text in texts:
            name, value = (quote_plus(part, safe="|:,*~!<>", errors="replace") for part in (key, text))
            yield f"{name}={value}" if value else name
