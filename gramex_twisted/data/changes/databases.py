"""Changes tables of databases. Imports SQLAlchemy: only `applying` imports it, when needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from gramex_twisted.data.arguments import CONTROLS, HANDLED
from gramex_twisted.data.changes.alter import alter
from gramex_twisted.data.changes.change import Change, Insert, Operation
from gramex_twisted.data.changes.plan import Plan, plan_of
from gramex_twisted.data.changes.sqlcolumns import Target
from gramex_twisted.data.dberrors import said_by
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.errors import Conflict, DataError, ReadOnly, SourceError
from gramex_twisted.data.records import clean, cleaners
from gramex_twisted.data.sources.databases import TableSource, engine_of, table_name
from gramex_twisted.data.types import QueryError

REFUSED = frozenset({1142, 1143, 1288, 1471, 1036})
"""MySQL and MariaDB: no right to change the table, or it is a view that cannot be changed."""
WRONG = frozenset({1264, 1265, 1292, 1366, 1406})
"""MySQL and MariaDB: values that the column cannot hold."""


class DatabaseChange:
    """One operation on one table."""

    def __init__(self, operation: Operation, source: TableSource) -> None:
        self.operation = operation
        self.engines: Engines = source.shared.engines
        self.writers = source.shared.writers
        dataset = source.dataset
        self.engine = engine_of(dataset, source.shared, operation.values, create=isinstance(operation, Insert))
        self.namespace, self.name = table_name(dataset, operation.values)
        self.spec: Mapping[str, Any] = dataset.columns

    def prepare(self) -> None:
        """Make the table what `columns:` says, and for an Insert make one where there is none: committed at once."""
        found: set[str] | None = set()
        try:
            found = self._found()
            if self.spec and (found is None or set(self.spec) - found):
                spec = self.spec
            elif found is None and isinstance(self.operation, Insert):
                spec = columns_of(self.operation)
            else:
                return
            alter(self.engine, self.name, spec, self.namespace)
        except ValueError as error:
            raise error if isinstance(error, QueryError) else SourceError(str(error)) from None
        except sa.exc.SQLAlchemyError as error:
            said = self.error(error)
            if found is None and not self.spec and type(said) is SourceError:  # what the request called its columns
                raise QueryError(self.name, "", str(said).partition(": ")[2]) from error
            raise said from error
        self.engines.forget(self.engine)

    def _found(self) -> set[str] | None:
        """The table's columns, asked of the database where they are not known to be all."""
        with self.engine.connect() as connection:
            try:
                return set(self.engines.table(connection, self.name, self.namespace).schema.names)
            except SourceError:
                if sa.inspect(connection).has_table(self.name, schema=self.namespace):
                    raise
                return None

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """A connection in a transaction, which is committed at the end. Raises DataError."""
        try:
            with self.engine.connect() as connection, connection.begin():
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise self.error(error) from error

    def run(self, connection: sa.Connection) -> Change:
        """Do it, in the transaction that the connection is in. Raises DataError, QueryError."""
        try:
            known = self.engines.table(connection, self.name, self.namespace)
            target = self.writers.made(known.source, lambda: Target(known, connection.dialect))
            plan = plan_of(self.operation, target.columns)
            return execute(plan, target, connection, self.operation.key)
        except sa.exc.SQLAlchemyError as error:
            raise self.error(error) from error

    def error(self, error: Exception) -> DataError | QueryError:
        """What an error of the database means."""
        cause = getattr(error, "orig", None) or error
        number = cause.args[0] if cause.args and isinstance(cause.args[0], int) else 0
        said = self.engines.errors(error, self.engine)
        text = (
            f"{self.name}: {' '.join(said_by(cause).split())}"  # for clients, whom the database's URL is no business of
        )
        if isinstance(error, sa.exc.DataError) or number in WRONG:
            return QueryError(self.name, "", " ".join(said_by(cause).split()))
        if isinstance(said, Conflict):
            return Conflict(text)
        view = "is a view" in str(cause) or getattr(cause, "sqlstate", None) in ("42501", "55000")
        if isinstance(said, ReadOnly) or view or number in REFUSED:
            return ReadOnly(text)
        if type(said) is SourceError:
            self.engines.forget(self.engine)  # it may no longer be what it was
        return said


def execute(plan: Plan, target: Target, connection: sa.Connection, key: tuple[str, ...]) -> Change:
    """Do what `plan` says."""
    inserted = list(_insert(plan, target, connection))
    if not target.table.primary_key.columns:
        inserted = [{n: row[n] for n in key if n in row} for row in plan.inserts if any(n in row for n in key)]
    count = len(plan.inserts)
    for filters, cells in plan.updates:
        where = [target.source.where(each) for each in filters]
        count += connection.execute(sa.update(target.table).where(*where).values(target.keyed(cells))).rowcount
    for filters in plan.deletes:
        where = [target.source.where(each) for each in filters]
        if not where:
            raise QueryError(target.table.name, "", "nothing says which rows to delete")
        count += connection.execute(sa.delete(target.table).where(*where)).rowcount
    return Change(count, inserted, **plan.meta(target.schema))


def _insert(plan: Plan, target: Target, connection: sa.Connection) -> Iterator[dict[str, Any]]:
    """Insert rows, those of the same columns at once, and yield their primary keys in the rows' order."""
    table = target.table
    key = list(table.primary_key.columns)
    fields = [target.schema.names[str(column.name)] for column in key]
    native = target.source.flavour.native
    for names, group in groupby(plan.inserts, key=_names):
        for column in key:
            _require(column, names, target)
        rows = [target.keyed(row) for row in group]
        for found in _keys(table, key, rows, connection):
            values = [str(v) if isinstance(v, UUID) else v for v in clean(tuple(found), cleaners(fields, native))]
            yield dict(zip([field.name for field in fields], values, strict=True))


def _names(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row)


def _require(column: sa.Column[Any], names: tuple[str, ...], target: Target) -> None:
    """Refuse rows without a part of the primary key that the database does not make up."""
    made = column is target.table.autoincrement_column or column.server_default is not None
    if not made and str(column.name) not in names:
        raise QueryError(str(column.name), "", "missing: it is part of the table's primary key")


def _keys(table: sa.Table, key: list[Any], rows: list[dict[str, Any]], connection: sa.Connection) -> Iterator[Any]:
    insert = sa.insert(table)
    if not key:
        connection.execute(insert, rows)
    elif not connection.dialect.insert_returning or not rows[0]:
        for row in rows:
            yield connection.execute(insert, row).inserted_primary_key
    else:
        yield from connection.execute(insert.returning(*key, sort_by_parameter_order=True), rows)


def columns_of(operation: Insert) -> dict[str, Any]:
    """The columns of a table for rows: types by JSON's values, texts otherwise; `id:` is its primary key."""
    names = [n for n in dict.fromkeys(n for row in operation.rows for n in row) if n not in HANDLED | CONTROLS]
    if not names:
        raise QueryError("", "", "no columns, so no table is made")
    made: dict[str, Any] = {}
    for name in operation.key:
        if name not in names:
            made[name] = {"type": "bigint", "primary_key": True, "autoincrement": len(operation.key) == 1}
    for name in names:
        made[name] = {"type": _type_of([row.get(name) for row in operation.rows]), "primary_key": name in operation.key}
    return made


def _type_of(values: list[Any]) -> str:
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "boolean"
    if types == {int}:
        return "bigint"
    return "double" if types and types <= {int, float} else "text"
