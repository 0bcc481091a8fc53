"""Parquet and Arrow (Feather). Columns keep their types."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.changes.cells import Check
from gramex_twisted.data.changes.document import Changes, Document, Origin, changed, series_of, without
from gramex_twisted.data.errors import ReadOnly
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind

if TYPE_CHECKING:
    import polars as pl


class FrameDocument(Document):
    """A file of columns."""

    def __init__(self, origin: Origin) -> None:
        if "columns" in origin.options:
            raise ReadOnly(f"{origin.path}: cannot be written with the reader's option columns")
        self.raw = self._read(origin)
        super().__init__(origin)

    def _read(self, origin: Origin) -> pl.DataFrame:
        import polars as pl

        from gramex_twisted.data.framecolumns import dtype_of

        if origin.content is None:
            return pl.DataFrame(schema={field.name: dtype_of(field.kind) for field in origin.schema.fields})
        file = io.BytesIO(origin.content)
        return pl.read_parquet(file) if origin.kind == "parquet" else pl.read_ipc(file)

    def checks(self) -> Mapping[str, Check]:
        """Values that the columns' types hold."""

        def fits(field: Field, dtype: Any, value: Any) -> Any:
            series_of([value], field, dtype)
            return value

        pairs = zip(self.schema.fields, self.raw.dtypes, strict=True)
        return {field.name: partial(fits, field, dtype) for field, dtype in pairs if field.kind is not Kind.OTHER}

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """See Document."""
        import polars as pl

        pairs = zip(self.schema.fields, self.raw.dtypes, strict=True)
        made = [series_of([row.get(field.name) for row in rows], field, d).alias(field.name) for field, d in pairs]
        self.raw = self.raw.vstack(pl.DataFrame(made))

    def set(self, changes: Changes) -> None:
        """See Document."""
        self.raw = changed(self.raw, changes, self.schema.fields)

    def drop(self, places: Sequence[int]) -> None:
        """See Document."""
        self.raw = without(self.raw, places)

    def dump(self) -> bytes:
        """See Document."""
        file = io.BytesIO()
        if self.origin.kind == "parquet":
            self.raw.write_parquet(file)
        else:
            self.raw.write_ipc(file)
        return file.getvalue()
