"""Runs a Query on a polars frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any

from gramex_twisted.data import cursor
from gramex_twisted.data.framecolumns import ROW, beyond, canonical, compare, iso, kind_of
from gramex_twisted.data.framegroups import finished, grouped, label
from gramex_twisted.data.query import Query, Sort, Term
from gramex_twisted.data.records import Result, Row, clean, cleaners
from gramex_twisted.data.schema import POSITION, Field, Schema
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    import polars as pl

TEMPORAL = (Kind.DATETIME, Kind.INSTANT, Kind.TIME)


@dataclass(frozen=True)
class FrameTable:
    """A frame to query: made by `table_of`, and then by any number of threads at once."""

    frame: pl.LazyFrame
    """With columns c0, c1 ... in the form that `canonical` describes."""
    schema: Schema
    height: int | None = None
    """How many rows it has, if that is known."""

    @cached_property
    def columns(self) -> Mapping[str, pl.Expr]:
        """The columns by their names in the schema, POSITION among them."""
        import polars as pl

        named = {field.name: pl.col(f"c{place}") for place, field in enumerate(self.schema.fields)}
        return {**named, POSITION: pl.col(ROW)}


@dataclass(frozen=True)
class FrameResult:
    """The rows of an answer as a polars frame, whose columns are `fields`; `after` as in `Result`."""

    fields: tuple[Field, ...]
    frame: pl.DataFrame
    after: str | None = None

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [field.name for field in self.fields]

    @cached_property
    def rows(self) -> Sequence[Row]:
        """As plain Python values: see `Result`."""
        rows = self.frame.rows()
        if not any(field.rounded for field in self.fields):
            return rows
        by = cleaners(self.fields)
        return [clean(row, by) for row in rows]

    def records(self) -> list[dict[str, Any]]:
        """A dict for each row."""
        return self.result().records()

    def json(self) -> bytes:
        """The records as JSON: byte for byte `Result.json`, but written by polars where it can."""
        if any(field.rounded or field.kind is Kind.OTHER for field in self.fields):
            return self.result().json()
        return to_json(self.frame, self.fields)

    def result(self) -> Result:
        """The same without polars."""
        return Result(self.fields, self.rows, self.after)


def table_of(frame: pl.DataFrame | pl.LazyFrame) -> FrameTable:
    """`frame` to be queried. A DataFrame is converted now, where it must be; a LazyFrame in each query."""
    import polars as pl

    lazy = frame.lazy()
    dtypes = lazy.collect_schema()
    fields = tuple(Field(name, kind_of(dtype)) for name, dtype in dtypes.items())
    renamed = lazy.rename({name: f"c{place}" for place, name in enumerate(dtypes.names())})
    made = {f"c{place}": canonical(f"c{place}", dtype) for place, dtype in enumerate(dtypes.dtypes())}
    ready = renamed.with_columns([column for column in made.values() if column is not None])
    schema = Schema(fields, positions=True)
    if isinstance(frame, pl.DataFrame):
        return FrameTable(ready.collect().lazy(), schema, frame.height)
    return FrameTable(ready, schema)


def run(query: Query, table: FrameTable) -> FrameResult:
    """The answer to `query`. It takes a thread's time: call it in one."""
    import polars as pl

    fields = query.outputs(table.schema)
    if not fields:
        return FrameResult((), pl.DataFrame())
    if query.by is not None:
        frame = finished(_groups(query, table).collect(), fields)
        frame.columns = [field.name for field in fields]
        return FrameResult(fields, frame)
    frame = _page(query, table).collect()
    after = None
    sorts = cursor.terms(query, table.schema)
    if query.limit is not None and frame.height == query.limit > 0 and sorts:
        last = frame.row(-1, named=True)
        after = cursor.encode(query, table.schema, [last[_name(sort, table)] for sort in sorts])
    shown = pl.DataFrame(frame.get_columns()[: len(fields)])
    shown.columns = list(query.columns)
    return FrameResult(fields, shown, after)


def count(query: Query, table: FrameTable) -> int:
    """How many rows the answer has without `limit`, `offset` and `after`."""
    import polars as pl

    if not query.outputs(table.schema):
        return 0
    rows = _filtered(query, table, table.frame)
    if query.by is not None:
        rows = grouped(query, table.schema, rows, table.columns)
    return int(rows.select(pl.len()).collect().item())


def to_json(frame: pl.DataFrame, fields: tuple[Field, ...]) -> bytes:
    """A frame of `fields` as JSON records."""
    import polars as pl

    renamed = frame.clone()
    renamed.columns = [f"c{place}" for place in range(frame.width)]
    texts = [
        iso(pl.col(f"c{place}"), f.kind).alias(f"c{place}") for place, f in enumerate(fields) if f.kind in TEMPORAL
    ]
    written = renamed.with_columns(texts) if texts else renamed
    written.columns = frame.columns
    buffer = BytesIO()  # and no text, which would be decoded and encoded again
    written.write_json(buffer)
    return buffer.getvalue()


def _filtered(query: Query, table: FrameTable, rows: pl.LazyFrame) -> pl.LazyFrame:
    names = table.schema.names
    conditions = [compare(table.columns[f.column], names[f.column], f.op, f.values) for f in query.filters]
    return rows.filter(*conditions) if conditions else rows


def _page(query: Query, table: FrameTable) -> pl.LazyFrame:
    """The rows to show, with the columns that decide their order."""
    import polars as pl

    whole = table.height is not None and query.after is None and (query.limit is None or query.limit > table.height)
    numbered = table.frame if whole else table.frame.with_row_index(ROW).with_columns(pl.col(ROW).cast(pl.Int64))
    rows = _filtered(query, table, numbered)
    order = query.sort if whole else query.order(table.schema)
    if query.after is not None:
        fields = cursor.fields(order, table.schema)
        columns = [table.columns[field.name] for field in fields]
        flags = [sort.descending for sort in order]
        rows = rows.filter(beyond(list(zip(columns, fields, flags, query.after, strict=True))))
    rows = _sorted(rows, [(table.columns[str(sort.term)], sort.descending) for sort in query.sort])
    names = dict.fromkeys([*query.columns, *(str(sort.term) for sort in order)])
    return rows.slice(query.offset, query.limit).select([table.columns[name] for name in names])


def _groups(query: Query, table: FrameTable) -> pl.LazyFrame:
    """The groups to show."""
    import polars as pl

    groups = grouped(query, table.schema, _filtered(query, table, table.frame), table.columns)
    order = [(pl.col(label(query, sort.term)), sort.descending) for sort in query.order(table.schema)]
    terms: list[Term] = [*(query.by or ()), *(aggregate for _, aggregate in query.aggregates)]
    shown = [label(query, term) for term in terms]
    rows = _sorted(groups, order).slice(query.offset, query.limit)
    return rows.select([pl.col(name).alias(f"o{place}") for place, name in enumerate(shown)])


def _sorted(rows: pl.LazyFrame, by: Sequence[tuple[pl.Expr, bool]]) -> pl.LazyFrame:
    """By columns, descending or not; rows that are equal in them stay in their order."""
    if not by:
        return rows
    columns = [column for column, _ in by]
    return rows.sort(columns, descending=[flag for _, flag in by], nulls_last=True, maintain_order=True)


def _name(sort: Sort, table: FrameTable) -> str:
    return table.columns[str(sort.term)].meta.output_name()
