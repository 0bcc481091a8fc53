"""Parquet and Arrow (Feather)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    import polars as pl

LARGE = 100_000_000
"""Bytes of a Parquet file from which on only what a query needs is read from it."""
IGNORED = {"engine", "use_nullable_dtypes", "dtype_backend", "memory_map", "use_threads"}


def read_parquet(path: Path, options: dict[str, Any]) -> pl.DataFrame | pl.LazyFrame:
    """Parquet: a large file is left where it is, and queries read what they need of it."""
    import polars as pl

    columns = _columns(path, options)
    scan = pl.scan_parquet(path, glob=False)
    found = scan if columns is None else scan.select(columns)
    if path.stat().st_size < LARGE:
        return found.collect()
    found.collect_schema()  # what is broken is told now
    return found


def read_arrow(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """Feather version 2, which is Arrow's file format."""
    import polars as pl

    columns = _columns(path, options)
    frame = pl.read_ipc(path.read_bytes())
    return frame if columns is None else frame.select(columns)


def _columns(path: Path, options: dict[str, Any]) -> list[str] | None:
    """The option `columns`."""
    columns = options.pop("columns", None)
    unknown = sorted(set(options) - IGNORED)
    if unknown:
        raise SourceError(f"{path}: {unknown[0]}: no such option")
    return None if columns is None else [str(name) for name in columns]
