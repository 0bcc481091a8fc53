"""Tables that sign-in reads and writes: a file, or a table of any database that SQLAlchemy knows.

Everything here blocks: call it in a thread. Values only ever travel as bound parameters, and columns are looked up in
the table as the database describes it, so that no text becomes SQL. A connection is opened for each call, since
sign-ins are rare, and one that has died meanwhile would fail the next one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.options import Source
from gramex_twisted.resources.base import Setup

if TYPE_CHECKING:
    from sqlalchemy import Column, Connection, Engine, Table

log = Logger()

Row = dict[str, Any]
#: Seconds to wait for a database.
PATIENCE = 5


class Rows(Protocol):
    """What can be looked up."""

    def find(self, column: str, value: str) -> list[Row]:
        """The first two rows whose ``column`` is ``value``."""

    def all(self) -> list[Row]:
        """Every row."""


class TakenError(Exception):
    """There is such a row already."""


def rows_of(setup: Setup, source: Source, *keys: str) -> Rows:
    """The table that the kwarg ``keys`` names.

    :raises ConfigError: when it cannot be read.
    """
    if "://" in source.url:
        return database_table(setup, source.url, source.table, *keys)
    extra = source.model_extra or {}
    path = Path(setup.services.root, source.url)
    if path.suffix.lower() not in (".csv", ".txt", ".tsv") or extra.keys() - {"delimiter"}:
        from gramex_twisted.resources.auth.tablefiles import file_table

        given = {"url": source.url, "table": source.table, **extra}
        return file_table(setup, {key: value for key, value in given.items() if value is not None}, *keys)
    if not path.is_file():
        raise setup.error(f"no file {source.url}", *keys, "url")
    return CsvRows(path, str(extra.get("delimiter") or ("\t" if path.suffix.lower() == ".tsv" else ",")))


def database_table(setup: Setup, url: str, table: str | None, *keys: str) -> DatabaseTable:
    """The table ``table`` of the database ``url``, as the kwarg ``keys`` has them.

    :raises ConfigError: when SQLAlchemy, its driver or a key is missing.
    """
    try:
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError, NoSuchModuleError
    except ImportError:
        raise setup.error("databases need a package; run: pip install 'gramex-twisted[auth]'", *keys) from None
    if not table:
        raise setup.error("needs table:", *keys)
    try:
        make_url(url).get_dialect().import_dbapi()
    except (NoSuchModuleError, ImportError) as error:
        raise setup.error(f"the database's driver cannot be imported: {error}", *keys, "url") from None
    except ArgumentError:
        raise setup.error("is not the URL of a database: dialect://user:password@host/database", *keys, "url") from None
    return DatabaseTable(url, table)


class CsvRows:
    """The rows of a CSV file with a head; empty cells are None. Read again each time, since people edit it.

    It needs no package, as SimpleAuth does not. ``tablefiles`` reads the files that take more.
    """

    def __init__(self, path: Path, delimiter: str = ",") -> None:
        self.path = path
        self.delimiter = delimiter

    def find(self, column: str, value: str) -> list[Row]:
        """See ``Rows``."""
        rows = self.all()
        if rows and column not in rows[0]:
            raise HTTPError(500, f"{self.path.name} has no column {column}")
        return [row for row in rows if row[column] == value][:2]

    def all(self) -> list[Row]:
        """See ``Rows``."""
        with self.path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=self.delimiter)
            return [{key: value or None for key, value in row.items() if key is not None} for row in rows]


class DatabaseTable:
    """One table. ``name`` may be ``schema.table``."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.schema, _, self.name = name.rpartition(".")
        self._engine: Engine | None = None
        self._table: Table | None = None

    def find(self, column: str, value: str, fold: bool = False) -> list[Row]:
        """See ``Rows``.

        :param fold: whatever the case of letters.
        """
        from sqlalchemy import func, select

        with self._connection() as connection:
            table = self._described(connection)
            fitting = _fitting(self._column(table, column), value)
            if fitting is None:
                return []
            wanted = self._column(table, column)
            same = func.lower(wanted) == func.lower(fitting) if fold and isinstance(fitting, str) else wanted == fitting
            query = select(table).where(same).limit(2)
            return [dict(row) for row in connection.execute(query).mappings()]

    def all(self) -> list[Row]:
        """See ``Rows``."""
        from sqlalchemy import select

        with self._connection() as connection:
            return [dict(row) for row in connection.execute(select(self._described(connection))).mappings()]

    def check(self, columns: Sequence[str]) -> Mapping[str, int | None]:
        """See that the table has ``columns``; the characters that fit into each text column, None: no limit."""
        with self._connection() as connection:
            table = self._described(connection)
            for column in columns:
                self._column(table, column)
            return {column.name: getattr(column.type, "length", None) for column in table.columns}

    def insert(self, values: Mapping[str, Any]) -> None:
        """Add a row.

        :raises TakenError: when one of its values must be unique and is not.
        """
        from sqlalchemy import insert
        from sqlalchemy.exc import IntegrityError

        with self._connection() as connection:
            table = self._described(connection)
            row = {self._column(table, name).name: value for name, value in values.items()}
            try:
                connection.execute(insert(table).values(row))
                connection.commit()
            except IntegrityError as error:
                raise TakenError from error

    def update(self, where: Mapping[str, Any], values: Mapping[str, Any]) -> int:
        """Set ``values`` in the rows that have all of ``where``; how many there were."""
        from sqlalchemy import update

        with self._connection() as connection:
            table = self._described(connection)
            row = {self._column(table, name).name: value for name, value in values.items()}
            query = update(table).values(row)
            for name, value in where.items():
                query = query.where(self._column(table, name) == value)
            changed = connection.execute(query).rowcount
            connection.commit()
            return changed

    def append(self, rows: Sequence[Row], columns: Mapping[str, Any]) -> None:
        """Add ``rows``, as far as the table has columns for them. See ``prepare``."""
        from sqlalchemy import insert

        self.prepare(columns)
        with self._connection() as connection:
            table = self._described(connection)
            known = [{key: value for key, value in row.items() if key in table.c} for row in rows]
            connection.execute(insert(table), known)
            connection.commit()

    def prepare(self, columns: Mapping[str, Any]) -> None:
        """Make the table, or give it those of ``columns`` (name -> SQL type, or ``{type, primary_key ...}``) that it
        lacks."""
        from gramex_twisted.data.changes.alter import alter

        with self._connection():  # so that errors are those of all methods
            alter(self._opened(), self.name, columns, self.schema or None)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            with self._opened().connect() as connection:
                yield connection
        except DBAPIError as error:
            log.error("{table}: the database failed: {error}", table=self.name, error=error.orig)
            raise HTTPError(503, "sign-in is not possible now: try again in a moment") from None
        except SQLAlchemyError as error:
            log.error("{table}: {error}", table=self.name, error=error)
            raise HTTPError(500, f"the table {self.name} cannot be used") from None

    def _opened(self) -> Engine:
        if self._engine is None:
            from sqlalchemy import NullPool, create_engine

            backend = self.url.partition(":")[0].partition("+")[0]
            waits = {"sqlite": "timeout", "postgresql": "connect_timeout", "mysql": "connect_timeout"}
            options = {waits[backend]: PATIENCE} if backend in waits else {}
            self._engine = create_engine(self.url, poolclass=NullPool, connect_args=options, hide_parameters=True)
        return self._engine

    def _described(self, connection: Connection) -> Table:
        if self._table is None:
            from sqlalchemy import MetaData, Table

            self._table = Table(self.name, MetaData(), schema=self.schema or None, autoload_with=connection)
        return self._table

    def _column(self, table: Table, name: str) -> Column[Any]:
        if name not in table.c:
            raise HTTPError(500, f"the table {self.name} has no column {name}")
        column: Column[Any] = table.c[name]
        return column


def _fitting(column: Column[Any], value: str) -> Any:
    """``value`` as the column has values; None where it cannot have it."""
    try:
        kind: Any = column.type.python_type
    except NotImplementedError:
        return value
    if kind not in (int, float):
        return value
    try:
        return kind(value)
    except ValueError:
        return None
