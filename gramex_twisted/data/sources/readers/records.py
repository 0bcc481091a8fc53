"""JSON, lines of JSON, and YAML: lists of records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import yaml

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.frames import to_polars
from gramex_twisted.data.sources.readers import troubles

if TYPE_CHECKING:
    import polars as pl

DEEPEST = 100
"""Lists and mappings within each other."""
MOST_VALUES = 20_000_000
"""Values of a document of YAML."""


def read_json(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """A list of objects; or an object of columns: lists, or objects by index; or pandas' `split`."""
    if options.pop("lines", False):
        return read_jsonl(path, options)
    text = _text(path, options)
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise SourceError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    _check_nesting(path, found, text)
    return frame_of(path, found)


def read_jsonl(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """An object a line."""
    rows: list[Any] = []
    if not path.stat().st_size:  # without rows there is no other way to write it
        return frame_of(path, rows)
    text = _text(path, options)
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                rows.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise SourceError(f"{path}:{number}: not JSON: {error.msg}") from None
            if not isinstance(rows[-1], dict):
                raise SourceError(f"{path}:{number}: not an object")
    _check_nesting(path, rows, text)
    return frame_of(path, rows)


def read_yaml(path: Path, options: dict[str, Any]) -> pl.DataFrame:
    """A list of mappings, or a mapping of columns."""
    text = _text(path, options)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if sum(map(text.count, (b"[", b"{", b"- ", b"? "))) > DEEPEST:
            _check_depth(path, text, loader)
        found = yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise SourceError(f"{path}:{line}: not YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: not YAML: {str(error).splitlines()[0]}") from None
    try:
        weigh(found, {}, path)
    except RecursionError:
        raise SourceError(f"{path}: values are nested too deep") from None
    return frame_of(path, found)


def _check_depth(path: Path, text: bytes, loader: Any) -> None:
    """Raises SourceError where the constructor, which is written in C and calls itself, would crash."""
    depth = 0
    for event in yaml.parse(text, loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise SourceError(f"{path}: more than {DEEPEST} lists and mappings within each other")


def _check_nesting(path: Path, found: Any, text: bytes) -> None:
    """Raises SourceError for JSON so deep that polars would take forever."""
    if text.count(b"{") + text.count(b"[") > (len(found) if isinstance(found, list) else 0) + DEEPEST:
        _descend(path, [found], 0)


def _descend(path: Path, value: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise SourceError(f"{path}: more than {DEEPEST} lists and objects within each other")
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            _descend(path, each, depth + 1)


def weigh(value: Any, known: dict[int, int | None], path: Path) -> int:
    """How many values `value` holds, counted as often as YAML's aliases name them.

    Raises SourceError where one holds itself, or where they are very many: polars would crash, or fill the memory.
    """
    if not isinstance(value, dict | list):
        return 1
    if id(value) in known:
        found = known[id(value)]
        if found is None:
            raise SourceError(f"{path}: a value holds itself")
        return found
    if len(known) > MOST_VALUES:
        raise SourceError(f"{path}: has more than {MOST_VALUES} lists and records")
    known[id(value)] = None
    inner = value.values() if isinstance(value, dict) else value
    found = known[id(value)] = 1 + sum(weigh(each, known, path) for each in inner)
    if found > MOST_VALUES:
        raise SourceError(f"{path}: has more than {MOST_VALUES} values, as its aliases name them")
    return found


def frame_of(path: Path, found: Any) -> pl.DataFrame:
    """The frame that a document is. Raises SourceError where it is none."""
    import polars as pl

    if isinstance(found, Mapping) and set(found) >= {"columns", "data"} and set(found) <= {"columns", "data", "index"}:
        found = [dict(zip(map(str, found["columns"]), row, strict=False)) for row in found["data"]]
    elif isinstance(found, Mapping) and found and all(isinstance(value, Mapping) for value in found.values()):
        index = dict.fromkeys(key for column in found.values() for key in column)
        found = [{name: column.get(key) for name, column in found.items()} for key in index]
    elif isinstance(found, Mapping) and found and all(isinstance(value, list) for value in found.values()):
        if len({len(value) for value in found.values()}) > 1:
            raise SourceError(f"{path}: its columns differ in length")
        found = [dict(zip(found, row, strict=True)) for row in zip(*found.values(), strict=True)]
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise SourceError(f"{path}: not a list of records, but {_described(found)}")
    try:
        return to_polars([{str(name): value for name, value in row.items()} for row in found])
    except (pl.exceptions.PolarsError, TypeError, OverflowError) as error:
        raise SourceError(f"{path}: {' '.join(str(error).split())[:200]}") from None


def _described(found: Any) -> str:
    if isinstance(found, list):
        odd = next(place for place, row in enumerate(found) if not isinstance(row, Mapping))
        return f"a list whose item {odd} is {type(found[odd]).__name__}"
    return "nothing" if found is None else type(found).__name__


def _text(path: Path, options: dict[str, Any]) -> bytes:
    """The file, in UTF-8. `options` may only have an encoding."""
    encoding = str(options.pop("encoding", None) or "utf-8")
    for name in ("orient", "convert_dates", "dtype"):
        options.pop(name, None)
    if options:
        raise SourceError(f"{path}: {next(iter(options))}: no such option")
    troubles.check_text(path)
    return troubles.decoded(path, encoding).encode()
