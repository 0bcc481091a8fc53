"""Groups of a polars frame's rows, and their aggregates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gramex_twisted.data.framecolumns import compare
from gramex_twisted.data.query import Aggregate, Query, Term
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import LARGEST, SMALLEST, Kind, rounded

if TYPE_CHECKING:
    import polars as pl


def grouped(query: Query, schema: Schema, rows: pl.LazyFrame, columns: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """The groups of `rows` that `query.having` lets pass, in no order; `label` says what their columns are called."""
    import polars as pl

    by = [columns[name].alias(label(query, name)) for name in query.by or ()]
    made = [
        aggregated(columns[term.column], term.function, schema.names[term.column].kind).alias(label(query, term))
        for term in terms(query)
    ]
    groups = rows.select(by).unique() if by else rows.select(made)
    if by and made:
        groups = rows.group_by(by).agg(made)
    for having in query.having:
        field = having.aggregate.field("", schema)
        groups = groups.filter(compare(pl.col(label(query, having.aggregate)), field, having.op, having.values))
    return groups


def terms(query: Query) -> tuple[Aggregate, ...]:
    """The aggregates that `query` shows, filters or sorts by, each once."""
    shown = [aggregate for _, aggregate in query.aggregates]
    sorts = [sort.term for sort in query.sort if isinstance(sort.term, Aggregate)]
    return tuple(dict.fromkeys([*shown, *(having.aggregate for having in query.having), *sorts]))


def label(query: Query, term: Term) -> str:
    """What the column of a group for `term` is called."""
    if isinstance(term, Aggregate):
        return f"a{terms(query).index(term)}"
    return f"b{(query.by or ()).index(term)}"


def aggregated(column: pl.Expr, function: str, kind: Kind) -> pl.Expr:
    """`function` of the values of `column` that are not null."""
    import polars as pl

    number = column.cast(pl.Int64) if kind is Kind.BOOL else column
    match function:
        case "sum":
            return number.cast(pl.Int128).sum() if kind is Kind.INT else number.sum()
        case "avg":
            return number.cast(pl.Float64).mean()
        case "median":
            return number.cast(pl.Float64).median()
        case "std":
            return number.cast(pl.Float64).std(ddof=1)
        case "var":
            return number.cast(pl.Float64).var(ddof=1)
        case "count":
            return column.count()
        case "nunique":
            return column.drop_nulls().n_unique()
        case "first":
            return column.drop_nulls().first()
        case "last":
            return column.drop_nulls().last()
    return column.min() if function == "min" else column.max()


def finished(frame: pl.DataFrame, fields: tuple[Field, ...]) -> pl.DataFrame:
    """`frame` with its sums and means rounded, as `Field.rounded` says, and its integers in 64 bits if they fit."""
    import polars as pl

    for place, field in enumerate(fields):
        if not field.rounded:
            continue
        series = frame.to_series(place)
        if field.kind is Kind.FLOAT:
            values = [None if value is None else rounded(value) for value in series.to_list()]
            frame.replace_column(place, pl.Series(series.name, values, dtype=pl.Float64))
        elif _fits(series):
            frame.replace_column(place, series.cast(pl.Int64))
    return frame


def _fits(series: pl.Series) -> bool:
    least, most = series.min(), series.max()
    return least is None or (int(least) >= SMALLEST and int(most) <= LARGEST)  # type: ignore[arg-type]
