"""What the page of a table knows of the request, and the links that it makes of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from urllib.parse import quote_plus

from gramex_twisted.data.query import Query
from gramex_twisted.data.schema import Schema

Arguments: TypeAlias = Mapping[str, Sequence[str]]

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
    """The heading; without it, the dataset's name."""


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

    @property
    def several(self) -> bool:
        """Whether arguments are for one of several datasets."""
        return len(self.sections) > 1

    def key(self, name: str, dataset: str) -> str:
        """The argument `name` for `dataset` alone."""
        return f"{dataset}:{name}" if self.several else name

    def own(self, name: str, dataset: str) -> list[str]:
        """The keys that may say `name` to `dataset`, those for it alone first."""
        return [f"{dataset}:{name}", name] if self.several else [name]

    def link(self, changes: Mapping[str, Sequence[str] | None]) -> str:
        """The same page with other arguments, None takes one away: a relative URL, not yet escaped for HTML."""
        return link(self.args, changes)

    def turned(self, dataset: str, changes: Mapping[str, Sequence[str] | None]) -> str:
        """The first page of `dataset` with other arguments."""
        return self.link({**dict.fromkeys(self.paging(dataset)), **changes})

    def paging(self, dataset: str) -> list[str]:
        """The keys that say which page of `dataset` is shown."""
        return [key for name in PAGING for key in self.own(name, dataset)]

    def download(self, format: str) -> str:
        """All rows that the page is about, in another format."""
        names = ("_limit", "_format", *PAGING)
        gone = [key for dataset in (self.sections or [""]) for name in names for key in self.own(name, dataset)]
        return self.link({**dict.fromkeys(gone), "_format": [format]})


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
