"""Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    import polars as pl


def read_parquet(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """Parquet."""
    import polars as pl

    try:
        return pl.read_parquet(path, **options)
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{path}: {error}") from None
