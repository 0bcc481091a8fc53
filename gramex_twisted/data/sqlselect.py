"""Compiles a Query to a SELECT. Imports SQLAlchemy: see `sqlkinds`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import sqlalchemy as sa

from gramex_twisted.data import cursor
from gramex_twisted.data.query import Filter, Op, Operand, Query, around, threshold
from gramex_twisted.data.regex import Pattern
from gramex_twisted.data.schema import POSITION, Field, Schema
from gramex_twisted.data.sqlflavours import RAW, Expression, Select, flavour_of
from gramex_twisted.data.types import Kind, QueryError, Value

ROWIDS = ("rowid", "_rowid_", "oid")


class Source:
    """A table of one database, in the words of its dialect."""

    def __init__(self, clause: sa.FromClause, schema: Schema, dialect: sa.Dialect) -> None:
        self.clause = clause
        self.schema = schema
        self.flavour = flavour_of(dialect)

    @cached_property
    def raw(self) -> dict[str, Expression]:
        """The columns by name, as they are."""
        return {str(column.name): column for column in self.clause.columns}

    @cached_property
    def columns(self) -> dict[str, Expression]:
        """The columns by name, in their canonical form."""
        named = {field.name: self.flavour.column(self.raw[field.name], field) for field in self.schema.fields}
        if self.schema.positions and not self.schema.key:
            free = next(name for name in ROWIDS if name not in {known.lower() for known in self.raw})
            named[POSITION] = sa.literal_column(free, RAW)
        return named

    def where(self, filter_: Filter) -> Expression:
        """The condition that `filter_` is."""
        field = self.schema.names[filter_.column]
        return self.condition(self.raw[field.name], self.columns[field.name], field, filter_.op, filter_.values)

    def condition(
        self, raw: Expression, column: Expression, field: Field, op: Op, values: Sequence[Operand]
    ) -> Expression:
        """`column`, the canonical form of `raw`, `op` `values`."""
        if not values:
            return column.is_not(None) if op is Op.IN else column.is_(None)
        if op.is_regex:
            found = sa.or_(*(self.search(raw, column, field, op, v) for v in values if isinstance(v, Pattern)))
        else:
            plain = [value for value in values if not isinstance(value, Pattern)]
            if op not in (Op.IN, Op.NOT_IN):
                found = self.compare(column, op, threshold(field, op, plain[0]), field.kind)
                hint = None if raw is column else self.flavour.hint(raw, field, op, plain[0])
                return found if hint is None else sa.and_(hint, found)
            if field.is_inexact:
                found = sa.or_(*(self.near(column, value) for value in plain))
            else:
                found = self.flavour.among(raw, column, field, plain)
        return sa.or_(sa.not_(found), column.is_(None)) if op.keeps_null else found

    def search(self, raw: Expression, column: Expression, field: Field, op: Op, pattern: Pattern) -> Expression:
        """Whether `column` has a match of `pattern`. Raises QueryError."""
        if pattern.literal is not None:
            return self.flavour.contains(raw, column, pattern.literal)
        try:
            return self.flavour.matches(column, pattern)
        except ValueError as error:
            raise QueryError(f"{field.name}{op}", str(pattern), f"the regular expression {error}") from None

    def near(self, column: Expression, value: Value) -> Expression:
        """Whether a sum or mean of floats is `value`."""
        low, high = (self.flavour.literal(edge, Kind.FLOAT) for edge in around(value))
        return column.between(low, high)

    def compare(self, column: Expression, op: Op, value: Value, kind: Kind) -> Expression:
        """An order comparison."""
        other = self.flavour.literal(value, kind)
        if op is Op.ABOVE:
            return column > other
        if op is Op.FROM:
            return column >= other
        return column < other if op is Op.BELOW else column <= other

    def beyond(self, terms: Sequence[tuple[Field, bool, Value | None]]) -> Expression:
        """The rows after the one that has these values, where `terms` (column, descending, value) sort them."""
        condition: Expression = sa.false()
        for field, descending, value in reversed(terms):
            column = self.columns[field.name]
            if value is None:
                condition = sa.and_(column.is_(None), condition)
                continue
            other = self.flavour.literal(value, field.kind)
            past = column < other if descending else column > other
            same = sa.and_(column == other, condition)
            if field.nullable:
                condition = sa.or_(past, column.is_(None), same)
            else:  # the first of the two is what an index can find
                condition = sa.and_(column <= other if descending else column >= other, sa.or_(past, same))
        return condition

    def order(self, field: Field, descending: bool) -> list[Expression]:
        """What sorts by a column."""
        return self.flavour.order(self.columns[field.name], descending=descending, nullable=field.nullable)


def rows(query: Query, source: Source) -> Select:
    """The rows to show: columns of `query.columns`, then those of its order that are not among them."""
    order = query.order(source.schema)
    sorts = cursor.fields(order, source.schema)
    flags = [sort.descending for sort in order]
    names = dict.fromkeys([*query.columns, *(field.name for field in sorts)])
    select = filtered(query, source, [source.columns[name].label(f"o{place}") for place, name in enumerate(names)])
    by = [each for field, flag in zip(sorts, flags, strict=True) for each in source.order(field, flag)]
    if query.after is None:
        return paged(select.order_by(*by), query)
    select = select.where(source.beyond(list(zip(sorts, flags, query.after, strict=True))))
    whole = not sorts[0].nullable or query.after[0] is None or query.limit is None
    if whole or not source.flavour.splits_pages:
        return paged(select.order_by(*by), query)
    return _in_two(select, query, source, list(names))


def _in_two(select: Select, query: Query, source: Source, names: Sequence[str]) -> Select:
    """A page after another by a column that may be null: its values and its nulls apart, so that both use its index."""
    order = query.order(source.schema)
    first, *rest = cursor.fields(order, source.schema)
    flags = [sort.descending for sort in order]
    tail = [each for field, flag in zip(rest, flags[1:], strict=True) for each in source.order(field, flag)]
    column = source.columns[first.name]
    bound = (query.after or ())[0]
    edge = source.compare(column, Op.TO if flags[0] else Op.FROM, bound, first.kind)  # type: ignore[arg-type]
    known = select.where(edge).order_by(*source.order(replace(first, nullable=False), flags[0]), *tail)
    unknown = select.where(column.is_(None)).order_by(*tail)
    parts = [sa.select(part.limit(query.limit).subquery()) for part in (known, unknown)]
    both = sa.union_all(*parts).subquery("both")
    by: list[Expression] = []
    for field, flag in zip((first, *rest), flags, strict=True):
        made = both.c[f"o{names.index(field.name)}"]
        by += source.flavour.order(made, descending=flag, nullable=field.nullable)
    return paged(sa.select(*both.c).order_by(*by), query)


def filtered(query: Query, source: Source, columns: Sequence[Expression]) -> Select:
    """`columns` of the rows that pass."""
    return sa.select(*columns).select_from(source.clause).where(*map(source.where, query.filters))


def paged(select: Select, query: Query) -> Select:
    """`select` with the limit and the offset of `query`."""
    if query.limit is not None:
        select = select.limit(query.limit)
    return select.offset(query.offset) if query.offset else select
