"""Tables to be changed: the same rows in files of every kind and in databases, each new for its test."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.arguments import parse as parse_query
from gramex_twisted.data.changes import Change, delete, insert, rows_of, update
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.sources import source_of
from gramex_twisted.data.sources.base import Shared, Source
from gramex_twisted.data.sources.dataset import parse
from gramex_twisted.data.writers import Writers
from tests.data.backends import arguments
from tests.data.databases import url_of
from tests.servers import MariaDBServer, PostgresServer

FILES = ("csv", "tsv", "json", "jsonl", "yaml", "xlsx", "parquet", "feather")
DATABASES = ("sqlite", "postgresql", "mariadb")
ROWS = (
    {"id": 1, "name": "Oslo", "sales": 1.5, "active": True, "day": date(2024, 1, 31), "at": datetime(2024, 1, 31, 8)},
    {"id": 2, "name": 'a,"b"', "sales": None, "active": False, "day": date(2024, 2, 29), "at": None},
    {"id": 3, "name": "日本", "sales": -2.25, "active": None, "day": None, "at": datetime(2024, 2, 1, 23, 59, 59)},
)
TYPES: dict[str, Any] = {
    "id": sa.Integer(),
    "name": sa.String(200),
    "sales": sa.Double(),
    "active": sa.Boolean(),
    "day": sa.Date(),
    "at": sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb"),
}
DTYPES = {
    "id": pl.Int64(),
    "name": pl.String(),
    "sales": pl.Float64(),
    "active": pl.Boolean(),
    "day": pl.Date(),
    "at": pl.Datetime("us"),
}
COUNTER = itertools.count()


class ChangesTestCase(SynchronousTestCase):
    """Sources in a folder of the test's own, and in databases."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.root.mkdir()
        self.shared = Shared(Memory(), Engines(), self.root, Writers(60))
        self.addCleanup(self.shared.engines.dispose)

    def source(self, **kwargs: Any) -> Source:
        """What a handler would make of these kwargs."""
        return source_of(parse(kwargs), self.shared)

    def url(self, backend: str) -> str:
        """Of a database."""
        if backend == "sqlite":
            path = self.root / "test.db"
            path.touch()
            return f"sqlite:///{path}"
        return url_of(PostgresServer if backend == "postgresql" else MariaDBServer)

    def execute(self, backend: str, *statements: str) -> None:
        """Run statements in a database."""
        with self.shared.engines.get(self.url(backend)).begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement if backend == "sqlite" else statement.replace("%", "%%"))

    def made(self, backend: str, rows: Sequence[dict[str, Any]] = ROWS, **kwargs: Any) -> Source:
        """The rows in a new table or file."""
        if backend in DATABASES:
            return self._table(backend, rows, **kwargs)
        path = self.root / f"table{next(COUNTER)}.{backend}"
        write(path, backend, rows)
        return self.source(url=path.name, **kwargs)

    def _table(self, backend: str, rows: Sequence[dict[str, Any]], **kwargs: Any) -> Source:
        name = f"changed_{next(COUNTER)}"
        columns = [sa.Column(column, type_, primary_key=column == "id") for column, type_ in TYPES.items()]
        table = sa.Table(name, sa.MetaData(), *columns)
        engine = self.shared.engines.get(self.url(backend))
        with engine.begin() as connection:
            table.create(connection)
            for row in rows:
                connection.execute(table.insert(), dict(row))
            if backend == "postgresql":
                connection.exec_driver_sql(f"SELECT setval('{name}_id_seq', 3)")
        self.addCleanup(table.drop, engine)
        return self.source(url=self.url(backend), table=name, **kwargs)

    def ask(self, source: Source, url: str = "") -> list[dict[str, Any]]:
        """The records of a GET."""
        table = source.open({})
        try:
            return table.run(parse_query(arguments(url), table.schema)).records()
        finally:
            table.close()

    def ids(self, source: Source) -> list[Any]:
        """Which rows there are."""
        return [row["id"] for row in self.ask(source)]

    def post(self, source: Source, body: str | list[dict[str, Any]], key: Sequence[str] = ("id",)) -> Change:
        """POST arguments, or JSON."""
        return insert(source, rows_of(arguments(body)) if isinstance(body, str) else body, {}, key)

    def put(self, source: Source, body: str | list[dict[str, Any]], key: Sequence[str] = ("id",)) -> Change:
        """PUT."""
        return update(source, arguments(body) if isinstance(body, str) else body, {}, key)

    def delete(self, source: Source, body: str | list[dict[str, Any]], key: Sequence[str] = ("id",)) -> Change:
        """DELETE."""
        return delete(source, arguments(body) if isinstance(body, str) else body, {}, key)


def write(path: Path, kind: str, rows: Sequence[dict[str, Any]]) -> None:
    """A file with the rows, as other programs write it."""
    frame = pl.DataFrame(list(rows), schema=DTYPES)
    rows = [{**dict.fromkeys(DTYPES), **row} for row in rows]
    plain = [{name: str(v) if isinstance(v, date) else v for name, v in row.items()} for row in rows]
    if kind in ("csv", "tsv"):
        frame.write_csv(path, separator="," if kind == "csv" else "\t", datetime_format="%Y-%m-%d %H:%M:%S")
    elif kind == "xlsx":
        frame.write_excel(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "feather":
        frame.write_ipc(path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in plain))
    else:  # JSON is YAML
        path.write_text(json.dumps(plain))
