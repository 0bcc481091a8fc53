"""Reads the arguments that shape the answer: `_by`, `_c`, `_sort`."""

from __future__ import annotations

from typing import TypeAlias

from gramex_twisted.data.names import Reader, check, term
from gramex_twisted.data.query import Aggregate, Sort, Term
from gramex_twisted.data.types import Kind, QueryError

Names: TypeAlias = tuple[str, ...]


def by(reader: Reader) -> Names | None:
    """The columns to group by: () where `_by` names none, None where it is missing."""
    if "_by" not in reader.args:
        return None
    found: list[str] = []

    def take(text: str) -> bool:
        known = text in reader.schema.names
        if known:
            found.append(_comparable("_by", text, reader))
        return known

    reader.each("_by", reader.bounds.terms, take)
    return tuple(dict.fromkeys(found))


def columns(reader: Reader) -> tuple[Names, Names]:
    """The columns to show, and those that a `-` takes away."""
    chosen: list[str] = []
    excluded: list[str] = []

    def take(text: str) -> bool:
        return _choose(text, chosen, excluded, reader)

    reader.each("_c", reader.bounds.columns, take)
    names = dict.fromkeys(chosen or reader.schema.names)
    return tuple(name for name in names if name not in excluded), tuple(dict.fromkeys(excluded))


def aggregates(reader: Reader) -> tuple[tuple[tuple[str, Aggregate], ...], Names]:
    """What to show of groups, by name, and the columns that a `-` takes away from the sums of all numbers."""
    found: dict[str, Aggregate] = {}
    plain: list[str] = []
    excluded: list[str] = []

    def take(text: str) -> bool:
        if _choose(text, plain, excluded, reader):
            return True
        aggregate = term(text, reader.schema)
        if isinstance(aggregate, Aggregate):
            check(aggregate, "_c", text, reader.schema)
            found[text] = aggregate
        return aggregate is not None

    reader.each("_c", reader.bounds.columns, take)
    asked = any(text for text in reader.args.get("_c", ()) if not (text.startswith("-") and text[1:] in excluded))
    if not asked:
        numbers = [f.name for f in reader.schema.fields if f.kind.is_number and f.name not in excluded]
        found = {f"{name}|sum": Aggregate(name, "sum") for name in numbers}
    return tuple(found.items()), tuple(dict.fromkeys(excluded))


def _choose(text: str, chosen: list[str], excluded: list[str], reader: Reader) -> bool:
    """Keep a column, or one with a `-`; whether it was one."""
    if text in reader.schema.names:
        chosen.append(text)
    elif text.startswith("-") and text[1:] in reader.schema.names:
        excluded.append(text[1:])
    else:
        return False
    return True


def sort(reader: Reader, by: Names | None) -> tuple[Sort, ...]:
    """What to sort by: columns, or of groups their columns and aggregates, shown or not."""
    found: dict[Term, Sort] = {}

    def take(text: str) -> bool:
        chosen, descending = _sortable(text, by, reader), False
        if chosen is None and text.startswith("-"):
            chosen, descending = _sortable(text[1:], by, reader), True
        if chosen is not None:
            found.setdefault(chosen, Sort(chosen, descending))
        return chosen is not None

    reader.each("_sort", reader.bounds.terms, take)
    return tuple(found.values())


def _sortable(text: str, by: Names | None, reader: Reader) -> Term | None:
    found = term(text, reader.schema)
    if isinstance(found, str):
        return _comparable("_sort", found, reader) if by is None or found in by else None
    if found is None or by is None:
        return None
    check(found, "_sort", text, reader.schema)
    return found


def _comparable(argument: str, column: str, reader: Reader) -> str:
    kind = reader.schema.names[column].kind
    if kind is Kind.OTHER:
        raise QueryError(argument, column, f"column {column} is {kind.value}")
    return column
