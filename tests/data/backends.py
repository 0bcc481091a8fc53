"""Everything that can hold a table, behind one door: `ask` it, and it answers JSON."""

from __future__ import annotations

import atexit
import io
import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from gramex_twisted.data import frame, sql
from gramex_twisted.data.arguments import parse
from gramex_twisted.data.distinct import parse_distinct
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result, dump
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources import databases, source_of
from gramex_twisted.data.sources.base import Shared, Source
from gramex_twisted.data.sources.dataset import parse as parse_dataset
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


class SourceBackend(Table):
    """A dataset, as handlers read it; opened for each question, as they do."""

    def __init__(self, source: Source) -> None:
        self.source = source
        with closing(source.open({})) as table:
            self.schema = table.schema

    def run(self, query: Query) -> Result:
        """See Table."""
        with closing(self.source.open({})) as table:
            found = table.run(query)
            result = found if isinstance(found, Result) else found.result()
            if found.json() != result.json():
                raise AssertionError(f"{found.json()!r} != {result.json()!r}")
            return result

    def count(self, query: Query) -> int:
        """See Table."""
        with closing(self.source.open({})) as table:
            return table.count(query)


class SQLBackend(Table):
    """A table of a database, as its source reflects it."""

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
            self.table = sql.table_of(self.made, engine.dialect) if odd else None
        url = engine.url.render_as_string(hide_password=False)
        self.source = databases.TableSource(parse_dataset({"url": url, "table": name}), shared())
        if self.table is None:
            with closing(self.source.open({})) as found:
                self.schema = found.schema
        else:
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
        with closing(self.open()) as table:
            return table.run(query)

    def count(self, query: Query) -> int:
        """See Table."""
        with closing(self.open()) as table:
            return table.count(query)

    def open(self) -> databases.DatabaseTable:
        """The table, as a request sees it."""
        if self.table is None:
            return self.source.open({})
        known = self.table
        return databases.DatabaseTable(self.engine, shared(), lambda connection: known)


@cache
def shared() -> Shared:
    """What all sources of the tests share. Its folder goes with the process."""
    folder = Path(tempfile.mkdtemp(prefix="sources-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Shared(Memory(), Engines(), folder)


@cache
def engine_of(name: str) -> sa.Engine:
    """The one engine for a database. Skips the test where there is none."""
    url = "sqlite://" if name == "sqlite" else url_of(PostgresServer if name == "postgresql" else MariaDBServer)
    return shared().engines.get(url)


def by_file(name: str, content: bytes, **options: Any) -> Table:
    """Through a file of this name, whose options these are."""
    path = Path(tempfile.mkdtemp(dir=shared().root), name)
    path.write_bytes(content)
    return SourceBackend(source_of(parse_dataset({"url": str(path), **options}), shared()))


def by_csv(data: Data) -> Table:
    """Through a CSV."""
    return by_file("data.csv", data.frame().write_csv().encode())


def by_parquet(data: Data) -> Table:
    """Through Parquet."""
    buffer = io.BytesIO()
    data.frame().write_parquet(buffer)
    return by_file("data.parquet", buffer.getvalue())


def by_xlsx(data: Data) -> Table:
    """Through a workbook, which knows no type but numbers, moments and text."""
    buffer = io.BytesIO()
    data.frame().write_excel(buffer)
    return by_file("data.xlsx", buffer.getvalue())


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
