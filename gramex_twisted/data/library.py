"""Tables for user functions, with the signatures of gramex.data: what FormHandler does, without a request.

    from gramex_twisted import data

    top = data.filter("sales.csv", args={"city": ["Oslo"], "_sort": ["-sales"], "_limit": ["10"]})

All functions block. Frames are those of pandas. Relative paths are relative to the current folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.distinct import LIMIT, parse_distinct
from gramex_twisted.data.engines import process_engines
from gramex_twisted.data.frames import is_pandas, to_pandas
from gramex_twisted.data.identity import Unknown, identity
from gramex_twisted.data.memory import process_memory
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result
from gramex_twisted.data.sources import dataset as datasets
from gramex_twisted.data.sources import source_of
from gramex_twisted.data.sources.base import Frame, Shared, Source, Table
from gramex_twisted.data.sources.functions import FrameSource
from gramex_twisted.data.types import QueryError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.changes import Operation
    from gramex_twisted.data.frame import FrameResult, FrameTable

Arguments = dict[str, list[str]]
ENGINES = (None, "dataframe", "file", "dir", "http", "https", "sqlalchemy")


def filter(
    url: Any,
    args: Mapping[str, Any] = {},
    meta: dict[str, Any] | None = None,
    engine: str | None = None,
    table: str | None = None,
    ext: str | None = None,
    id: Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
    query: str | None = None,
    queryfile: str | None = None,
    transform: Callable[..., Any] | None = None,
    transform_kwargs: Mapping[str, Any] | None = {},
    argstype: Mapping[str, Any] = {},
    **kwargs: Any,
) -> Any:
    """The rows of a table that `args` asks for, which are the arguments of a URL: name -> list of values.

    `url` is a frame of pandas or polars, the path or http URL of a file, a folder, or the URL of a database, with
    `table`, `query` or `queryfile`, whose `{name}` and `:name` are filled in from `args`. `kwargs` are options of the
    file's reader or of the database's engine. `transform` is a function of all of the data as a pandas DataFrame, which
    is filtered then. `meta` is updated with what the FH- headers say. Without `_limit` there are all rows.

    Raises QueryError, a ValueError, for what `args` says, ValueError for other arguments, and DataError.
    """
    given = _named(locals())
    texts = texts_of(args)
    with closing(_opened(given, kwargs, texts)) as found:
        asked = parse(texts, found.schema, limit=None)
        result = found.run(asked)
        count = found.count(asked) if isinstance(found, Frame) else None
    _tell(meta, **_meta(asked, found, count))
    return _pandas(result)


def filtercols(
    url: Any,
    args: Mapping[str, Any] = {},
    meta: dict[str, Any] | None = None,
    engine: str | None = None,
    ext: str | None = None,
    query: str | None = None,
    queryfile: str | None = None,
    transform: Callable[..., Any] | None = None,
    transform_kwargs: Mapping[str, Any] | None = {},
    separator: str = ",",
    in_memory: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """For each `_c` of `args` a DataFrame of its different values, under the filters on other columns.

    `_c=city`, `_c=country,city`, `_c=sales|min`, `_c=sales|range`. The other arguments are as for `filter`; `in_memory`
    changes nothing.
    """
    given = {**_named(locals()), "id": None, "columns": None, "argstype": {}, "table": kwargs.pop("table", None)}
    texts = texts_of(args)
    with closing(_opened(given, kwargs, texts)) as found:
        questions = parse_distinct(texts, found.schema, separator=separator)
        for asked in questions.values():
            _tell(meta, **_meta(asked, found, None))
        _tell(meta, limit=next((asked.limit for asked in questions.values() if asked.limit is not None), LIMIT))
        return {name: _pandas(found.run(asked)) for name, asked in questions.items()}


def insert(url: Any, args: Mapping[str, Any] = {}, meta: dict[str, Any] | None = None, **kwargs: Any) -> int:
    """Add rows: one, or as many as the longest list of `args` has. Returns how many; `meta` has their keys.

    The other arguments are as for `filter`. A missing file or table is made; a DataFrame of pandas is changed where it
    is. Raises QueryError, DataError.
    """
    from gramex_twisted.data import changes

    source, key, texts = _changed(url, args, kwargs)
    if not texts:
        raise ValueError("insert: args are empty")
    return _done(url, changes.Insert(source, changes.rows_of(texts), texts, key), meta)


def update(url: Any, args: Mapping[str, Any] = {}, meta: dict[str, Any] | None = None, **kwargs: Any) -> int:
    """Set the columns of `args` in the rows whose `id` columns are as `args` says. Returns how many rows there were."""
    from gramex_twisted.data import changes

    source, key, texts = _changed(url, args, kwargs)
    return _done(url, changes.Update(source, texts, texts, key), meta)


def delete(url: Any, args: Mapping[str, Any] = {}, meta: dict[str, Any] | None = None, **kwargs: Any) -> int:
    """Delete the rows that pass the filters `args`, which must have the `id` columns. Returns how many there were."""
    from gramex_twisted.data import changes

    source, key, texts = _changed(url, args, kwargs)
    return _done(url, changes.Delete(source, texts, texts, key), meta)


def alter(url: str, table: str, columns: Mapping[str, Any] | None = None, **kwargs: Any) -> sa.Engine:
    """Make a database's table have `columns`: name -> type, or {type, default, nullable, primary_key, autoincrement}.

    Returns the engine. Raises ValueError for what `columns` says, DataError.
    """
    from gramex_twisted.data import changes
    from gramex_twisted.data.sources.databases import engine_of

    dataset = datasets.parse({**kwargs, "url": url, "table": table, "columns": columns or {}})
    changes.prepare(source_of(dataset, _shared()))
    return engine_of(dataset, _shared(), {}, create=True)


def texts_of(args: Mapping[str, Any]) -> Arguments:
    """Arguments as a URL has them: lists of text. None is left out."""
    made: Arguments = {}
    for name, values in args.items():
        several = values if isinstance(values, list | tuple | set | frozenset) else [values]
        made[str(name)] = [value if isinstance(value, str) else _text(value) for value in several if value is not None]
    return made


def _text(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)


def _named(given: dict[str, Any]) -> dict[str, Any]:
    """What `filter` was called with, but its arguments and options."""
    return {name: value for name, value in given.items() if name not in ("args", "meta", "kwargs")}


def _source(given: Mapping[str, Any], kwargs: dict[str, Any]) -> Source:
    """What `url` and the arguments beside it describe. Raises ValueError."""
    url, engine = given["url"], given["engine"]
    if engine not in ENGINES:
        raise ValueError(f"engine: {engine!r} is none of {', '.join(map(str, ENGINES[1:]))}")
    keys = ("table", "ext", "id", "columns", "query", "queryfile", "argstype")
    known = {key: given.get(key) for key in keys if given.get(key)}
    if not isinstance(url, str | os.PathLike):
        return FrameSource(datasets.Dataset(options=kwargs), url)
    url = os.fspath(url)
    if kwargs.pop("rel", False):
        url = os.path.join(_caller_folder(), url)
    if engine in ("file", "dir"):
        url = f"{engine}:{os.path.abspath(url)}" if "://" not in url else url
    return source_of(datasets.parse({**kwargs, **known, "url": url}), _shared())


def _opened(given: Mapping[str, Any], kwargs: dict[str, Any], texts: Arguments) -> Table:
    """The table, transformed."""
    source = _source(given, kwargs)
    if source.dataset.columns and source.dataset.is_database:
        from gramex_twisted.data import changes

        changes.prepare(source)
    found = source.open(texts)
    transform = given["transform"]
    if not callable(transform):
        return found
    options = dict(given["transform_kwargs"] or {})
    with closing(found):
        return _transformed(found, source, transform, options)


def _transformed(found: Table, source: Source, transform: Callable[..., Any], options: dict[str, Any]) -> Table:
    """What `transform` makes of all of the data: kept, where it and the data are what they were."""

    def make() -> Frame:
        made = found.transformed(lambda frame: transform(to_pandas(frame), **options))
        assert isinstance(made, Frame)
        return made

    def size_of(made: Frame) -> int:
        from gramex_twisted.data.sources.files import size_of

        table: FrameTable = made.table
        return size_of(table)

    if found.version is None:
        return make()
    try:
        key = ("transformed", identity(vars(source.dataset)), identity(transform), identity(options))
    except Unknown:
        return make()
    return process_memory().get(key, found.version, make, size_of)


def _changed(url: Any, args: Mapping[str, Any], kwargs: dict[str, Any]) -> tuple[Source, tuple[str, ...], Arguments]:
    """What is changed, by which columns its rows are told, and the arguments."""
    if not isinstance(url, str | os.PathLike):
        if not is_pandas(url) or url.ndim != 2:
            raise ValueError(f"url: files, databases and pandas DataFrames can be changed, not {type(url).__name__}")
        key = kwargs.pop("id", None) or ()
        return FrameSource(datasets.Dataset(), url), (key,) if isinstance(key, str) else tuple(key), texts_of(args)
    names = ("engine", "table", "ext", "id", "columns", "query", "queryfile", "argstype")
    given = {name: kwargs.pop(name, None) for name in names}
    for name in ("transform", "transform_kwargs"):
        kwargs.pop(name, None)
    source = _source({**given, "url": url}, kwargs)
    return source, source.dataset.id, texts_of(args)


def _tell(meta: dict[str, Any] | None, **found: Any) -> None:
    if meta is not None:
        meta.update(found)


def _done(url: Any, operation: Operation, meta: dict[str, Any] | None) -> int:
    """Do it."""
    from gramex_twisted.data import changes

    if is_pandas(url):
        from gramex_twisted.data.changes.pandasdocument import PandasDocument

        change = PandasDocument(url).apply(operation)
    else:
        [change] = changes.apply_many([operation])
    _tell(meta, filters=change.filters, ignored=change.ignored, inserted=change.inserted)
    return change.count


def _meta(asked: Query, found: Table, count: int | None) -> dict[str, Any]:
    return {"by": [], **asked.meta_of(found.schema, count)}


def _pandas(result: FrameResult | Result) -> Any:
    if not isinstance(result, Result):
        return to_pandas(result.frame)
    from gramex_twisted.data.schema import Schema
    from gramex_twisted.data.sources.sqlframes import frame_of_rows

    return to_pandas(frame_of_rows(result.names, result.rows, Schema(result.fields)))


def _caller_folder() -> str:
    """The folder of the file that called a function of this module."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return os.path.dirname(os.path.abspath(frame.f_code.co_filename))


@cache
def _shared_in(root: Path) -> Shared:
    return Shared(process_memory(), process_engines(), root)


def _shared() -> Shared:
    return _shared_in(Path.cwd())


__all__ = ["QueryError", "alter", "delete", "filter", "filtercols", "insert", "update"]
