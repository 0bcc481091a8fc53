"""Compiles a Query with `by` to a SELECT. Imports SQLAlchemy: see `sqlkinds`.

Three selects in each other: the rows that pass, with what medians and deviations need from window functions; their
groups; and of those what passes, sorted. They are plain SQL, and the same for every database.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from gramex_twisted.data.query import Aggregate, Query, Term
from gramex_twisted.data.sqlflavours import Expression, Select
from gramex_twisted.data.sqlselect import Source, filtered, paged
from gramex_twisted.data.types import Kind


class Groups:
    """The groups of `query`."""

    def __init__(self, query: Query, source: Source) -> None:
        self.query = query
        self.source = source
        self.by = query.by or ()
        shown = [aggregate for _, aggregate in query.aggregates]
        sorts = [sort.term for sort in query.sort if isinstance(sort.term, Aggregate)]
        self.aggregates = tuple(dict.fromkeys([*shown, *(each.aggregate for each in query.having), *sorts]))

    def select(self) -> Select:
        """The groups to show: columns of `query.by`, then of `query.aggregates`."""
        groups = self.grouped().subquery("grouped")
        terms: list[Term] = [*self.by, *(aggregate for _, aggregate in self.query.aggregates)]
        shown = [groups.c[self.label(term)].label(f"o{place}") for place, term in enumerate(terms)]
        select = sa.select(*shown).where(*self.having(groups))
        for sort in self.query.order(self.source.schema):
            column = groups.c[self.label(sort.term)]
            select = select.order_by(*self.source.flavour.order(column, descending=sort.descending, nullable=True))
        return paged(select, self.query)

    def count(self) -> Select:
        """How many groups there are."""
        groups = self.grouped().subquery("grouped")
        return sa.select(sa.func.count()).select_from(groups).where(*self.having(groups))

    def having(self, groups: sa.Subquery) -> list[Expression]:
        """The conditions on aggregates."""
        conditions = []
        for having in self.query.having:
            field = having.aggregate.field("", self.source.schema)
            column = groups.c[self.label(having.aggregate)]
            conditions.append(self.source.condition(column, column, field, having.op, having.values))
        return conditions

    def label(self, term: Term) -> str:
        """What the column for `term` is called in `grouped`."""
        return f"a{self.aggregates.index(term)}" if isinstance(term, Aggregate) else f"b{self.by.index(term)}"

    def grouped(self) -> Select:
        """All groups, with all aggregates."""
        base = self.base().subquery("base")
        by = [base.c[self.label(name)] for name in self.by]
        if not self.aggregates:
            return sa.select(*by).distinct()
        return sa.select(*by, *(self.made(each, base).label(self.label(each)) for each in self.aggregates)).group_by(
            *by
        )

    def base(self) -> Select:
        """The rows that pass: columns to group by, columns to aggregate, and what that needs to know of a row."""
        by = [self.source.columns[name] for name in self.by]
        labelled = [column.label(self.label(name)) for column, name in zip(by, self.by, strict=True)]
        values = {each.column: self.value(each.column) for each in self.aggregates}
        named = [value.label(f"v{self.place(column)}") for column, value in values.items()]
        windows: dict[str, Expression] = {}
        for aggregate in self.aggregates:
            windows |= self.windows(aggregate, values[aggregate.column], by)
        return filtered(
            self.query, self.source, [*labelled, *named, *(each.label(name) for name, each in windows.items())]
        )

    def value(self, column: str) -> Expression:
        """What is aggregated of a column: booleans as numbers."""
        value = self.source.columns[column]
        return self.source.flavour.number(value) if self.source.schema.names[column].kind is Kind.BOOL else value

    def place(self, column: str) -> int:
        """The number of an aggregated column."""
        return list(dict.fromkeys(each.column for each in self.aggregates)).index(column)

    def windows(self, aggregate: Aggregate, value: Expression, by: Sequence[Expression]) -> dict[str, Expression]:
        """What `made` needs of each row: its rank and the number of values, the mean, its turn in the order."""
        place = self.place(aggregate.column)
        match aggregate.function:
            case "median":
                rank = sa.func.row_number().over(partition_by=by or None, order_by=[value.is_(None), value])
                return {f"r{place}": rank, f"n{place}": sa.func.count(value).over(partition_by=by or None)}
            case "std" | "var":
                double = self.source.flavour.double(value)
                return {f"m{place}": sa.func.avg(double).over(partition_by=by or None)}
            case "first" | "last":
                last = aggregate.function == "last"
                key = [self.source.columns[name] for name in self.source.schema.order]
                order = [value.is_(None), *(column.desc() if last else column.asc() for column in key)]
                turn = sa.func.row_number().over(partition_by=by or None, order_by=order)
                return {f"{'l' if last else 'f'}{place}": turn}
        return {}

    def made(self, aggregate: Aggregate, base: sa.Subquery) -> Expression:
        """The aggregate of a group of `base`."""
        flavour, place = self.source.flavour, self.place(aggregate.column)
        value, kind = base.c[f"v{place}"], self.source.schema.names[aggregate.column].kind
        match aggregate.function:
            case "sum" if kind in (Kind.INT, Kind.BOOL):
                return flavour.whole_sum(value)
            case "sum":
                return sa.func.coalesce(sa.func.sum(value), sa.literal_column("0.0"))
            case "avg":
                return sa.func.avg(flavour.double(value))
            case "count":
                return sa.func.count(value)
            case "nunique":
                return sa.func.count(sa.distinct(value))
            case "median":
                twice = base.c[f"r{place}"] * 2
                middle = twice.between(base.c[f"n{place}"], base.c[f"n{place}"] + 2)
                return sa.func.avg(sa.case((middle, flavour.double(value))))
            case "std" | "var":
                return self.variance(aggregate, base)
            case "first" | "last":
                turn = base.c[f"{'l' if aggregate.function == 'last' else 'f'}{place}"]
                found = sa.func.max(sa.case((turn == 1, value)))
                return flavour.flag(found) if kind is Kind.BOOL else found
        least = aggregate.function == "min"
        extreme: Expression = sa.func.min(value) if least else sa.func.max(value)
        return flavour.flag(extreme) if kind is Kind.BOOL else extreme

    def variance(self, aggregate: Aggregate, base: sa.Subquery) -> Expression:
        """From each value's distance to the mean: exact where values are large and close together."""
        flavour, place = self.source.flavour, self.place(aggregate.column)
        value = base.c[f"v{place}"]
        distance = flavour.double(value) - base.c[f"m{place}"]
        degrees = sa.func.nullif(sa.func.count(value) - 1, 0)
        variance = sa.func.sum(distance * distance) / flavour.double(degrees)
        return flavour.root(variance) if aggregate.function == "std" else variance
