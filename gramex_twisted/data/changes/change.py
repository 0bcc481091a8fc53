"""What is to be changed in a dataset, and what has been."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from gramex_twisted.data.arguments import HANDLED, NONE

if TYPE_CHECKING:
    from gramex_twisted.data.sources.base import Source

Arguments: TypeAlias = Mapping[str, Sequence[str]]
Rows: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Change:
    """What an operation did."""

    count: int = 0
    """Rows inserted, found for an update, or deleted."""
    inserted: list[dict[str, Any]] = field(default_factory=list)
    """What tells the inserted rows: their primary keys, or of files the columns of `id:`."""
    filters: list[Any] = field(default_factory=list)
    """[column, operator, values] that chose the rows, as in `Query.meta_of`."""
    ignored: list[Any] = field(default_factory=list)
    """[name, values] of what names no column."""

    def meta(self) -> dict[str, Any]:
        """What the FH- headers say, as JSON-able values."""
        meta: dict[str, Any] = {"filters": self.filters, "ignored": self.ignored, "count": self.count}
        return {**meta, "inserted": self.inserted} if self.inserted else meta


@dataclass(frozen=True)
class Insert:
    """New rows. Values are texts, or JSON's: bool, int, float, None."""

    source: Source
    rows: Rows
    values: Arguments = field(default_factory=lambda: NONE)
    """Arguments that fill `{name}` in the dataset's url and table."""
    key: tuple[str, ...] = ()
    """The columns of `id:`. They become the primary key of a table that is made for the rows."""


@dataclass(frozen=True)
class Update:
    """New values for rows that are there.

    `rows` as arguments: the rows whose key columns have any of the values given get the first value of each other
    argument. As a list: each row of it tells by its key columns what it is for. `key` is the primary key by default.
    """

    source: Source
    rows: Arguments | Rows
    values: Arguments = field(default_factory=lambda: NONE)
    key: tuple[str, ...] = ()


@dataclass(frozen=True)
class Delete:
    """Rows to delete: those that pass all of the filters `args`, which must have the key columns among them.

    `args` as a list of rows: what equals one of them.
    """

    source: Source
    args: Arguments | Rows
    values: Arguments = field(default_factory=lambda: NONE)
    key: tuple[str, ...] = ()
    handled: Collection[str] = HANDLED
    """Arguments that are for others, and are no mistake."""


Operation: TypeAlias = Insert | Update | Delete


def rows_of(args: Arguments) -> list[dict[str, Any]]:
    """The rows that repeated arguments are: the first values make the first row. Short columns repeat their last value.

    Raises QueryError for more than a million values.
    """
    from gramex_twisted.data.types import QueryError

    given = {name: texts for name, texts in args.items() if texts}
    height = max((len(texts) for texts in given.values()), default=0)
    if height * len(given) > MOST_CELLS:
        raise QueryError(next(iter(given)), "...", f"more than {MOST_CELLS} values in one request")
    return [{name: texts[min(place, len(texts) - 1)] for name, texts in given.items()} for place in range(height)]


MOST_CELLS = 1_000_000
