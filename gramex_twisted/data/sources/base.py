"""What every source of data can do, and what all sources of an app share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from gramex_twisted.data.engines import Engines
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result, Row
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.writers import Writers

if TYPE_CHECKING:
    import polars as pl

    from gramex_twisted.data.frame import FrameResult, FrameTable

Values: TypeAlias = Mapping[str, Sequence[str]]
"""A request's arguments."""
BATCH = 1000


class Table(Protocol):
    """A source as one request sees it. One thread at a time uses it, and closes it; `cancel` may come from any.

    All methods raise DataError, or QueryError.
    """

    @property
    def schema(self) -> Schema:
        """Its columns."""

    @property
    def version(self) -> Hashable | None:
        """Equal versions of a source have equal content; None where that is not known."""

    def run(self, query: Query) -> FrameResult | Result:
        """The answer to `query`."""

    def count(self, query: Query) -> int:
        """How many rows it has without `limit`, `offset` and `after`."""

    def batches(self, query: Query, size: int = BATCH) -> Iterator[list[Row]]:
        """The rows of the answer, at most `size` at a time."""

    def transformed(self, function: Callable[[Any], Any]) -> Frame:
        """The table of what `function` makes of all the data: it gets a polars DataFrame, and returns what `to_polars`
        takes.
        """

    def cancel(self) -> None:
        """Have what runs raise Cancelled, where the source can; from any thread."""

    def close(self) -> None:
        """It is not used any more. Closing twice is harmless."""


class Source(Protocol):
    """A dataset, to be opened for each request, in a thread."""

    @property
    def dataset(self) -> Dataset:
        """What it was made of."""

    def open(self, values: Values) -> Table:
        """Its table, where the arguments `values` fill `{name}` and `:name`. Raises DataError, QueryError."""


@dataclass(frozen=True)
class Shared:
    """What the sources of an app share."""

    memory: Memory
    engines: Engines
    root: Path
    """The folder that paths are relative to."""
    writers: Writers = field(default_factory=Writers)


class Frame:
    """A Table that is a frame, in memory or (Parquet) to be read from a file by polars."""

    def __init__(self, table: FrameTable, version: Hashable | None = None) -> None:
        self.table = table
        self._version = version

    @property
    def schema(self) -> Schema:
        """See Table."""
        return self.table.schema

    @property
    def version(self) -> Hashable | None:
        """See Table."""
        return self._version

    def frame(self) -> pl.DataFrame:
        """All of it, with the columns' own names."""
        found = self.table.frame.collect()
        return found.rename(dict(zip(found.columns, [field.name for field in self.schema.fields], strict=True)))

    def run(self, query: Query) -> FrameResult:
        """See Table."""
        from gramex_twisted.data import frame

        return frame.run(query, self.table)

    def count(self, query: Query) -> int:
        """See Table."""
        from gramex_twisted.data import frame

        return frame.count(query, self.table)

    def batches(self, query: Query, size: int = BATCH) -> Iterator[list[Row]]:
        """See Table."""
        rows = self.run(query).rows
        for start in range(0, len(rows), size):
            yield list(rows[start : start + size])

    def transformed(self, function: Callable[[Any], Any]) -> Frame:
        """See Table."""
        return frame_of(function(self.frame()))

    def cancel(self) -> None:
        """See Table. polars cannot be stopped."""

    def close(self) -> None:
        """See Table."""


def frame_of(data: Any, version: Hashable | None = None) -> Frame:
    """A Table of a frame: of polars, pandas, or a list of dicts."""
    from gramex_twisted.data.frame import table_of
    from gramex_twisted.data.frames import to_polars

    return Frame(table_of(to_polars(data)), version)
