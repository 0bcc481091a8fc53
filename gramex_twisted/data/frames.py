"""Frames of polars, of pandas and lists of dicts, one made of another. pandas is imported only where one has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars as pl


def to_polars(data: Any) -> pl.DataFrame:
    """`data` as a polars DataFrame: a frame of polars or pandas, a Series, a list of dicts, or a dict of lists.

    Raises SourceError for anything else.
    """
    import polars as pl

    if isinstance(data, pl.DataFrame):
        return data
    if isinstance(data, pl.LazyFrame):
        return data.collect()
    if isinstance(data, pl.Series):
        return data.to_frame()
    if is_pandas(data):
        return from_pandas(data)
    if isinstance(data, Mapping):
        return pl.DataFrame(dict(data), strict=False)
    if isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data):
        return pl.DataFrame([dict(row) for row in data], infer_schema_length=None, strict=False)
    raise SourceError(f"a frame or a list of dicts is needed, not {type(data).__name__}")


def is_pandas(data: Any) -> bool:
    """Whether `data` is a DataFrame or Series of pandas, which is not imported for that."""
    return type(data).__module__.partition(".")[0] == "pandas" and hasattr(data, "iloc")


def from_pandas(data: Any) -> pl.DataFrame:
    """A pandas DataFrame or Series in polars. An index that has a name becomes columns."""
    import polars as pl

    frame = data.to_frame() if data.ndim == 1 else data
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    return pl.DataFrame([_series(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)])


def _series(name: str, column: Any) -> pl.Series:
    """A column of pandas in polars: what is missing there, NaN, NaT or NA, is null."""
    import numpy as np
    import polars as pl

    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "biufM":
        array = column.to_numpy()
        moments = column.dtype.kind == "M"  # polars knows no seconds
        return pl.Series(name, array.astype("datetime64[us]") if moments else array, nan_to_null=True)
    return pl.Series(name, column.astype(object).where(column.notna(), None).tolist(), strict=False)


def to_pandas(data: Any) -> pd.DataFrame:
    """`data` as a pandas DataFrame: what `to_polars` takes. Needs no pyarrow."""
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    frame = to_polars(data)
    return pd.DataFrame({name: _values(frame[name]) for name in frame.columns})


def _values(series: pl.Series) -> Any:
    """A column for pandas: an array where it has one for this type and these nulls."""
    import polars as pl

    whole = series.null_count() == 0
    if series.dtype.is_float() or (whole and (series.dtype == pl.Boolean or series.dtype.is_integer())):
        return series.to_numpy() if series.dtype != pl.Int128 else series.to_list()
    if isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is None:
        return series.to_numpy()
    return series.to_list()
