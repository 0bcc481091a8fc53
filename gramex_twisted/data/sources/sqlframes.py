"""polars frames of what databases return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.framecolumns import dtype_of
from gramex_twisted.data.records import clean, cleaners, dump
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources.readers.text import unique
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    import polars as pl


def frame_of_rows(names: Sequence[str], rows: Sequence[Sequence[Any]], schema: Schema | None) -> pl.DataFrame:
    """The rows that a driver returned, or those of a Result; without a `schema`, their values say what they are."""
    import polars as pl

    if schema is not None and [field.name for field in schema.fields] == list(names):
        by = cleaners(schema.fields)
        kinds = [field.kind for field in schema.fields]
        rows = [clean(row, by) for row in rows]
    else:
        kinds = [Kind.OTHER] * len(names)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    made = zip(unique(list(map(str, names))), columns, kinds, strict=True)
    return pl.DataFrame([_series(name, list(values), kind) for name, values, kind in made])


def _series(name: str, values: list[Any], kind: Kind) -> pl.Series:
    """A column. One whose values are of no type that polars has becomes text."""
    import polars as pl

    try:
        if kind is not Kind.OTHER:
            return pl.Series(name, values, dtype=dtype_of(kind), strict=False)
        made = pl.Series(name, values, strict=True) if any(value is not None for value in values) else None
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        made = None
    if made is not None and made.dtype != pl.Object:
        return made
    texts = [value if value is None or isinstance(value, str) else dump(value).decode() for value in values]
    return pl.Series(name, texts, dtype=pl.String)
