"""Where tables come from: files, folders, servers, databases and functions, each a `base.Source`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gramex_twisted.data.sources.base import Shared, Source
from gramex_twisted.data.sources.dataset import Dataset


def source_of(dataset: Dataset, shared: Shared, function: Callable[..., Any] | None = None) -> Source:
    """The source that `dataset` describes; `function` makes the data of one without a URL. Opens nothing.

    Raises ValueError where neither is there.
    """
    from gramex_twisted.data.sources import databases, files

    if dataset.url is None:
        raise ValueError("url: needed")
    if dataset.is_database:
        return databases.TableSource(dataset, shared)
    return files.FileSource(dataset, shared)
