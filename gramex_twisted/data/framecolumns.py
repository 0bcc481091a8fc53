"""The columns of a polars frame in the form that queries work on, and conditions on them.

Inside a query columns are called c0, c1 ..., since polars takes names like `^a.*$` and `*` for patterns.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, TypeAlias

from gramex_twisted.data.query import Op, Operand, around, threshold
from gramex_twisted.data.regex import Engine, Pattern
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind, Value

if TYPE_CHECKING:
    import polars as pl

ROW = "row"
"""The column with a row's place in its table."""
After: TypeAlias = "tuple[pl.Expr, Field, bool, Value | None]"
"""A column that rows are sorted by, whether descending, and the value that the last row had."""


def kind_of(dtype: pl.DataType) -> Kind:
    """What a column of the polars type `dtype` holds."""
    import polars as pl

    if isinstance(dtype, pl.Decimal):
        return Kind.DECIMAL
    if isinstance(dtype, pl.Datetime):
        return Kind.INSTANT if dtype.time_zone else Kind.DATETIME
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        return Kind.TEXT
    if dtype.is_integer():
        return Kind.INT
    if dtype.is_float():
        return Kind.FLOAT
    simple = {pl.Boolean(): Kind.BOOL, pl.String(): Kind.TEXT, pl.Date(): Kind.DATE, pl.Time(): Kind.TIME}
    return simple.get(dtype, Kind.OTHER)


def canonical(name: str, dtype: pl.DataType) -> pl.Expr | None:
    """The column `name` as a query wants it, None if it is so already: no NaN, UTC, microseconds, no narrow floats."""
    import polars as pl

    column, kind = pl.col(name), kind_of(dtype)
    if kind is Kind.FLOAT:
        return (column if dtype == pl.Float64 else column.cast(pl.Float64)).fill_nan(None)
    if kind is Kind.DECIMAL:
        return column.cast(pl.Float64)
    if kind is Kind.TEXT and dtype != pl.String:
        return column.cast(pl.String)
    if kind is Kind.DATETIME and dtype != pl.Datetime("us"):
        return column.dt.cast_time_unit("us")
    if kind is Kind.INSTANT and dtype != pl.Datetime("us", "UTC"):
        return column.dt.cast_time_unit("us").dt.convert_time_zone("UTC")
    if dtype == pl.UInt64:
        return column.cast(pl.Int128)
    return None


def literal(value: Value, kind: Kind) -> pl.Expr:
    """`value` as a column of `kind` compares with it."""
    import polars as pl

    return pl.lit(plain(value), dtype=dtype_of(kind))


def plain(value: Value) -> Value:
    """As frames hold it: decimals are floats there."""
    return float(value) if isinstance(value, Decimal) else value


def dtype_of(kind: Kind) -> Any:
    """The polars type that columns of `kind` are compared as."""
    import polars as pl

    return {
        Kind.BOOL: pl.Boolean(),
        Kind.INT: pl.Int64(),
        Kind.FLOAT: pl.Float64(),
        Kind.DECIMAL: pl.Float64(),
        Kind.TEXT: pl.String(),
        Kind.DATE: pl.Date(),
        Kind.DATETIME: pl.Datetime("us"),
        Kind.INSTANT: pl.Datetime("us", "UTC"),
        Kind.TIME: pl.Time(),
    }[kind]


def compare(column: pl.Expr, field: Field, op: Op, values: Sequence[Operand]) -> pl.Expr:
    """The condition `column`, which holds `field`, `op` `values`, for `filter`."""
    kind = field.kind
    if not values:
        return column.is_not_null() if op is Op.IN else column.is_null()
    if op.is_regex:
        found = reduce(or_, (search(column, value) for value in values if isinstance(value, Pattern)))
    else:
        plain_values = [value for value in values if not isinstance(value, Pattern)]
        if op in (Op.IN, Op.NOT_IN):
            found = among(column, field, plain_values)
        else:
            value = threshold(field, op, plain_values[0])
            order = {Op.ABOVE: column.gt, Op.FROM: column.ge, Op.BELOW: column.lt, Op.TO: column.le}
            return order[op](literal(value, kind))
    return (~found).fill_null(True) if op.keeps_null else found


def among(column: pl.Expr, field: Field, values: Sequence[Value]) -> pl.Expr:
    """Whether `column` is one of `values`."""
    import polars as pl

    kind = field.kind
    if field.is_inexact:
        return reduce(or_, (column.is_between(*around(value)) for value in values))
    if len(values) == 1:
        return column == literal(values[0], kind)
    series = pl.Series([plain(value) for value in values], dtype=dtype_of(kind))
    return column.is_in(series.implode())


def search(column: pl.Expr, pattern: Pattern) -> pl.Expr:
    """Whether `column` has a match of `pattern`."""
    if pattern.literal is not None:
        return column.str.contains(pattern.literal, literal=True)
    return column.str.contains(pattern.write(Engine.RUST))


def beyond(terms: Sequence[After]) -> pl.Expr:
    """The rows after the one that has these values, where `terms` sort them and nulls are last."""
    import polars as pl

    condition = pl.lit(False)
    for column, field, descending, value in reversed(terms):
        if value is None:
            condition = column.is_null() & condition
            continue
        other = literal(value, field.kind)
        past = column < other if descending else column > other
        if field.nullable:
            past |= column.is_null()
        condition = past | ((column == other) & condition)
    return condition


def iso(column: pl.Expr, kind: Kind) -> pl.Expr:
    """Dates and times as the texts that JSON has for them."""
    import polars as pl

    form = "%H:%M:%S" if kind is Kind.TIME else "%Y-%m-%dT%H:%M:%S"
    micro = column.cast(pl.Time).cast(pl.Int64) // 1000 % 1_000_000 if kind is Kind.TIME else column.dt.microsecond()
    whole = column.dt.strftime(form)
    if kind is Kind.TIME:
        padded = pl.lit(".") + micro.cast(pl.String).str.zfill(6)
        text = pl.when(micro == 0).then(whole).otherwise(whole + padded)
    else:
        text = pl.when(micro == 0).then(whole).otherwise(column.dt.strftime(form + "%.6f"))
    return text + "+00:00" if kind is Kind.INSTANT else text
