"""`gramex.data`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gramex_twisted.compat.missing import refuse
from gramex_twisted.data.engines import process_engines
from gramex_twisted.data.formats.download import download
from gramex_twisted.data.library import alter, delete, filter, filtercols, insert, update

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = [
    "alter",
    "create_engine",
    "delete",
    "dirstat",
    "download",
    "filter",
    "filtercols",
    "get_engine",
    "get_table",
    "insert",
    "operators",
    "update",
]
__path__: list[str] = []
__getattr__ = refuse("gramex.data")

operators = ["!", ">", ">~", "<", "<~", "!~", "~", "!*", "*"]
"""What a filter's name ends with."""


def create_engine(url: str, create: Any = None, **kwargs: Any) -> sa.Engine:
    """The process's one engine for ``url`` and ``kwargs``; or what ``create(url, **kwargs)`` makes."""
    return process_engines().get(str(url), **kwargs) if create is None else create(url, **kwargs)


def get_table(engine: sa.Engine, table: str, **kwargs: Any) -> sa.Table:
    """The table ``name`` or ``schema.name`` as the database describes it. Raises SQLAlchemy's NoSuchTableError."""
    import sqlalchemy as sa

    schema, _, name = table.rpartition(".")
    if schema:
        kwargs["schema"] = schema
    return sa.Table(name, sa.MetaData(), autoload_with=engine, **kwargs)


def get_engine(url: Any) -> str:
    """What ``url`` is: dataframe, file, dir, sqlalchemy, or the scheme of another URL."""
    if hasattr(url, "columns"):
        return "dataframe"
    text = str(url)
    scheme = urlsplit(text).scheme if "://" in text or text.startswith(("dir:", "file:")) else ""
    if not scheme:
        return "dir" if os.path.isdir(text) else "file"
    try:
        import sqlalchemy as sa

        sa.engine.make_url(text).get_dialect()
    except (ImportError, sa.exc.ArgumentError):
        return scheme
    return "sqlalchemy"


def dirstat(url: str, timeout: float | None = 10, **kwargs: Any) -> Any:
    """A DataFrame of all files and folders below the folder ``url``: path, dir, name, type, size, mtime, level.

    It is not complete after ``timeout`` seconds. Raises OSError where there is no such folder.
    """
    import pandas as pd  # type: ignore[import-untyped]

    root = os.path.normpath(url[7:] if url.startswith("dir:///") else url.removeprefix("dir:"))
    if not os.path.isdir(root):
        raise OSError(f"dirstat: {root} is not a folder")
    rows, began = [], time.monotonic()
    for folder, folders, files in os.walk(root):
        if timeout and time.monotonic() - began > timeout:
            break
        inside = f"{folder[len(root) :].replace(os.sep, '/')}/"
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            found = os.stat(path, follow_symlinks=os.path.exists(path))
            kind = "dir" if name in folders else os.path.splitext(name)[1]
            rows.append((path, inside, name, kind, found.st_size, found.st_mtime, inside.count("/")))
    return pd.DataFrame(rows, columns=["path", "dir", "name", "type", "size", "mtime", "level"])
