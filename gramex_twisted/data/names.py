"""What the keys of arguments name: columns, aggregates and operators, and the dataset that they are for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gramex_twisted.data.query import FUNCTIONS, Aggregate, Op, Term
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind, QueryError

OPERATORS = sorted(Op, key=lambda op: len(op.value))


@dataclass(frozen=True)
class Bounds:
    """How much one query may ask for. More is refused."""

    filters: int = 100
    values: int = 2000
    """Of all filters together."""
    columns: int = 1000
    """In `_c`."""
    terms: int = 20
    """In `_sort`, and in `_by`."""


def condition(key: str, schema: Schema) -> tuple[Term, Op] | None:
    """What `key` compares, and how; None if it names no known column.

    The longest name wins: with columns `a` and `a>`, the key `a>~` is the column `a>` and `~`.
    """
    readings = [(key[: len(key) - len(op.value)], op) for op in OPERATORS if key.endswith(op.value)]
    for name, op in readings:
        if name in schema.names:
            return name, op
    found = [(name.rpartition("|"), op) for name, op in readings if "|" in name]
    found = [reading for reading in found if reading[0][0] in schema.names]
    for (column, _, function), op in found:
        if function.lower() in FUNCTIONS:
            return Aggregate(column, FUNCTIONS[function.lower()]), op
    for (column, _, function), _ in found[-1:]:
        raise _unknown(column, function)
    return None


def term(text: str, schema: Schema) -> Term | None:
    """The column or aggregate that `text` names."""
    return text if text in schema.names else aggregate_of(text, schema)


def aggregate_of(text: str, schema: Schema) -> Aggregate | None:
    """The aggregate that `text`, like `sales|sum`, names; None if there is no such column. Raises QueryError."""
    column, bar, function = text.rpartition("|")
    if not bar or column not in schema.names:
        return None
    if function.lower() not in FUNCTIONS:
        raise _unknown(column, function)
    return Aggregate(column, FUNCTIONS[function.lower()])


def _unknown(column: str, function: str) -> QueryError:
    return QueryError(f"{column}|", function, f"no aggregate; there are {' '.join(FUNCTIONS)}")


def check(aggregate: Aggregate, argument: str, text: str, schema: Schema) -> None:
    """Raise QueryError for an aggregate that the column's kind does not have."""
    kind, function = schema.names[aggregate.column].kind, aggregate.function
    sums = function in ("sum", "avg", "median", "std", "var")
    if (sums and not (kind.is_number or kind is Kind.BOOL)) or (kind is Kind.OTHER and function != "count"):
        raise QueryError(argument, text, f"column {aggregate.column} is {kind.value} and has no {function}")
    if function in ("first", "last") and not schema.order:
        raise QueryError(argument, text, f"the table has no primary key, so no row is the {function}")


def without_namespaces(
    args: Mapping[str, Sequence[str]], schema: Schema, dataset: str, datasets: Collection[str]
) -> dict[str, Sequence[str]]:
    """The arguments for `dataset`: `dataset:key` as `key`, which comes before a plain `key`, and those for all."""
    own: dict[str, Sequence[str]] = {}
    for key, texts in args.items():
        prefix, colon, rest = key.partition(":")
        if not colon or prefix not in datasets or condition(key, schema):
            own.setdefault(key, texts)
        elif prefix == dataset:
            own[rest] = texts
    return own


class Reader:
    """Reads arguments of a table; `ignored` collects what names nothing."""

    def __init__(self, args: Mapping[str, Sequence[str]], schema: Schema, bounds: Bounds) -> None:
        self.args = args
        self.schema = schema
        self.bounds = bounds
        self.ignored: list[tuple[str, tuple[str, ...]]] = []

    def each(self, argument: str, most: int, take: Callable[[str], bool]) -> None:
        """Give the argument's values, blank ones left out, to `take`; those that it does not know are ignored."""
        texts = [text for text in self.args.get(argument, ()) if text]
        self.bound(argument, len(texts), most, "columns")
        unknown = tuple(text for text in dict.fromkeys(texts) if not take(text))
        if unknown:
            self.ignored.append((argument, unknown))

    def bound(self, argument: str, count: int, most: int, what: str) -> None:
        """Refuse more than `most`."""
        if count > most:
            raise QueryError(argument, "...", f"more than {most} {what} in one query")

    def number(self, argument: str, default: int | None) -> int | None:
        """The least of the argument's whole numbers, or `default`."""
        return min((_natural(argument, text) for text in self._given(argument)), default=default)

    def _given(self, argument: str) -> Iterable[str]:
        return (text for text in self.args.get(argument, ()) if text)


def _natural(argument: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise QueryError(argument, text, "not a whole number from 0 to 999999999999999999")
    return int(text)
