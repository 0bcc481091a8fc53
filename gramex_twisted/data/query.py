"""What is asked of a table, whatever holds it: a Query, which `frame` and `sql` compile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from gramex_twisted.data.regex import Pattern
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, Value

LIMIT = 10_000
"""Rows of an answer, unless `_limit` says otherwise."""


class Op(StrEnum):
    """An operator, by what stands between the column's name and the `=` of the URL."""

    IN = ""
    """Any of the values; without values: not null."""
    NOT_IN = "!"
    """None of the values, or null; without values: null."""
    ABOVE = ">"
    FROM = ">~"
    BELOW = "<"
    TO = "<~"
    MATCH = "~"
    NOT_MATCH = "!~"
    MATCH_CASELESS = "*"
    NOT_MATCH_CASELESS = "!*"

    @property
    def is_regex(self) -> bool:
        """Whether its values are Patterns."""
        return self.value[-1:] in ("~", "*") and self.value not in (">~", "<~")

    @property
    def keeps_null(self) -> bool:
        """Whether null passes: it does where something is denied."""
        return self.value.startswith("!")


Operand: TypeAlias = Value | Pattern
Ignored: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]

FUNCTIONS: Mapping[str, str] = {
    **{
        name: name for name in ("sum", "avg", "min", "max", "count", "median", "std", "var", "nunique", "first", "last")
    },
    "mean": "avg",
    "average": "avg",
}
"""Names of aggregates -> which they are."""
SLACK = 4e-15
"""How much of itself a sum or mean of floats may be off, by the order in which a backend added."""
COMPUTED = ("avg", "median", "std", "var")
"""Aggregates that are numbers with a fraction whatever they are made of."""


@dataclass(frozen=True)
class Filter:
    """Rows where `column` `op` `values`. Order comparisons have one value, regular expressions Patterns."""

    column: str
    op: Op
    values: tuple[Operand, ...] = ()


@dataclass(frozen=True)
class Aggregate:
    """`function`, one of FUNCTIONS' values, of the column's values in a group, nulls left out.

    `std` and `var` are of a sample (one value: null), `sum` of none is 0, `first` and `last` go by the rows' order.
    """

    column: str
    function: str

    def field(self, name: str, schema: Schema) -> Field:
        """The column of the result that it makes."""
        source = schema.field(self.column)
        floats = source.kind in (Kind.FLOAT, Kind.DECIMAL)
        if self.function in ("count", "nunique"):
            return Field(name, Kind.INT, nullable=False)
        if self.function == "sum":
            return Field(name, Kind.FLOAT if floats else Kind.INT, nullable=False, rounded=True)
        if self.function in COMPUTED:
            return Field(name, Kind.FLOAT, rounded=True)
        return Field(name, source.kind)


Term: TypeAlias = str | Aggregate
"""What groups are sorted by, and filtered by: one of their columns, or an aggregate."""


@dataclass(frozen=True)
class Having:
    """Groups whose `aggregate` `op` `values`."""

    aggregate: Aggregate
    op: Op
    values: tuple[Operand, ...] = ()


@dataclass(frozen=True)
class Sort:
    """By a column (or POSITION), or of groups also by an aggregate; nulls are last in both directions."""

    term: Term
    descending: bool = False


@dataclass(frozen=True)
class Query:
    """One question. Everything in it names known columns and has values of their kinds."""

    columns: tuple[str, ...] = ()
    """The columns to show, where `by` is None."""
    filters: tuple[Filter, ...] = ()
    by: tuple[str, ...] | None = None
    """The columns to group by; () makes one group of all rows, None makes none."""
    aggregates: tuple[tuple[str, Aggregate], ...] = ()
    """What to show of each group after the columns of `by`: (name in the result, aggregate)."""
    having: tuple[Having, ...] = ()
    sort: tuple[Sort, ...] = ()
    limit: int | None = None
    """Rows at most; None: all."""
    offset: int = 0
    after: tuple[Value | None, ...] | None = None
    """What the row before this page has in the columns of `order`."""
    meta: bool = False
    """Whether `_meta` asks for headers."""
    ignored: Ignored = ()
    """(argument, values) that name nothing known."""
    excluded: tuple[str, ...] = ()

    def outputs(self, schema: Schema) -> tuple[Field, ...]:
        """The columns of the result. Where there are none, neither are rows."""
        if self.by is None:
            return schema.select(self.columns)
        return (*schema.select(self.by), *(aggregate.field(name, schema) for name, aggregate in self.aggregates))

    def order(self, schema: Schema) -> tuple[Sort, ...]:
        """`sort`, and what decides between equal rows: their order in the table, or the columns of the group."""
        rest = schema.order if self.by is None else self.by
        known = {sort.term for sort in self.sort}
        return (*self.sort, *(Sort(name) for name in rest if name not in known))

    def meta_of(self, schema: Schema, count: int | None = None) -> dict[str, Any]:
        """What the FH-headers say, as JSON-able values; `count` is the number of rows without `limit`, if known."""
        names = {aggregate: name for name, aggregate in reversed(self.aggregates)}

        def name_of(term: Term) -> str:
            return term if isinstance(term, str) else names.get(term, f"{term.column}|{term.function}")

        conditions = [(f.column, f.op, f.values) for f in self.filters]
        conditions += [(name_of(h.aggregate), h.op, h.values) for h in self.having]
        meta: dict[str, Any] = {
            "filters": [[column, op.value, [_plain(value) for value in values]] for column, op, values in conditions],
            "ignored": [[name, list(values)] for name, values in self.ignored],
            "excluded": list(self.excluded),
            "sort": [[name_of(sort.term), not sort.descending] for sort in self.sort],
            "offset": self.offset,
            "limit": self.limit,
        }
        if count is not None:
            meta["count"] = count
        if self.by is not None:
            meta["by"] = list(self.by)
        return meta


def around(value: Value) -> tuple[float, float]:
    """From where to where numbers that are rounded to 15 digits may be meant to be `value`."""
    number = float(value)  # type: ignore[arg-type] # a number, as aggregates that are rounded are
    slack = abs(number) * SLACK
    return number - slack, number + slack


def threshold(field: Field, op: Op, value: Value) -> Value:
    """What to compare `field` with by `op`, an order comparison, to find what is `op` `value`."""
    if not field.is_inexact:
        return value
    low, high = around(value)
    return high if op in (Op.ABOVE, Op.TO) else low


def _plain(value: Operand) -> bool | int | float | str:
    return value if isinstance(value, bool | int | float) else str(value)
