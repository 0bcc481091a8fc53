"""Files and queries for user functions, read once and kept until they change, with the signatures of gramex.cache.

    import gramex_twisted.cache as cache

    data = cache.open("sales.csv")                      # a pandas DataFrame
    top = cache.open("sales.csv", "csv", transform=lambda data: data.nlargest(10, "sales"))
    cache.open_callback["shp"] = geopandas.read_file    # a type of file of your own

All functions block, and may be called from any thread. What they read is kept in `data.memory.process_memory()`, of
500 MB unless its `size` is set, where the least recently used goes first.
"""

from __future__ import annotations

import builtins
import inspect
import os
import secrets
import sys
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any

from gramex_twisted import durable
from gramex_twisted.data.identity import Same, Unknown, identity
from gramex_twisted.data.memory import Memory, process_memory
from gramex_twisted.data.openers import CALLBACKS, opener

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["open", "open_callback", "opener", "query", "save", "stat"]

open_callback: dict[str, Callable[..., Any]] = CALLBACKS
"""type -> what reads it: function(path, **kwargs). Add your own when your module is imported."""
SAVERS = {
    "json": "to_json",
    "csv": "to_csv",
    "xlsx": "to_excel",
    "hdf": "to_hdf",
    "h5": "to_hdf",
    "html": "to_html",
    "stata": "to_stata",
    "dta": "to_stata",
}
YOUNG = 20_000_000
"""Nanoseconds in which a file may change twice and have one time."""


def open(
    path: str,
    callback: str | Callable[..., Any] | None = None,
    transform: Any = None,
    rel: bool = False,
    **kwargs: Any,
) -> Any:
    """What `callback` makes of the file `path`: the object that it made the first time, until the file changes.

    `callback` is a key of `open_callback`, such as csv, xlsx, json, yaml, template or text, or a function of a path;
    None: what the name of the file ends with. `kwargs` are given to it. `rel`: `path` is relative to the folder of the
    file that calls, and not to the current one.

    `transform` is a function of what was read, whose result is kept instead. Two transforms are the same if they have
    the same code, defaults, globals and values that they close over: so one that closes over `handler.args["x"][0]`
    has a result for each x. One that closes over, or is bound to, an object that may belong to a request, such as
    `handler` itself, is called each time, on data of its own. Anything else than a function names a copy of the data.

    Raises TypeError for a type that is not known, and what the callback and the transform raise.
    """
    status = bool(kwargs.pop("_reload_status", False))
    path = os.path.join(_caller_folder(), path) if rel else path
    read = _reader(path, callback)
    loads: list[bool] = []

    def load() -> Any:
        loads.append(True)
        found = read(path, **kwargs)
        return transform(found) if callable(transform) else found

    stamp = stat(path)
    try:
        known = identity(callback) if callable(callback) else Same(read)
        key = ("open", os.path.abspath(path), known, identity(transform), identity(kwargs))
    except Unknown:
        result = load()
    else:
        result = load() if stamp == (None, None) else _kept(key, path, load)
    return (result, bool(loads)) if status else result


def save(
    data: Any, url: str, rel: bool = False, callback: str | Callable[..., Any] | None = None, **kwargs: Any
) -> Any:
    """Write a pandas DataFrame to the file `url`, all of it or nothing.

    `callback` is csv, json, xlsx, hdf, html, stata or parquet, or a function of (data, url, **kwargs), which
    writes as it likes; None: what the name ends with. Of `kwargs` those that pandas knows are used.
    Raises TypeError for other types.
    """
    if callable(callback):
        return callback(data, url, **kwargs)
    kind = callback if callback is not None else os.path.splitext(url)[1][1:]
    if kind not in SAVERS and kind != "parquet":
        raise TypeError(f"cache.save: {kind!r} is none of {', '.join(SAVERS)}, parquet")
    target = Path(os.path.join(_caller_folder(), url) if rel else url)
    if kind == "parquet":
        from gramex_twisted.data.frames import to_polars

        return _replace(target, to_polars(data).write_parquet)
    write = getattr(data, SAVERS[kind])
    known = inspect.signature(write).parameters
    if kind in ("hdf", "h5"):
        kwargs.setdefault("key", "data")
    else:
        kwargs = {name: value for name, value in kwargs.items() if name in known}
    return _replace(target, lambda path: write(path, **kwargs))


