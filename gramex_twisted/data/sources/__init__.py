"""Where tables come from: files, folders, servers, databases and functions, each a `base.Source`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gramex_twisted.data.sources import databases, files, folder, functions, queries, web
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
