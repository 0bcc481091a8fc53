"""JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.frames import to_polars

if TYPE_CHECKING:
    import polars as pl


def read_json(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """A list of objects."""
    try:
        found = orjson.loads(path.read_bytes())
    except ValueError as error:
        raise SourceError(f"{path}: {error}") from None
    return to_polars(found)
