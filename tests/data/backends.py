"""Everything that can hold a table, behind one door: `ask` it, and it answers JSON."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import isnan
from typing import Any
from urllib.parse import parse_qs

import fastexcel
import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from gramex_twisted.data import frame, sql, sqlite
from gramex_twisted.data.arguments import parse
from gramex_twisted.data.distinct import parse_distinct
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result, dump
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind
from tests.data.databases import url_of
from tests.servers import MariaDBServer, PostgresServer

DTYPES: Mapping[Kind, Any] = {
    Kind.BOOL: pl.Boolean(),
    Kind.INT: pl.Int64(),
    Kind.FLOAT: pl.Float64(),
    Kind.DECIMAL: pl.Decimal(12, 2),
    Kind.TEXT: pl.String(),
    Kind.DATE: pl.Date(),
    Kind.DATETIME: pl.Datetime("us"),
    Kind.INSTANT: pl.Datetime("us", "UTC"),
    Kind.TIME: pl.Time(),
    Kind.OTHER: pl.Binary(),
}
TYPES: Mapping[Kind, Any] = {
    Kind.BOOL: sa.Boolean(),
    Kind.INT: sa.BigInteger(),
    Kind.FLOAT: sa.Double(),
    Kind.DECIMAL: sa.Numeric(12, 2),
    Kind.TEXT: sa.Text(),
    Kind.DATE: sa.Date(),
    Kind.DATETIME: sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
    Kind.INSTANT: sa.DateTime(timezone=True),
    Kind.TIME: sa.Time().with_variant(mysql.TIME(fsp=6), "mysql", "mariadb"),
    Kind.OTHER: sa.LargeBinary(),
}


@dataclass(frozen=True)
class Data:
    """A table for tests. Its first column is the primary key, in ascending order."""

    columns: tuple[tuple[str, Kind], ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def names(self) -> list[str]:
        """The columns' names."""
        return [name for name, _ in self.columns]

    def frame(self) -> pl.DataFrame:
        """As a polars frame."""
        return pl.DataFrame(self.rows, schema={name: DTYPES[kind] for name, kind in self.columns}, orient="row")


class Table:
    """A table in a backend."""

    schema: Schema

    def run(self, query: Query) -> Result:
        """The answer."""
        raise NotImplementedError

    def count(self, query: Query) -> int:
        """How many rows it has without limits."""
        raise NotImplementedError

    def query(self, url: str) -> Query:
        """What a URL's query string asks."""
        return parse(arguments(url), self.schema)

    def ask(self, url: str) -> bytes:
        """The answer as JSON."""
        return self.run(self.query(url)).json()

    def distinct(self, url: str) -> bytes:
        """FilterHandler's answer as JSON."""
        queries = parse_distinct(arguments(url), self.schema)
        return dump({name: self.run(query).plain() for name, query in queries.items()})


def arguments(url: str) -> dict[str, list[str]]:
    """A query string's arguments, as a handler sees them."""
    return parse_qs(url, keep_blank_values=True, max_num_fields=20_000)


class FrameBackend(Table):
    """A polars frame."""

    def __init__(self, made: pl.DataFrame | pl.LazyFrame) -> None:
        self.table = frame.table_of(made)
        self.schema = self.table.schema

    def run(self, query: Query) -> Result:
        """See Table. What polars writes is what a Result writes."""
        found = frame.run(query, self.table)
        result = found.result()
        if found.json() != result.json():
            raise AssertionError(f"{found.json()!r} != {result.json()!r}")
        return result

    def count(self, query: Query) -> int:
        """See Table."""
        return frame.count(query, self.table)


