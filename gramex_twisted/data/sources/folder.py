"""A folder as a table: a row for each file and folder below it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

from gramex_twisted.data.errors import SourceError, TooSlow
from gramex_twisted.data.sources.base import Frame, Shared, Values, frame_of
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.sources.fill import fill

COLUMNS = ("type", "dir", "name", "path", "size", "mtime", "level")
TIMEOUT = 10.0
"""Seconds that listing may take, unless `timeout:` says otherwise."""


class FolderSource:
    """A folder, listed for each request."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def path(self, values: Values) -> Path:
        """The folder. Raises QueryError."""
        return folder_path(fill(self.dataset.url or "", values), self.shared.root)

    def open(self, values: Values) -> Frame:
        """See Source."""
        import polars as pl

        path = self.path(values)
        rows = list(listed(path, self.dataset.options.get("timeout", TIMEOUT)))
        kinds = dict(
            zip(COLUMNS, (pl.String, pl.String, pl.String, pl.String, pl.Int64, pl.Float64, pl.Int64), strict=True)
        )
        return frame_of(pl.DataFrame(rows, schema=kinds, orient="row"))


def folder_path(url: str, root: Path) -> Path:
    """The folder of a path, or of a URL such as dir:///relative or dir:////absolute."""
    for start in ("dir:///", "dir://", "dir:"):
        if url.startswith(start):
            url = url.removeprefix(start)
            break
    return Path(root, url)


def listed(top: Path, timeout: float | None) -> Iterator[tuple[Any, ...]]:
    """What is below `top`, folder by folder in the order of names. `mtime` is in seconds since 1970.

    Links to folders are listed, not followed. What vanishes meanwhile is left out. Raises SourceError, TooSlow.
    """
    if not top.is_dir():
        raise SourceError(f"no folder {top}")
    deadline = None if timeout is None else monotonic() + timeout
    for folder, folders, files in os.walk(top, onerror=_raise):
        if deadline is not None and monotonic() > deadline:
            raise TooSlow(f"{top}: listing it takes more than {timeout} seconds")
        folders.sort()
        inside = os.path.relpath(folder, top).replace(os.sep, "/")
        place = "/" if inside == "." else f"/{inside}/"
        for name in [*folders, *sorted(files)]:
            path = os.path.join(folder, name)
            try:
                found = os.stat(path)
            except OSError:  # removed since, or a link to nothing
                continue
            kind = "dir" if name in folders else os.path.splitext(name)[1]
            shown = [text.encode("utf-8", "replace").decode() for text in (kind, place, name, path)]
            yield *shown, found.st_size, found.st_mtime, place.count("/")


def _raise(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise SourceError(f"{error.filename}: {error.strerror}") from error
