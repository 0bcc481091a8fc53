"""A folder with files to be opened as sources."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.errors import DataError
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.sources import source_of
from gramex_twisted.data.sources.base import Shared, Source, Table
from gramex_twisted.data.sources.dataset import parse as parse_dataset
from tests.data.backends import arguments


class SourceCase(SynchronousTestCase):
    """Tests with a folder, and what sources share."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.shared = Shared(Memory(), Engines(timeout=30), self.folder)
        self.addCleanup(self.shared.engines.dispose)

    def write(self, name: str, content: str | bytes) -> Path:
        """A file, last changed long enough ago to be kept in memory."""
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.age(path)
        return path

    def age(self, path: Path) -> None:
        """Let a file have been changed a second ago, and each time at another moment."""
        self.moment = getattr(self, "moment", time.time_ns() - 10**9 * 1000) + 10**9
        os.utime(path, ns=(self.moment, self.moment))

    def source(self, url: str | None, **kwargs: Any) -> Source:
        """A source."""
        return source_of(parse_dataset({"url": url, **kwargs}), self.shared)

    def open(self, url: str, values: dict[str, list[str]] | None = None, **kwargs: Any) -> Table:
        """Its table, closed when the test ends."""
        table = self.source(url, **kwargs).open(values or {})
        self.addCleanup(table.close)
        return table

    def rows(self, url: str, asked: str = "", values: dict[str, list[str]] | None = None, **kwargs: Any) -> list[Any]:
        """The rows that `asked`, a query string, finds."""
        with closing(self.source(url, **kwargs).open(values or {})) as table:
            return [tuple(row) for row in table.run(parse(arguments(asked), table.schema)).rows]

    def kinds(self, url: str, **kwargs: Any) -> str:
        """The columns' kinds, as a line of names."""
        return " ".join(field.kind.name for field in self.open(url, **kwargs).schema.fields)

    def error(self, kind: type[DataError], url: str, **kwargs: Any) -> str:
        """What is said of a source that cannot be opened; without the folder."""
        values = kwargs.pop("values", None)
        found = self.assertRaises(kind, self.rows, url, "", values, **kwargs)
        return str(found).replace(f"{self.folder}/", "")
