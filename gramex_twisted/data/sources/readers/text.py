"""CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    import polars as pl


def read_csv(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """Text with a separator."""
    import polars as pl

    try:
        return pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
    except pl.exceptions.PolarsError as error:
        raise SourceError(f"{path}: {error}") from None
