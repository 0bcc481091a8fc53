"""From an operation to what it does to a table of known columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gramex_twisted.data.arguments import CONTROLS, HANDLED, parse
from gramex_twisted.data.changes.cells import Columns
from gramex_twisted.data.changes.change import Arguments, Delete, Insert, Operation, Rows, Update
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.query import Filter, Op, Query
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind, QueryError

Filters: TypeAlias = tuple[Filter, ...]
PAGING = ("_limit", "_offset", "_after", "_by")
"""What a DELETE does not do, though one who asks for it may rely on it."""


@dataclass(frozen=True)
class Plan:
    """Values are of their columns' kinds, and filters name columns. It is done from left to right."""

    inserts: list[dict[str, Any]] = field(default_factory=list)
    updates: list[tuple[Filters, dict[str, Any]]] = field(default_factory=list)
    deletes: list[Filters] = field(default_factory=list)
    ignored: dict[str, list[Any]] = field(default_factory=dict)

    def meta(self, schema: Schema) -> dict[str, list[Any]]:
        """The fields `filters` and `ignored` of a Change."""
        filters: list[Any] = []
        for chosen in [*(filters for filters, _ in self.updates), *self.deletes][:SHOWN]:
            filters += Query(filters=chosen).meta_of(schema)["filters"]
        return {"filters": filters, "ignored": [[name, values[:SHOWN]] for name, values in self.ignored.items()]}


SHOWN = 100
"""Filters and values that a Change shows at most: headers are made of them."""


def plan_of(operation: Operation, columns: Columns) -> Plan:
    """What `operation` does. Raises QueryError, and SourceError where `key` names what is no column."""
    if isinstance(operation, Insert):
        return _inserts(operation.rows, columns)
    key = operation.key or columns.schema.key
    if not columns.schema.names:  # such as an empty list of records
        return Plan()
    if not key:
        raise QueryError("id", "", "the dataset has no id:, which tells its rows apart, so they cannot be changed")
    unknown = [name for name in key if name not in columns.schema.names]
    if unknown:
        raise SourceError(f"id: names {unknown[0]}, but the columns are {_listed(columns.schema)}")
    given = operation.rows if isinstance(operation, Update) else operation.args
    _require(key, [given] if isinstance(given, Mapping) else given)
    if isinstance(operation, Delete):
        if isinstance(given, Mapping):
            return Plan(deletes=[_by_arguments(given, operation, columns.schema)])
        return Plan(deletes=[_by_row(row, key, columns) for row in given])
    if isinstance(given, Mapping):
        return _update(given, key, columns)
    return _updates(given, key, columns)


def _listed(schema: Schema) -> str:
    names = list(schema.names)
    return ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")


def _require(key: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> None:
    """Refuse a row without one of the key columns, or with nothing in it."""
    none = True
    for row in rows:
        none = False
        missing = [name for name in key if name not in row or row[name] == []]
        if missing:
            raise QueryError(missing[0], "", f"missing column(s): {', '.join(missing)}")
        for name in key:
            value = row[name]
            if any(each is None or each == "" for each in (value if isinstance(value, list | tuple) else [value])):
                raise QueryError(name, "", "empty, but it tells which row")
    if none:
        raise QueryError(key[0], "", f"missing column(s): {', '.join(key)}")


def _inserts(rows: Rows, columns: Columns) -> Plan:
    plan = Plan()
    known = columns.schema.names
    for row in rows:
        plan.inserts.append({name: columns.cell(name, given) for name, given in row.items() if name in known})
        _ignore(plan, row, columns.schema)
    if not any(plan.inserts):
        raise _no_column(plan, columns.schema)
    return plan


def _no_column(plan: Plan, schema: Schema) -> QueryError:
    name = next(iter(plan.ignored), "")
    return QueryError(name, "", f"no value for any column; the columns are {_listed(schema)}")


def _ignore(plan: Plan, row: Mapping[str, Any], schema: Schema) -> None:
    for name, value in row.items():
        if name not in schema.names and name not in HANDLED and name not in CONTROLS:
            known = plan.ignored.setdefault(name, [])
            known.extend(v for v in (value if isinstance(value, list | tuple) else [value]) if v not in known[-1:])


def _update(args: Arguments, key: tuple[str, ...], columns: Columns) -> Plan:
    """One set of values for the rows whose keys are among those given."""
    plan = Plan()
    chosen = tuple(_equal(name, args[name], columns) for name in key)
    others = {name: texts for name, texts in args.items() if name in columns.schema.names and name not in key and texts}
    plan.ignored.update({name: list(texts[1:]) for name, texts in others.items() if len(texts) > 1})
    _ignore(plan, args, columns.schema)
    if not others:
        raise _no_column(plan, columns.schema)
    plan.updates.append((chosen, {name: columns.cell(name, texts[0]) for name, texts in others.items()}))
    return plan


def _updates(rows: Rows, key: tuple[str, ...], columns: Columns) -> Plan:
    """Values for the row that each names."""
    plan = Plan()
    known = columns.schema.names
    for row in rows:
        _ignore(plan, row, columns.schema)
        chosen = tuple(_told(name, row[name], columns) for name in key)
        cells = {n: columns.cell(n, given) for n, given in row.items() if n in known and n not in key}
        if not cells:
            raise _no_column(plan, columns.schema)
        plan.updates.append((chosen, cells))
    return plan


def _by_row(row: Mapping[str, Any], key: tuple[str, ...], columns: Columns) -> Filters:
    """What equals `row` in all columns that it has."""
    for name in row:
        if name not in columns.schema.names:
            raise _unknown(name, row[name], columns.schema)
    others = tuple(_equal(name, [given], columns) for name, given in row.items() if name not in key)
    return (*(_told(name, row[name], columns) for name in key), *others)


def _told(name: str, given: Any, columns: Columns) -> Filter:
    """The filter for a key column, which is never null."""
    found = _equal(name, [given], columns)
    if not found.values:
        raise QueryError(name, "", "empty, but it tells which row")
    return found


def _equal(name: str, given: Iterable[Any], columns: Columns) -> Filter:
    """Any of the values; of one that is null: null."""
    column = columns.schema.names[name]
    if column.kind is Kind.OTHER:
        raise QueryError(name, "", f"column {name} is {column.kind.value}, so it tells no rows apart")
    plain = Columns(columns.schema)
    values = tuple(dict.fromkeys(plain.cell(name, value) for value in given))
    return Filter(name, Op.NOT_IN) if values == (None,) else Filter(name, Op.IN, values)


def _by_arguments(args: Arguments, operation: Delete, schema: Schema) -> Filters:
    """The filters that arguments are, as in a GET; but what means nothing is a mistake, and must not delete more."""
    for name in PAGING:
        if name in args and name not in schema.names:
            raise QueryError(name, str(next(iter(args[name]), "")), "does not go with deleting")
    query = parse(args, schema, handled=operation.handled)
    for name, values in query.ignored:
        if name not in CONTROLS:
            raise _unknown(name, next(iter(values), ""), schema)
    return query.filters


def _unknown(name: str, value: Any, schema: Schema) -> QueryError:
    return QueryError(name, str(value), f"no such column or filter, so nothing is deleted; there are {_listed(schema)}")