class SQLBackend(Table):
    """A table of a database, as reflected."""

    numbers = itertools.count()

    def __init__(self, engine: sa.Engine, data: Data) -> None:
        self.engine = engine
        name = f"table_{next(self.numbers)}"
        columns = [
            sa.Column(column, TYPES[kind], primary_key=place == 0, nullable=place > 0, autoincrement=False)
            for place, (column, kind) in enumerate(data.columns)
        ]
        # parameters of an INSERT are named by position, since some drivers cannot name them like odd columns
        self.made = sa.Table(name, sa.MetaData(), *columns)
        with engine.begin() as connection:
            self.made.create(connection)
            self.fill(data, connection)
            # SQLAlchemy reflects MariaDB's `odd``name` as it is written there
            odd = "`" in "".join(data.names)
            self.table = sql.table_of(self.made, engine.dialect) if odd else sql.reflect(connection, name)
        self.schema = self.table.schema

    def fill(self, data: Data, connection: sa.Connection) -> None:
        """Insert the rows of `data`."""
        for row in data.rows:
            cells = [self.cell(value) for value in row]
            connection.execute(self.made.insert().values(dict(zip(self.made.columns, cells, strict=True))))

    def replace(self, data: Data) -> None:
        """Have the rows of `data`, which has the same columns, instead."""
        with self.engine.begin() as connection:
            connection.execute(self.made.delete())
            self.fill(data, connection)

    def cell(self, value: Any) -> Any:
        """PostgreSQL alone keeps what is no number."""
        return None if isinstance(value, float) and isnan(value) and self.engine.name != "postgresql" else value

    def run(self, query: Query) -> Result:
        """See Table."""
        with self.engine.connect() as connection:
            return sql.run(query, self.table, connection)

    def count(self, query: Query) -> int:
        """See Table."""
        with self.engine.connect() as connection:
            return sql.count(query, self.table, connection)


@cache
def engine_of(name: str) -> sa.Engine:
    """The one engine for a database. Skips the test where there is none."""
    if name == "sqlite":
        engine = sa.create_engine("sqlite://", poolclass=sa.pool.StaticPool)
    else:
        engine = sa.create_engine(url_of(PostgresServer if name == "postgresql" else MariaDBServer))
    sqlite.prepare(engine)
    return engine


def by_csv(data: Data) -> Table:
    """Through a CSV, read as people read it."""
    text = data.frame().write_csv().encode()
    read = pl.read_csv(text, try_parse_dates=True, infer_schema_length=None)
    read.columns = data.names  # the reader leaves "" in a name as it is
    return FrameBackend(read)


def by_parquet(data: Data) -> Table:
    """Through Parquet, lazily."""
    buffer = io.BytesIO()
    data.frame().write_parquet(buffer)
    buffer.seek(0)
    return FrameBackend(pl.scan_parquet(buffer))


def by_xlsx(data: Data) -> Table:
    """Through a workbook, which knows no type but numbers and text: a source says what its columns are."""
    buffer = io.BytesIO()
    data.frame().write_excel(buffer)
    # not pl.read_excel, which takes a column `^a.*$` for a pattern
    read = fastexcel.read_excel(buffer.getvalue()).load_sheet(0, schema_sample_rows=None).to_polars()
    wanted = {name: DTYPES[kind] for name, kind in data.columns}
    read.columns = data.names
    return FrameBackend(read.with_columns(*(_typed(read[name], dtype) for name, dtype in wanted.items())))


def _typed(series: pl.Series, dtype: Any) -> pl.Series:
    if dtype == pl.Time() and series.dtype != pl.Time():
        return series.cast(pl.Datetime("us")).dt.time()
    return series.cast(dtype)


def by_sqlite(data: Data) -> Table:
    """In SQLite."""
    return SQLBackend(engine_of("sqlite"), data)


def by_postgresql(data: Data) -> Table:
    """In PostgreSQL."""
    return SQLBackend(engine_of("postgresql"), data)


def by_mariadb(data: Data) -> Table:
    """In MariaDB."""
    return SQLBackend(engine_of("mariadb"), data)


def by_frame(data: Data) -> Table:
    """As a frame in memory."""
    return FrameBackend(data.frame())


BACKENDS: Mapping[str, Callable[[Data], Table]] = {
    "frame": by_frame,
    "csv": by_csv,
    "parquet": by_parquet,
    "xlsx": by_xlsx,
    "sqlite": by_sqlite,
    "postgresql": by_postgresql,
    "mariadb": by_mariadb,
}


@cache
def table_of(backend: str, data: Data) -> Table:
    """The table of `data` in a backend, made once for all tests. Skips the test where there is no such server."""
    return BACKENDS[backend](data)
