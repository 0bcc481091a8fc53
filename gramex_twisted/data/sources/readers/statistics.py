"""Files of statistics programs, which pandas reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.frames import from_pandas

if TYPE_CHECKING:
    import polars as pl


def read_stata(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """Stata's dta."""
    return _read("read_stata", path, options)


def read_sas(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """SAS's sas7bdat and xpt."""
    return _read("read_sas", path, options)


def read_hdf(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """HDF5, as pandas writes it with PyTables."""
    return _read("read_hdf", path, options)


def _read(name: str, path: Path, options: dict[str, Any]) -> pl.DataFrame:
    try:
        import pandas as pd  # type: ignore[import-untyped]
    except ImportError:
        raise SourceError(f"{path}: reading it takes pandas: pip install 'gramex-twisted[pandas]'") from None
    return from_pandas(getattr(pd, name)(path, **options))