def query(
    sql: Any,
    engine: sa.Engine,
    state: str | Callable[[], Any] | Sequence[str] | None = None,
    **kwargs: Any,
) -> Any:
    """What pandas.read_sql(sql, engine, **kwargs) returns: the same DataFrame while `state` is the same.

    `state` is a query whose result, a function whose value, or a list of tables whose changes tell that; None: the
    query is run each time. Raises TypeError for another `state`, DataError for a table that is not there.
    """
    import pandas as pd  # type: ignore[import-untyped]

    status = bool(kwargs.pop("_reload_status", False))
    if state is not None and not callable(state) and not isinstance(state, str | list | tuple):
        raise TypeError(f"cache.query: state must be a query, a function or a list of tables, not {state!r}")
    runs: list[bool] = []

    def run() -> Any:
        runs.append(True)
        return pd.read_sql(sql, engine, **kwargs)

    stamp = _state(state, engine)
    try:
        key = ("query", str(sql), engine.url.render_as_string(hide_password=False), identity(kwargs))
    except Unknown:
        stamp = None
    result = run() if stamp is None else process_memory().get(key, stamp, run, lambda made: size_of(made, 0))
    return (result, bool(runs)) if status else result


def stat(path: str) -> tuple[float, int] | tuple[None, None]:
    """When a file was changed, in seconds since 1970, and its size in bytes; (None, None) where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None, None
    return found.st_mtime, found.st_size


def size_of(value: Any, size: int) -> int:
    """About how many bytes `value` takes, which was read from `size` bytes."""
    usage = getattr(value, "memory_usage", None)
    if callable(usage):
        used = usage(deep=True)
        return int(used.sum()) if hasattr(used, "sum") else int(used)
    if isinstance(value, str | bytes):
        return sys.getsizeof(value)
    return sys.getsizeof(value) + 10 * size


def _kept(key: Hashable, path: str, load: Callable[[], Any]) -> Any:
    """What `load` makes of the file as it is now, from memory if it is there."""
    memory: Memory = process_memory()
    for _ in range(5):
        found = os.stat(path)
        stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
        result = memory.get(key, stamp, load, partial(size_of, size=found.st_size))
        after = os.stat(path)
        if (after.st_mtime_ns, after.st_size, after.st_ino) == stamp:
            if abs(time_ns() - found.st_mtime_ns) < YOUNG:  # it may change again, and look the same
                memory.forget(key)
            return result
        memory.forget(key)
    return result


def _reader(path: str, callback: Any) -> Callable[..., Any]:
    """What reads the file. Raises TypeError."""
    if callable(callback):
        made: Callable[..., Any] = callback
        return made
    if callback is not None and not isinstance(callback, str):
        raise TypeError(f"cache.open: callback must be a type or a function, not {callback!r}")
    kind = os.path.splitext(path)[1][1:] if callback is None else callback
    known = open_callback.get(kind)
    if known is None:
        what = f"{path} is of no known type" if callback is None else f"no type {callback!r}"
        raise TypeError(f"cache.open: {what}; there is {', '.join(open_callback)}")
    return known


def _caller_folder() -> str:
    """The folder of the file that called `open` or `save`; for a template that of the template."""
    frame = sys._getframe(2)
    name = frame.f_code.co_filename
    if name.endswith(".generated.py"):
        file = getattr(frame.f_globals.get("handler"), "file", None)
        if file:
            return os.path.dirname(os.path.abspath(str(file)))
    return os.path.dirname(os.path.abspath(name))


def _state(state: Any, engine: sa.Engine) -> Hashable | None:
    if state is None:
        return None
    from gramex_twisted.data.sources.states import state_of

    if callable(state):
        return repr(state())
    with engine.connect() as connection:
        return state_of(state, connection)


def _replace(target: Path, write: Callable[[str], Any]) -> None:
    """Have `write` write a file beside `target`, which then takes its place for good."""
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(8)}{target.suffix}")
    try:
        write(os.fspath(temporary))
        with builtins.open(temporary, "rb") as file:
            if target.exists():
                os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    durable.sync_folder(target.absolute().parent)
