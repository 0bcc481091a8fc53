"""A file, read once and kept in Memory until it changes."""

from __future__ import annotations

import os
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources.base import Frame, Shared, Values
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.sources.fill import fill
from gramex_twisted.data.sources.readers import kind_of, read

if TYPE_CHECKING:
    from gramex_twisted.data.frame import FrameTable

ATTEMPTS = 5
"""How often a file is read that is replaced while it is read."""


class FileSource:
    """A file."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def path(self, values: Values) -> Path:
        """The file. Raises QueryError."""
        url = fill(self.dataset.url or "", values)
        return Path(self.shared.root, url.removeprefix("file://") if self.dataset.scheme == "file" else url)

    def open(self, values: Values) -> Frame:
        """See Source."""
        path = self.path(values)
        options = dict(self.dataset.options)
        if self.dataset.table is not None:
            options["table"] = fill(self.dataset.table, values)
        kind = kind_of(path.name, self.dataset.ext)
        key = ("file", os.fspath(path), kind, repr(sorted(options.items())))
        return load(key, path, kind, options, self.shared)


def load(key: Hashable, path: Path, kind: str, options: dict[str, Any], shared: Shared) -> Frame:
    """The frame that is in the file as it is now."""
    from gramex_twisted.data.frame import table_of

    for _ in range(ATTEMPTS):
        stamp = stamp_of(path)

        def make() -> FrameTable:
            return table_of(read(path, kind, options))

        try:
            table = shared.memory.get(key, stamp, make, size_of)
        except SourceError:
            if stamp_of(path) == stamp:
                raise
            continue
        if stamp_of(path) == stamp:
            return Frame(table, stamp)
        shared.memory.forget(key)
    raise SourceError(f"{path.name} changes all the time")


def stamp_of(path: Path) -> tuple[int, int, int]:
    """What is different when a file has other content. Raises SourceError where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise SourceError(f"no file {path}") from None
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from None
    return found.st_mtime_ns, found.st_size, found.st_ino


def size_of(table: FrameTable) -> int:
    """Bytes of a frame."""
    return int(table.frame.collect().estimated_size())
