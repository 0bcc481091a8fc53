"""How to read a CSV file, by the names that pandas has for it."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.frames import from_pandas
from gramex_twisted.data.sources.readers.guess import NOTHING

if TYPE_CHECKING:
    import polars as pl

SPEED = {"low_memory", "engine", "memory_map", "float_precision", "cache_dates", "infer_datetime_format", "verbose"}
"""Options that say how pandas works, not what is read."""
TEXTS = (str, "str", "string", "object", object)


@dataclass(frozen=True)
class TextOptions:
    """What polars is told, and what is done with what it read."""

    separator: str = ","
    encoding: str | None = None
    header: int | None = 0
    names: tuple[str, ...] | None = None
    usecols: tuple[str | int, ...] | None = None
    skiprows: int = 0
    nrows: int | None = None
    texts: frozenset[str] = frozenset()
    """Columns that stay text."""
    all_texts: bool = False
    nothing: frozenset[str] = NOTHING
    asked_nothing: tuple[str, ...] = ()
    """The `na_values`, which are null in texts too."""
    decimal: str = "."
    thousands: str | None = None
    quote: str | None = '"'
    comment: str | None = None


def parse(path: Path, options: Mapping[str, Any], separator: str) -> TextOptions | None:
    """What `options` mean; None where it takes pandas to follow them. Raises SourceError."""
    left = {name: value for name, value in options.items() if name not in SPEED}
    made: dict[str, Any] = {"separator": separator}
    for name, value in left.items():
        found = _one(name, value, made)
        if not found:
            return None
    if "names" in made and "header" not in left:
        made["header"] = None
    if encoding := made.get("encoding"):
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise SourceError(f"{path}: encoding: there is no {encoding}") from None
    return TextOptions(**made)


def _one(name: str, value: Any, made: dict[str, Any]) -> bool:
    """Understand one option; False where it takes pandas."""
    if name in ("sep", "delimiter", "separator"):
        made["separator"] = value
        return isinstance(value, str) and len(value) == 1 and value.isascii()
    if name == "encoding":
        made["encoding"] = value
        return value is None or isinstance(value, str)
    if name == "header":
        made["header"] = 0 if value == "infer" else value
        return value is None or value == "infer" or (type(value) is int and value >= 0)
    if name in ("skiprows", "nrows"):
        made[name] = value if name == "nrows" else value or 0
        return value is None or (type(value) is int and value >= 0)
    if name in ("names", "usecols"):
        if value is not None:
            made[name] = tuple(value) if isinstance(value, list | tuple) else ()
        return value is None or (isinstance(value, list | tuple) and all(isinstance(v, str | int) for v in value))
    if name in ("decimal", "thousands", "quotechar", "comment"):
        made["quote" if name == "quotechar" else name] = value
        return (value is None and name != "decimal") or (isinstance(value, str) and len(value) == 1)
    return _values(name, value, made)


def _values(name: str, value: Any, made: dict[str, Any]) -> bool:
    """The same for options about values."""
    if name == "na_values":
        words = [value] if isinstance(value, str | int | float) else value
        if isinstance(words, list | tuple | set):
            asked = tuple(str(word) for word in words)
            made.update(nothing=NOTHING.union(asked), asked_nothing=asked)
        return value is None or isinstance(words, list | tuple | set)
    if name == "dtype":
        if isinstance(value, Mapping):
            made["texts"] = frozenset(str(column) for column, kind in value.items() if kind in TEXTS)
            return all(kind in TEXTS for kind in value.values())
        made["all_texts"] = value in TEXTS
        return value is None or value in TEXTS
    if name in ("parse_dates", "index_col", "compression", "dialect", "squeeze"):
        return value in (None, False) or (name == "parse_dates" and value is True)
    return name == "skip_blank_lines" and value is True


def read_with_pandas(path: Path, options: Mapping[str, Any]) -> pl.DataFrame:
    """What pandas reads. Raises SourceError."""
    try:
        import pandas as pd  # type: ignore[import-untyped]
    except ImportError:
        raise SourceError(
            f"{path}: reading with {', '.join(options)} takes pandas: pip install 'gramex-twisted[pandas]'"
        ) from None
    import inspect

    known = inspect.signature(pd.read_csv).parameters
    unknown = [name for name in options if name not in known]
    if unknown:
        raise SourceError(f"{path}: {unknown[0]}: no such option of a CSV file")
    given = {name: value for name, value in options.items() if name != "sep" or "delimiter" not in options}
    try:
        return from_pandas(pd.read_csv(path, **given))
    except (ValueError, TypeError, LookupError, OSError) as error:  # ParserError is a ValueError
        said = " ".join(str(error).split())[:200]
        raise SourceError(f"{path}: {said}") from None
