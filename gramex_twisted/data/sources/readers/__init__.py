"""What reads a kind of file into a polars frame. Readers raise SourceError, which names the file."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError

if TYPE_CHECKING:
    import polars as pl

READERS: Mapping[str, str] = {
    "csv": "text:read_csv",
    "parquet": "columnar:read_parquet",
    "json": "records:read_json",
}
"""kind -> module:function (path, options) -> polars DataFrame or LazyFrame."""
NAMES: Mapping[str, str] = {"csv": "csv", "txt": "csv", "json": "json", "parquet": "parquet", "pq": "parquet"}
"""ext -> kind."""


def kind_of(name: str, ext: str | None) -> str:
    """What a file is, by `ext:` or else by the end of its name. Raises SourceError."""
    end = (ext or Path(name).suffix).lower().lstrip(".")
    if end not in NAMES:
        hint = f"ext: is one of {', '.join(sorted(NAMES))}"
        raise SourceError(f"{name}: cannot read {end!r}; {hint}" if end else f"{name}: what is it? {hint}")
    return NAMES[end]


def read(path: Path, kind: str, options: Mapping[str, Any]) -> pl.DataFrame | pl.LazyFrame:
    """What is in a file. Raises SourceError."""
    module, _, name = READERS[kind].partition(":")
    reader = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    made: pl.DataFrame | pl.LazyFrame = reader(path, dict(options))
    return made
