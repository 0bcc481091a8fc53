"""Tables that sign-in only reads: files of any kind that FormHandler reads, kept in memory until they change.

Everything here blocks: call it in a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.data.errors import DataError, SourceError
from gramex_twisted.data.sources.base import Frame, Source
from gramex_twisted.data.sources.dataset import parse
from gramex_twisted.data.sources.files import file_path
from gramex_twisted.data.sources.readers import kind_of
from gramex_twisted.data.types import QueryError
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.base import Setup
from gramex_twisted.services.datasets import Datasets

if TYPE_CHECKING:
    import polars as pl

log = Logger()

Row = dict[str, Any]
TEXTS = ("csv", "tsv")
"""Files without types: what is in them stays text, so that 007 is not 7."""


def file_table(setup: Setup, kwargs: Mapping[str, Any], *keys: str, texts: Sequence[str] = ()) -> FileTable:
    """The table in the file that `kwargs`, those of a FormHandler at the kwarg `keys`, name.

    :param texts: columns whose numbers are texts.
    :raises ConfigError: when it is not there, or of a kind that cannot be read.
    """
    url = str(kwargs["url"])
    try:
        dataset = parse(kwargs)
        path = file_path(url, setup.services.root)
        kind = kind_of(path.name, dataset.ext)
        if kind in TEXTS:
            dataset = parse({"dtype": "str", **kwargs})
        source = setup.services.part(Datasets).source(dataset)
    except (SourceError, ValueError) as error:
        raise setup.error(str(error).removeprefix("url: "), *keys, "url") from None
    if not path.is_file():
        raise setup.error(f"no file {url}", *keys, "url")
    return FileTable(path, source, texts)


class FileTable:
    """The rows of a file; empty cells are None. Dates and times are texts, as JSON has them."""

    def __init__(self, path: Path, source: Source, texts: Sequence[str] = ()) -> None:
        self.name = path.name
        self.source = source
        self.texts = texts

    def find(self, column: str, value: str, fold: bool = False) -> list[Row]:
        """The first two rows whose ``column`` is ``value``.

        :param fold: whatever the case of letters.
        :raises HTTPError: 500 when there is no such column, or the file cannot be read.
        """
        frame = self._frame()
        for name in (column, *self.texts):
            if name not in frame.columns:
                raise HTTPError(500, f"{self.name} has no column {name}")
        wanted = value.casefold() if fold else value
        texts = ((place, text_of(cell)) for place, cell in enumerate(frame[column]) if cell is not None)
        places = [place for place, text in texts if (text.casefold() if fold else text) == wanted]
        return self._rows(frame[places[:2]])

    def all(self) -> list[Row]:
        """Every row.

        :raises HTTPError: 500 when the file cannot be read.
        """
        return self._rows(self._frame())

    def _rows(self, frame: pl.DataFrame) -> list[Row]:
        rows = [{name: _kept(value) for name, value in row.items()} for row in frame.to_dicts()]
        for row in rows:
            row.update({name: text_of(row[name]) for name in self.texts if row[name] is not None})
        return rows

    def _frame(self) -> pl.DataFrame:
        try:
            table = self.source.open({})
            if not isinstance(table, Frame):  # a folder has taken the file's place
                raise SourceError(f"{self.name} is no file")
            return table.frame()
        except (DataError, QueryError) as error:
            log.error("sign-in: {error}", error=error)
            raise HTTPError(500, f"{self.name} cannot be read") from None


def text_of(value: Any) -> str:
    """A cell as people type it: workbooks have 7.0 where they show 7."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _kept(value: Any) -> Any:
    return None if value == "" or isinstance(value, bytes) else plain(value)


def plain(value: Any) -> Any:
    """``value`` as JSON has it."""
    if isinstance(value, dict):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
