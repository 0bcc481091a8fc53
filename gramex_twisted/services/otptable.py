"""The table of one-time passwords and API keys, in any database that SQLAlchemy knows. Everything here blocks.

Importing this module imports SQLAlchemy: only ``otps`` does so, when a token is first needed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import StaticPool
from sqlalchemy.schema import CreateColumn, CreateTable

from gramex_twisted.services.otps import OPTIONS
from gramex_twisted.services.stores.base import StoreError

#: Seconds that a connection may take, by driver: the option's name differs, or there is none.
CONNECT_TIMEOUT = 5
CONNECT_OPTIONS = {
    "psycopg": "connect_timeout",
    "psycopg2": "connect_timeout",
    "pymysql": "connect_timeout",
    "mysqldb": "connect_timeout",
    "pysqlite": "timeout",
}
#: Seconds that an expired row stays, for whoever looks into the table, and between removals of such rows.
KEEP_EXPIRED = 86400.0
PURGE_EVERY = 3600.0
_TYPE = re.compile(r"\s*(\w+)\s*(?:\(\s*(\d+(?:\s*,\s*\d+)*)\s*\))?\s*")


class OtpTable:
    """The opened table; made, or given the columns that it lacks, where that is needed.

    :raises StoreError: from every method, when the database cannot be used.
    """

    def __init__(self, options: Mapping[str, Any], data_dir: Path) -> None:
        self._next_purge = 0.0
        with explained():
            self.engine = engine_of(options, data_dir)
            try:
                self.table = prepared(self.engine, str(options.get("table") or "users"), options.get("columns") or {})
            except BaseException:
                self.engine.dispose()
                raise

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def insert(self, row: Mapping[str, Any], now: float) -> bool:
        """Add ``row``, without the values for which there is no column; False when another row has its token."""
        columns = self.table.c
        values = {name: value for name, value in row.items() if name in columns}
        taken = sa.select(columns.token).where(columns.token == row["token"])
        with explained():
            try:
                with self.engine.begin() as connection:
                    self._purge(connection, now, row["token"])
                    if connection.execute(taken).first() is not None:
                        return False  # a table of Gramex 1.x need not have a primary key
                    connection.execute(sa.insert(self.table).values(values))
            except IntegrityError as error:
                with self.engine.connect() as connection:
                    if connection.execute(taken).first() is None:
                        raise ValueError(f"the table does not take the row: {error.orig}") from None
                return False
        return True

    def _purge(self, connection: sa.Connection, now: float, token: str) -> None:
        """Remove an expired row of the same token, and now and then all that have long expired."""
        columns = self.table.c
        connection.execute(sa.delete(self.table).where(columns.token == token, columns.expire <= now))
        if now >= self._next_purge:
            self._next_purge = now + PURGE_EVERY
            connection.execute(sa.delete(self.table).where(columns.expire <= now - KEEP_EXPIRED))

    def select(self, token: str) -> dict[str, Any] | None:
        """The row of ``token`` as the database finds it."""
        with explained(), self.engine.connect() as connection:
            row = connection.execute(sa.select(self.table).where(self.table.c.token == token)).mappings().first()
            # Reflected names are of a class of their own, which not everything takes for text.
            return None if row is None else {str(name): value for name, value in row.items()}

    def delete(self, token: str) -> bool:
        """Delete the row; True for the one who did it, False when it was gone."""
        with explained(), self.engine.begin() as connection:
            return connection.execute(sa.delete(self.table).where(self.table.c.token == token)).rowcount > 0


@contextmanager
def explained() -> Iterator[None]:
    """Turn what SQLAlchemy raises when a database cannot be used into a StoreError without values or passwords."""
    try:
        yield
    except (ProgrammingError, DataError):
        raise  # the statement is wrong, not the database
    except (SQLAlchemyError, ImportError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        raise StoreError(f"storelocations.otp: {reason}") from error


def engine_of(options: Mapping[str, Any], data_dir: Path) -> sa.Engine:
    """The engine for ``storelocations.otp``. It connects when it is first used."""
    rest = {name: value for name, value in options.items() if name not in OPTIONS}
    url = sa.make_url(options.get("url") or sa.URL.create("sqlite", database=str(data_dir / "auth.recover.db")))
    arguments = dict(rest.pop("connect_args", None) or {})
    timeout = CONNECT_OPTIONS.get(url.get_driver_name())
    if timeout is not None and timeout not in url.query:
        arguments.setdefault(timeout, CONNECT_TIMEOUT)
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            rest.setdefault("poolclass", StaticPool)
            arguments.setdefault("check_same_thread", False)
        elif not str(url.database).startswith("file:"):
            private_file(Path(str(url.database)))
    rest.setdefault("pool_pre_ping", True)
    return sa.create_engine(url, connect_args=arguments, hide_parameters=True, **rest)


def private_file(path: Path) -> None:
    """Make the file, readable by its owner alone, if there is none: it holds API keys."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def prepared(engine: sa.Engine, name: str, columns: Mapping[str, Any]) -> sa.Table:
    """The table ``name``, made if there is none, with all columns that it needs."""
    wanted = wanted_table(name, columns)
    with engine.begin() as connection:
        if not sa.inspect(connection).has_table(name):
            connection.execute(CreateTable(wanted, if_not_exists=True))
    table = reflected(engine, name)
    for column in wanted.columns:
        if column.name not in table.c:
            add_column(engine, name, column)
    return reflected(engine, name)


def reflected(engine: sa.Engine, name: str) -> sa.Table:
    """The table as it is."""
    return sa.Table(name, sa.MetaData(), autoload_with=engine)


def wanted_table(name: str, columns: Mapping[str, Any]) -> sa.Table:
    """The table as it should be: our columns, and those that ``storelocations.otp.columns`` adds."""
    # MySQL wants a length for a key. A REAL of PostgreSQL is a minute or two off in our century.
    short = sa.Text().with_variant(sa.String(255), "mysql", "mariadb")
    own = [
        sa.Column("token", short, primary_key=True),
        sa.Column("user", sa.Text),
        sa.Column("type", short),
        sa.Column("expire", sa.Double),
    ]
    names = {column.name for column in own}
    extra = [sa.Column(key, column_type(key, spec)) for key, spec in columns.items() if key not in names]
    return sa.Table(name, sa.MetaData(), *own, *extra)


def column_type(name: str, spec: Any) -> Any:
    """SQLAlchemy's type for ``TEXT``, ``VARCHAR(20)`` or ``{type: TEXT}``.

    :raises StoreError: for what is no SQL type.
    """
    text = str(spec.get("type", "TEXT") if isinstance(spec, Mapping) else spec)
    match = _TYPE.fullmatch(text)
    kind = getattr(sa.types, match[1].upper(), None) if match else None
    if match is None or not (isinstance(kind, type) and issubclass(kind, sa.types.TypeEngine)):
        raise StoreError(f"storelocations.otp.columns.{name}: {text!r} is not an SQL type such as TEXT or VARCHAR(20)")
    return kind(*map(int, match[2].split(","))) if match[2] else kind()


def add_column(engine: sa.Engine, table: str, column: sa.Column[Any]) -> None:
    """ALTER TABLE; another process may be faster."""
    quote = engine.dialect.identifier_preparer.quote
    loose = sa.Table(table, sa.MetaData(), sa.Column(column.name, column.type)).columns[column.name]
    definition = CreateColumn(loose).compile(dialect=engine.dialect)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(f"ALTER TABLE {quote(table)} ADD COLUMN {definition}"))
    except SQLAlchemyError:
        if column.name not in reflected(engine, table).c:
            raise
