"""The tables that the benchmarks of data ask: a CSV of a million rows, SQLite, a PostgreSQL of our own."""

from __future__ import annotations

import csv
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.bench import Bench

ROWS, DATABASE_ROWS, SMALL, WRITTEN = 1_000_000, 100_000, 300, 1000
CITIES = ("Oslo", "Bergen", "Rome", "Paris", "Zürich", "Lima", "Quito", "Delhi")
COLUMNS = ("id", "city", "product", "sales", "growth")
CONFIG = """
app: {{settings: {{xsrf_cookies: false}}}}
url:
  ready: {{pattern: /ready, handler: FunctionHandler, kwargs: {{function: str("ready")}}}}
  big: {{pattern: /big, handler: FormHandler, kwargs: {{url: $YAMLPATH/big.csv}}}}
  small: {{pattern: /small, handler: FormHandler, kwargs: {{url: $YAMLPATH/small.csv}}}}
  sqlite: {{pattern: /sqlite, handler: FormHandler, kwargs: {{url: "sqlite:///$YAMLPATH/sales.db", table: sales}}}}
  written:
    pattern: /written
    handler: FormHandler
    kwargs: {{url: $YAMLPATH/written.csv, id: id, xsrf_cookies: false}}
{more}
"""
POSTGRES = """
  postgres: {{pattern: /postgres, handler: FormHandler, kwargs: {{url: "{url}", table: sales}}}}
"""


def rows(count: int) -> Iterator[list[Any]]:
    """Always the same ones."""
    chance = random.Random(1)
    for number in range(count):
        product = f"product {chance.randrange(1000)}"
        growth = round(chance.random() * 2 - 1, 4)
        yield [number, chance.choice(CITIES), product, chance.randrange(100_000), growth]


def table_folder(bench: Bench, postgres: str = "") -> Path:
    """A folder with the tables, made once in a run, and a gramex.yaml."""
    folder = bench.folder / "tables"
    if not folder.exists():
        folder.mkdir()
        with open(folder / "big.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows(rows(ROWS))
        for name, count in (("small.csv", SMALL), ("written.csv", WRITTEN)):
            with open(folder / "big.csv", encoding="utf-8") as file:
                (folder / name).write_text("".join(islice(file, count + 1)), encoding="utf-8")
        with closing(sqlite3.connect(folder / "sales.db")) as connection:
            connection.execute(
                "CREATE TABLE sales (id INTEGER PRIMARY KEY, city TEXT, product TEXT, sales INTEGER, growth REAL)"
            )
            connection.executemany("INSERT INTO sales VALUES (?, ?, ?, ?, ?)", rows(DATABASE_ROWS))
            connection.commit()
    (folder / "gramex.yaml").write_text(CONFIG.format(more=POSTGRES.format(url=postgres) if postgres else ""))
    return folder


@contextmanager
def postgres(count: int) -> Iterator[str]:
    """The URL of a PostgreSQL of our own with a table of `count` rows."""
    import psycopg

    from tests.servers import PostgresServer

    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = PostgresServer(folder)
    try:
        server.start()
        with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
            connection.execute(
                "CREATE TABLE sales (id INTEGER PRIMARY KEY, city TEXT, product TEXT, sales INTEGER, growth FLOAT)"
            )
            with connection.cursor().copy("COPY sales FROM STDIN") as copy:
                for row in rows(count):
                    copy.write_row(row)
            connection.commit()
            connection.autocommit = True
            connection.execute("VACUUM ANALYZE sales")
        yield server.url()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
