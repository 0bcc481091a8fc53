"""What reads a kind of file into a polars frame. Readers raise SourceError, which names the file."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.openers import BUILT_IN, CALLBACKS

if TYPE_CHECKING:
    import polars as pl

READERS: Mapping[str, str] = {
    "csv": "text:read_csv",
    "tsv": "text:read_tsv",
    "json": "records:read_json",
    "jsonl": "records:read_jsonl",
    "yaml": "records:read_yaml",
    "xlsx": "excel:read_excel",
    "parquet": "columnar:read_parquet",
    "arrow": "columnar:read_arrow",
    "html": "tables:read_html",
    "stata": "statistics:read_stata",
    "sas": "statistics:read_sas",
    "hdf": "statistics:read_hdf",
}
"""kind -> module:function (path, options) -> polars DataFrame or LazyFrame."""
ENDS: Mapping[str, str] = {
    **{kind: kind for kind in READERS},
    "txt": "csv",
    "table": "tsv",
    "tab": "tsv",
    "jsondata": "json",
    "ndjson": "jsonl",
    "yml": "yaml",
    "htm": "html",
    "xls": "xlsx",
    "xlsm": "xlsx",
    "xlsb": "xlsx",
    "ods": "xlsx",
    "excel": "xlsx",
    "pq": "parquet",
    "feather": "arrow",
    "ipc": "arrow",
    "dta": "stata",
    "sas7bdat": "sas",
    "xpt": "sas",
    "h5": "hdf",
    "hdf5": "hdf",
}
"""`ext:`, or what a name ends with -> kind."""
OWN = "callback "
"""What the kind of a file begins with that `gramex_twisted.cache.open_callback` reads."""
SHOWN = 300


def kind_of(name: str, ext: str | None) -> str:
    """What a file is, by `ext:` or else by the end of its name. Raises SourceError."""
    end = (ext or Path(name).suffix).lower().lstrip(".")
    if end not in ENDS and end in CALLBACKS and end not in BUILT_IN:
        return f"{OWN}{end}"
    if end not in ENDS:
        hint = f"ext: is one of {', '.join(sorted(ENDS))}"
        raise SourceError(f"{name}: cannot read {end!r}; {hint}" if end else f"{name}: what is it? {hint}")
    return ENDS[end]


def read(path: Path, kind: str, options: Mapping[str, Any]) -> pl.DataFrame | pl.LazyFrame:
    """What is in a file. Raises SourceError."""
    try:
        made: pl.DataFrame | pl.LazyFrame = load(kind)(path, dict(options))
    except SourceError:
        raise
    except MemoryError:
        raise SourceError(f"{path} does not fit into memory") from None
    except ModuleNotFoundError as error:
        raise SourceError(f"{path}: reading it takes {error.name}: pip install 'gramex-twisted[data]'") from None
    except Exception as error:
        raise SourceError(f"{path}: cannot be read as {kind}: {_said(error)}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how libraries in Rust say that they have a bug
            raise
        raise SourceError(f"{path}: cannot be read as {kind}: {_said(error)}") from None
    return made


def load(kind: str) -> Callable[..., Any]:
    """What reads a kind of file: its module is imported. Raises ImportError."""
    if kind.startswith(OWN):
        return partial(_called, CALLBACKS[kind.removeprefix(OWN)])
    module, _, name = READERS[kind].partition(":")
    reader: Callable[..., Any] = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    return reader


def _called(callback: Callable[..., Any], path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """What a type of file that the user has registered reads."""
    from gramex_twisted.data.frames import to_polars

    return to_polars(callback(str(path), **options))


def _said(error: BaseException) -> str:
    return " ".join(str(error).split("Context:")[0].split())[:SHOWN] or type(error).__name__
