"""What a Query means, in plain Python and no haste: what both compilers are compared with.

It shares the parsing of arguments with them, and nothing after that. Patterns are Python's own, for those that mean the
same there.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable, Sequence
from functools import cmp_to_key
from math import isnan
from typing import Any

from gramex_twisted.data.query import Aggregate, Op, Operand, Query, Term
from gramex_twisted.data.regex import Pattern
from tests.data.backends import Data

Record = dict[str, Any]


def answer(query: Query, data: Data) -> list[Record]:
    """The records that `query` asks of `data`."""
    rows = [row for row in records(data) if all(passes(row[f.column], f.op, f.values) for f in query.filters)]
    found = plain(query, rows) if query.by is None else groups(query, rows)
    end = None if query.limit is None else query.offset + query.limit
    return found[query.offset : end]


def records(data: Data) -> list[Record]:
    """The rows of `data`; what is no number is null."""
    return [dict(zip(data.names, map(cell, row), strict=True)) for row in data.rows]


def cell(value: Any) -> Any:
    """A value as it is queried."""
    return None if isinstance(value, float) and isnan(value) else value


def plain(query: Query, rows: list[Record]) -> list[Record]:
    """Rows, sorted; none where nothing of them is shown."""
    if not query.columns:
        return []
    rows = ordered(rows, [(lambda row, term=sort.term: row[term], sort.descending) for sort in query.sort])
    return [{name: row[name] for name in query.columns} for row in rows]


def groups(query: Query, rows: list[Record]) -> list[Record]:
    """Groups, sorted."""
    by = query.by or ()
    made: dict[tuple[Any, ...], list[Record]] = {} if by else {(): rows}
    if by:
        for row in rows:
            made.setdefault(tuple(row[name] for name in by), []).append(row)
    members = [(dict(zip(by, key, strict=True)), group) for key, group in made.items()]

    def value(group: tuple[Record, list[Record]], term: Term) -> Any:
        return group[0][term] if isinstance(term, str) else aggregated(term, group[1])

    passing = [g for g in members if all(passes(value(g, h.aggregate), h.op, h.values) for h in query.having)]
    terms = [(sort.term, sort.descending) for sort in query.sort] + [(name, False) for name in by]
    sorts = [(lambda group, term=term: value(group, term), descending) for term, descending in terms]
    shown = [
        key | {name: aggregated(aggregate, group) for name, aggregate in query.aggregates}
        for key, group in ordered(passing, sorts)
    ]
    return shown if by or query.aggregates else []


def aggregated(aggregate: Aggregate, rows: list[Record]) -> Any:
    """An aggregate of a group."""
    values = [row[aggregate.column] for row in rows if row[aggregate.column] is not None]
    if aggregate.function in ("count", "nunique"):
        return len(values) if aggregate.function == "count" else len(set(values))
    if aggregate.function == "sum":
        return sum(values)
    if not values or (len(values) == 1 and aggregate.function in ("std", "var")):
        return None
    functions: dict[str, Callable[[list[Any]], Any]] = {
        "avg": statistics.fmean,
        "median": lambda numbers: float(statistics.median(numbers)),
        "std": lambda numbers: statistics.stdev(map(float, numbers)),
        "var": lambda numbers: statistics.variance(map(float, numbers)),
        "min": min,
        "max": max,
        "first": lambda all_: all_[0],
        "last": lambda all_: all_[-1],
    }
    return functions[aggregate.function](values)


def passes(value: Any, op: Op, values: Sequence[Operand]) -> bool:
    """Whether `value` `op` `values`."""
    if not values:
        return (value is None) == (op is Op.NOT_IN)
    if value is None:
        return op.value.startswith("!")
    if op is Op.IN or op is Op.NOT_IN:
        return (value in values) == (op is Op.IN)
    if op.value.endswith(("~", "*")) and op not in (Op.FROM, Op.TO):
        return any(matches(value, each) for each in values if isinstance(each, Pattern)) != op.value.startswith("!")
    [other] = values
    comparisons = {Op.ABOVE: value > other, Op.FROM: value >= other, Op.BELOW: value < other, Op.TO: value <= other}
    return bool(comparisons[op])


def matches(value: str, pattern: Pattern) -> bool:
    """By Python's engine."""
    flags = re.IGNORECASE if pattern.ignore_case else re.NOFLAG
    return re.search(pattern.source.replace("$", r"\Z"), value, flags) is not None


def ordered(items: list[Any], sorts: Sequence[tuple[Callable[[Any], Any], bool]]) -> list[Any]:
    """Stably sorted, nulls last in both directions."""

    def compare(one: Any, other: Any) -> int:
        for key, descending in sorts:
            a, b = key(one), key(other)
            if a == b:
                continue
            if a is None or b is None:
                return 1 if a is None else -1
            return (1 if a > b else -1) * (-1 if descending else 1)
        return 0

    return sorted(items, key=cmp_to_key(compare))
