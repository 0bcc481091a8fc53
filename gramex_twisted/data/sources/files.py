"""A file, read once and kept in Memory until it changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, TypeVar

from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Row
from gramex_twisted.data.sources.base import BATCH, Frame, Shared, Values
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.sources.fill import fill
from gramex_twisted.data.sources.readers import kind_of, read

if TYPE_CHECKING:
    import polars as pl

    from gramex_twisted.data.frame import FrameResult, FrameTable

T = TypeVar("T")
Stamp = tuple[int, int, int]

ATTEMPTS = 5
"""How often a file is read that is replaced while it is read."""
YOUNG = 20_000_000
"""Nanoseconds in which a file may change twice and have one time: file systems count in such steps."""
LARGEST: Mapping[str, float] = {"json": 1, "parquet": 1, "xlsx": 1 / 4, "html": 1 / 4, "yaml": 1 / 10}
"""How many times the size of Memory a file may have that is read whole: some need many times their bytes. Else 4."""
LAZY = ("parquet",)


class FileSource:
    """A file."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def path(self, values: Values) -> Path:
        """The file. Raises QueryError."""
        return file_path(fill(self.dataset.url or "", values), self.shared.root)

    def options(self, values: Values) -> dict[str, Any]:
        """The reader's options. Raises QueryError."""
        options = dict(self.dataset.options)
        if self.dataset.table is not None:
            options["table"] = fill(self.dataset.table, values)
        return options

    def open(self, values: Values) -> Frame:
        """See Source."""
        path = self.path(values)
        return load(path, kind_of(path.name, self.dataset.ext), self.options(values), self.shared)


def file_path(url: str, root: Path) -> Path:
    """The path of a file, or of a URL such as file:///absolute."""
    if url.startswith("file:"):
        url = url.removeprefix("file:")
        url = url.removeprefix("//") if url.startswith("///") else url
    return Path(root, url)


def load(path: Path, kind: str, options: Mapping[str, Any], shared: Shared) -> Frame:
    """The frame that is in a file as it is now. Raises SourceError."""
    key = ("file", os.fspath(path), kind, repr(sorted(options.items())))
    for _ in range(ATTEMPTS):
        stamp = stamp_of(path)
        try:
            table = shared.memory.get(key, stamp, maker(path, kind, options, shared.memory.size), size_of)
        except SourceError:
            if stamp_of(path) == stamp:
                raise
            continue
        if stamp_of(path) != stamp:
            shared.memory.forget(key)
        elif abs(time_ns() - stamp[0]) < YOUNG:  # it may change again, and look the same
            shared.memory.forget(key)
            return Frame(table)
        else:
            return Frame(table, stamp) if table.height is not None else ScannedFrame(table, stamp, path)
    raise SourceError(f"{path} changes all the time")


def maker(path: Path, kind: str, options: Mapping[str, Any], size: int) -> Callable[[], FrameTable]:
    """What reads a file, where `size` bytes are there to keep frames."""

    def make() -> FrameTable:
        from gramex_twisted.data.frame import table_of

        if kind not in LAZY:
            check_size(path, kind, size)
        return table_of(read(path, kind, options))

    return make


def check_size(path: Path, kind: str, size: int) -> None:
    """Raise SourceError for a file of more bytes than may be read whole, where Memory has `size`."""
    most = int(LARGEST.get(kind, 4) * size)
    if path.stat().st_size > most:
        raise SourceError(
            f"{path} has more bytes than can be read into memory ({most:,}): "
            "make it a Parquet file or a database, or the cache larger"
        )


def stamp_of(path: Path) -> Stamp:
    """What is different when a file has other content. Raises SourceError where there is none."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise SourceError(f"no file {path}") from None
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not path.is_file():
        raise SourceError(f"{path} is no file")
    return found.st_mtime_ns, found.st_size, found.st_ino


def size_of(table: FrameTable) -> int:
    """Bytes of a frame; few where it is left in its file."""
    return int(table.frame.collect().estimated_size()) if table.height is not None else 1000


class ScannedFrame(Frame):
    """A large file that is left where it is: queries read what they need of it."""

    def __init__(self, table: FrameTable, stamp: Stamp, path: Path) -> None:
        super().__init__(table, stamp)
        self.path = path

    def frame(self) -> pl.DataFrame:
        """See Frame."""
        return self._read(super().frame)

    def run(self, query: Query) -> FrameResult:
        """See Table. Raises SourceError also where the file has been replaced since it was opened."""
        return self._read(lambda: Frame.run(self, query))

    def count(self, query: Query) -> int:
        """See Table."""
        return self._read(lambda: Frame.count(self, query))

    def batches(self, query: Query, size: int = BATCH) -> Iterator[list[Row]]:
        """See Table."""
        return super().batches(query, size)

    def _read(self, ask: Callable[[], T]) -> T:
        import polars as pl

        try:
            found = ask()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceError(f"{self.path}: {' '.join(str(error).split())[:200]}") from None
        if stamp_of(self.path) != self.version:
            raise SourceError(f"{self.path} has been replaced: ask again")
        return found
