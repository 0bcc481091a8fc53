"""A file that is being changed: what all kinds of them have in common. polars is imported when rows must be found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from gramex_twisted.data.arguments import CONTROLS, HANDLED
from gramex_twisted.data.changes.cells import Check, Columns
from gramex_twisted.data.changes.change import Change, Insert, Operation
from gramex_twisted.data.changes.plan import Filters, plan_of
from gramex_twisted.data.query import Op
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, QueryError

if TYPE_CHECKING:
    import polars as pl

    from gramex_twisted.data.frame import FrameTable


Changes: TypeAlias = "Sequence[tuple[Sequence[int], Mapping[str, Any]]]"
"""Places of rows, and the new values of some of their columns."""
FEW = 5
"""From how many rows on it is quicker to look each up than to compare all with each."""


@dataclass(frozen=True)
class Origin:
    """What a document is made of."""

    path: Path
    kind: str
    """What its reader is called."""
    options: Mapping[str, Any]
    content: bytes | None
    """None: there is no file yet."""
    schema: Schema
    table: FrameTable | None = field(default=None, compare=False)
    """What is read of `content`."""


class Document:
    """The rows of a file, to be changed and written."""

    def __init__(self, origin: Origin) -> None:
        """Raises ReadOnly for what cannot be written as it is read."""
        self.origin = origin
        self.schema = origin.schema
        self.columns = Columns(origin.schema, False, self.checks())
        self.changed = origin.content is None
        self._frame: pl.DataFrame | None = None
        self._late: list[dict[str, Any]] = []

    # --- what each kind of file does

    def checks(self) -> Mapping[str, Check]:
        """What is asked of values beyond their kinds."""
        return {}

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows."""
        raise NotImplementedError

    def set(self, changes: Changes) -> None:
        """Change cells of rows."""
        raise NotImplementedError

    def drop(self, places: Sequence[int]) -> None:
        """Remove the rows at `places`, which ascend."""
        raise NotImplementedError

    def dump(self) -> bytes:
        """The file."""
        raise NotImplementedError

    # --- what all do

    def apply(self, operation: Operation) -> Change:
        """Do it. Where this raises QueryError, nothing has been changed."""
        plan = plan_of(operation, self.columns)
        found = self.find([filters for filters, _ in plan.updates])
        changes = [(places, cells) for places, (_, cells) in zip(found, plan.updates, strict=True) if places]
        if changes:
            self.set(changes)
            self._frame = changed(self.frame(), changes, self.schema.fields)
        gone = sorted({place for places in self.find(plan.deletes) for place in places})
        if gone:
            self.drop(gone)
            self._frame = without(self.frame(), gone)
        count = len(plan.inserts) + sum(map(len, found)) + len(gone)
        if plan.inserts:
            self.append(plan.inserts)
            self._late += plan.inserts
        self.changed = self.changed or count > 0
        named = [{name: row.get(name) for name in operation.key if name in row} for row in plan.inserts]
        return Change(count, [row for row in named if row], **plan.meta(self.schema))

    def find(self, many: Sequence[Filters]) -> list[list[int]]:
        """For each of `many` the places, in their order, of the rows that pass all of its filters."""
        if not all(many):
            raise QueryError(self.origin.path.name, "", "nothing says which rows are meant")
        columns = {tuple(filter_.column for filter_ in filters) for filters in many}
        single = all(f.op is Op.IN and len(f.values) == 1 for filters in many for f in filters)
        if len(many) < FEW or len(columns) > 1 or not single:
            return [self._passing(filters) for filters in many]
        names = list(self.schema.names)
        found: dict[Any, list[int]] = {}
        keys = self.frame().select(f"c{names.index(column)}" for column in next(iter(columns)))
        for place, row in enumerate(keys.iter_rows()):
            found.setdefault(row, []).append(place)
        return [found.get(tuple(_held(f.values[0]) for f in filters), []) for filters in many]

    def _passing(self, filters: Filters) -> list[int]:
        from gramex_twisted.data.frame import FrameTable
        from gramex_twisted.data.framecolumns import compare

        frame = self.frame()
        columns = FrameTable(frame.lazy(), self.schema).columns
        names = self.schema.names
        passing = reduce(and_, (compare(columns[f.column], names[f.column], f.op, f.values) for f in filters))
        found: list[int] = frame.select(passing.fill_null(False).alias("c")).to_series().arg_true().to_list()
        return found

    def frame(self) -> pl.DataFrame:
        """The rows as they are now, in the form of a FrameTable."""
        import polars as pl

        if self._frame is None:
            if self.origin.table is not None:
                self._frame = self.origin.table.frame.collect()
            else:
                from gramex_twisted.data.framecolumns import dtype_of

                fields = self.schema.fields
                self._frame = pl.DataFrame(schema={f"c{place}": dtype_of(f.kind) for place, f in enumerate(fields)})
        if self._late:
            late, self._late = self._late, []
            made = [
                series_of([row.get(field.name) for row in late], field, self._frame.dtypes[place]).alias(f"c{place}")
                for place, field in enumerate(self.schema.fields)
            ]
            self._frame = self._frame.vstack(pl.DataFrame(made))
        return self._frame


def changed(frame: pl.DataFrame, changes: Changes, fields: Sequence[Field]) -> pl.DataFrame:
    """`frame`, whose columns are `fields`, with new values in rows."""
    import polars as pl

    columns = list(frame.get_columns())
    for place, field_ in enumerate(fields):
        values = {row: cells[field_.name] for rows, cells in changes if field_.name in cells for row in rows}
        if values:
            late = series_of(list(values.values()), field_, columns[place].dtype)
            columns[place] = columns[place].clone().scatter(list(values), late)
    return pl.DataFrame(columns)


def _held(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def without(frame: pl.DataFrame, places: Sequence[int]) -> pl.DataFrame:
    """`frame` without the rows at `places`."""
    import polars as pl

    gone = pl.Series([False]).new_from_index(0, frame.height).scatter(list(places), True)
    return frame.filter(~gone)


def series_of(values: Sequence[Any], field_: Field, dtype: Any) -> pl.Series:
    """Values of the field's kind as polars has them in a column of `dtype`. Raises ValueError where they do not fit."""
    import polars as pl

    from gramex_twisted.data.framecolumns import dtype_of

    if field_.kind is Kind.OTHER:
        return pl.Series([None] * len(values), dtype=dtype)
    try:
        if isinstance(dtype, pl.Decimal):
            return pl.Series(values, dtype=dtype, strict=True)
        plain = [float(value) if isinstance(value, Decimal) else value for value in values]
        return pl.Series(plain, dtype=dtype_of(field_.kind), strict=True).cast(dtype, strict=True)
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        raise ValueError(f"does not fit {dtype}") from None


def schema_for(operation: Insert) -> Schema:
    """The columns of a file that is made for rows: kinds by JSON's values, texts otherwise."""
    names = dict.fromkeys(name for row in operation.rows for name in row)
    known = [name for name in names if name not in HANDLED | CONTROLS]
    if not known:
        raise QueryError("", "", "no columns, so no file is made")
    kinds = {name: _kind([row.get(name) for row in operation.rows]) for name in known}
    return Schema(tuple(Field(name, kind) for name, kind in kinds.items()), positions=True)


def _kind(values: Sequence[Any]) -> Kind:
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return Kind.BOOL
    if types == {int}:
        return Kind.INT
    return Kind.FLOAT if types and types <= {int, float} else Kind.TEXT
