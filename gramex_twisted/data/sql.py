"""Runs a Query on a table of SQLite, PostgreSQL, MariaDB or MySQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gramex_twisted.data import cursor
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Cleaner, Result, Row, clean, cleaners
from gramex_twisted.data.schema import Field, Schema

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.sqlflavours import Select
    from gramex_twisted.data.sqlselect import Source


@dataclass(frozen=True)
class SQLTable:
    """A table, view or subquery to query: made by `table_of`, and then by any number of threads at once."""

    source: Source
    schema: Schema


@dataclass(frozen=True)
class Statement:
    """A Query in SQL. `select` gives `fields`, then `hidden`, which only make the cursor, as the driver has them."""

    select: Select
    fields: tuple[Field, ...]
    hidden: tuple[Field, ...]
    query: Query
    source: Source

    @cached_property
    def cleaners(self) -> list[Cleaner | None]:
        """What makes our values of the driver's."""
        return cleaners((*self.fields, *self.hidden), self.source.flavour.native)

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Row]:
        """The driver's rows as those of a Result."""
        by, width = self.cleaners, len(self.fields)
        if not any(by[:width]):
            return [tuple(row[:width]) for row in found]
        return [clean(row[:width], by[:width]) for row in found]

    def after(self, last: Sequence[Any]) -> str | None:
        """The cursor of a row of the driver's; None where there is none to have."""
        sorts = cursor.terms(self.query, self.source.schema)
        if sorts is None:
            return None
        named = dict(
            zip((field.name for field in (*self.fields, *self.hidden)), clean(last, self.cleaners), strict=True)
        )
        return cursor.encode(self.query, self.source.schema, [named[str(sort.term)] for sort in sorts])


def table_of(
    clause: sa.FromClause, dialect: sa.Dialect, *, schema: Schema | None = None, positions: bool = False
) -> SQLTable:
    """A table to be queried on connections of `dialect`, which has been connected before: it knows the server then.

    `schema` says what its columns hold, otherwise their SQL types do. `positions`: an SQLite table whose rowid is the
    order of its rows, for want of a primary key. Raises ValueError for other databases than those above.
    """
    from gramex_twisted.data import sqlkinds, sqlselect

    known = schema or sqlkinds.schema_of(clause, dialect, positions=positions)
    return SQLTable(sqlselect.Source(clause, known, dialect), known)


def reflect(connection: sa.Connection, name: str, *, namespace: str | None = None) -> SQLTable:
    """The table or view `name` of a database, in its schema `namespace`, to be queried.

    Raises sqlalchemy.exc.NoSuchTableError, and ValueError for other databases than those above.
    """
    from gramex_twisted.data import sqlreflect

    table, schema = sqlreflect.reflect(connection, name, namespace)
    return table_of(table, connection.dialect, schema=schema)


def compile(query: Query, table: SQLTable) -> Statement:
    """`query` in SQL. Raises QueryError for a regular expression that this database cannot be given."""
    import sqlalchemy as sa

    from gramex_twisted.data import sqlgroups, sqlselect

    fields = query.outputs(table.schema)
    hidden: tuple[Field, ...] = ()
    if not fields:
        select: Select = sa.select(sa.literal(1)).where(sa.false())
    elif query.by is not None:
        select = sqlgroups.Groups(query, table.source).select()
    else:
        sorts = cursor.fields(query.order(table.schema), table.schema)
        hidden = tuple(field for field in dict.fromkeys(sorts) if field.name not in query.columns)
        select = sqlselect.rows(query, table.source)
    return Statement(select, fields, hidden, query, table.source)


def run(query: Query, table: SQLTable, connection: sa.Connection) -> Result:
    """The answer to `query`. It takes a thread's time: call it in one."""
    statement = compile(query, table)
    found = connection.execute(statement.select).fetchall()
    full = query.limit is not None and len(found) == query.limit > 0
    return Result(statement.fields, statement.rows(found), statement.after(found[-1]) if full else None)


def stream(query: Query, table: SQLTable, connection: sa.Connection, size: int = 1000) -> Iterator[list[Row]]:
    """The rows of the answer, at most `size` at a time, as the database finds them: memory for one batch."""
    statement = compile(query, table)
    with connection.execute(statement.select, execution_options={"yield_per": size}) as result:
        for found in result.partitions():
            yield statement.rows(found)


def count(query: Query, table: SQLTable, connection: sa.Connection) -> int:
    """How many rows the answer has without `limit`, `offset` and `after`."""
    import sqlalchemy as sa

    from gramex_twisted.data import sqlgroups, sqlselect

    if not query.outputs(table.schema):
        return 0
    if query.by is not None:
        select = sqlgroups.Groups(query, table.source).count()
    else:
        select = sqlselect.filtered(query, table.source, [sa.func.count()])
    found: int = connection.execute(select).scalar_one()
    return found
