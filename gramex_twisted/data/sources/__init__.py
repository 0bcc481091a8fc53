"""Where tables come from: files, folders, servers, databases and functions, each a `base.Source`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from gramex_twisted.data.engines import IMPORTING
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources import databases, files, folder, functions, queries, readers, web
from gramex_twisted.data.sources.base import Shared, Source
from gramex_twisted.data.sources.dataset import Dataset


def source_of(dataset: Dataset, shared: Shared, function: Callable[[], Any] | None = None) -> Source:
    """The source that `dataset` describes; `function` makes the data of one without a URL. Opens nothing.

    Raises ValueError where neither is there.
    """
    if dataset.url is None:
        if function is None:
            raise ValueError("url: needed, or a function that makes the data")
        return functions.FunctionSource(dataset, function)
    if dataset.is_database:
        if dataset.query or dataset.queryfile:
            return queries.QuerySource(dataset, shared)
        return databases.TableSource(dataset, shared)
    if dataset.scheme in ("http", "https"):
        return web.WebSource(dataset, shared)
    if dataset.scheme == "dir" or (not dataset.ext and Path(shared.root, dataset.url).is_dir()):
        return folder.FolderSource(dataset, shared)
    return files.FileSource(dataset, shared)


def preload(dataset: Dataset) -> None:
    """Import what reading `dataset` takes, so that no request waits for it. Reading tells what is missing."""
    if dataset.is_database:
        with suppress(ImportError), IMPORTING:
            importlib.import_module("sqlalchemy")
            importlib.import_module("gramex_twisted.data.connecting")
            importlib.import_module("gramex_twisted.data.sqlselect")
        return
    with suppress(ImportError, SourceError):
        importlib.import_module("polars")
        importlib.import_module("gramex_twisted.data.framegroups")
        if dataset.url is not None and dataset.scheme not in ("dir", "http", "https"):
            readers.load(readers.kind_of(dataset.url, dataset.ext))
