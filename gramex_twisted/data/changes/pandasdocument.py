"""A DataFrame of pandas, which is changed where it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.changes.document import Changes, Document, Origin
from gramex_twisted.data.frame import table_of
from gramex_twisted.data.frames import from_pandas

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]


class PandasDocument(Document):
    """Its columns are those of the frame, without its index."""

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame.index.is_unique:  # labels could not tell rows apart
            frame.reset_index(drop=True, inplace=True)
        table = table_of(from_pandas(frame.reset_index(drop=True)))
        super().__init__(Origin(Path("DataFrame"), "pandas", {}, b"", table.schema, table))
        self.data = frame

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Document. Labels of numbers go on; other frames are numbered anew."""
        if self.data.index.dtype.kind not in "iu":
            self.data.reset_index(drop=True, inplace=True)
        label = int(self.data.index.max()) + 1 if len(self.data) else 0
        for name in self.data.columns:
            if any(row.get(str(name)) is None for row in rows):
                self._hold_nothing(name)
        for place, row in enumerate(rows):
            self.data.loc[label + place] = [row.get(str(name)) for name in self.data.columns]

    def set(self, changes: Changes) -> None:
        """See Document."""
        names = [str(name) for name in self.data.columns]
        for places, cells in changes:
            for name, value in cells.items():
                column = names.index(name)
                if value is None:
                    self._hold_nothing(self.data.columns[column])
                self.data.iloc[list(places), column] = value

    def _hold_nothing(self, name: Any) -> None:
        """Have a column be one that knows nulls: NaN among numbers, None among others."""
        kind = getattr(self.data[name].dtype, "kind", "O")
        if kind in "iu":
            self.data[name] = self.data[name].astype(float)
        elif kind == "b":
            self.data[name] = self.data[name].astype(object)

    def drop(self, places: Sequence[int]) -> None:
        """See Document."""
        self.data.drop(index=self.data.index[list(places)], inplace=True)

    def dump(self) -> bytes:
        """See Document: it is in no file."""
        raise NotImplementedError
