"""Parquet and Arrow (also called Feather) files, of one dataset."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.formats.answers import Answers, frame, only
from gramex_twisted.data.formats.csvtext import text_of
from gramex_twisted.data.formats.known import Options

if TYPE_CHECKING:
    import polars as pl

    from gramex_twisted.data.formats.page import Page

COMPRESSIONS = {
    "parquet": ("zstd", "lz4", "snappy", "gzip", "brotli", "uncompressed"),
    "arrow": ("uncompressed", "lz4", "zstd"),
}
"""The first is the one without `compression:`."""


def write(name: str, answers: Answers, *, single: bool, options: Options, page: Page | None) -> bytes:
    """A file with the types of the columns. Columns that polars has no type for are texts."""
    known = COMPRESSIONS[name]
    compression: Any = options.get("compression", known[0])
    if compression not in known:
        raise ValueError(f"compression {compression!r} is not one of {', '.join(known)}")
    out, found = BytesIO(), plain(frame(only(answers, name)))
    if name == "parquet":
        found.write_parquet(out, compression=compression)
    else:
        found.write_ipc(out, compression=compression)
    return out.getvalue()


def plain(found: pl.DataFrame) -> pl.DataFrame:
    """Without columns of arbitrary Python values, which are made texts, and integers of 128 bits, made floats."""
    import polars as pl

    columns = [_plain(column) for column in found.get_columns()]
    return pl.DataFrame(columns)


def _plain(column: pl.Series) -> pl.Series:
    import polars as pl

    if column.dtype == pl.Int128:
        return column.cast(pl.UInt64, strict=False) if _fits(column) else column.cast(pl.Float64)
    if column.dtype != pl.Object:
        return column
    return pl.Series(column.name, [None if value is None else text_of(value) for value in column], pl.String)


def _fits(column: pl.Series) -> bool:
    """Whether all are natural numbers of 64 bits, as they were in a column of UInt64."""
    values = column.drop_nulls().to_list()
    return all(0 <= value < 2**64 for value in values)
