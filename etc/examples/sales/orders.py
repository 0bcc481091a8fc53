"""The orders: a database that is made of orders.csv where there is none, and what requests ask of it."""

from __future__ import annotations

import csv
import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from examples.sales.generate import COLUMNS, ELEMENTS, LABORATORIES

from gramex_twisted.errors import HTTPError

Arguments = Mapping[str, list[str]]

TABLE = """
CREATE TABLE orders (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  date DATE NOT NULL,
  element TEXT NOT NULL,
  symbol TEXT NOT NULL,
  laboratory TEXT NOT NULL,
  country TEXT NOT NULL,
  amount REAL NOT NULL CHECK (amount > 0),
  price REAL NOT NULL CHECK (price >= 0),
  month TEXT GENERATED ALWAYS AS (substr(date, 1, 7)) VIRTUAL
)"""
INSERT = f"INSERT INTO orders ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"
GROUPS = ("month", "element", "laboratory", "country")
"""Datasets that are grouped by the column of their name."""
SYMBOLS = {element: symbol for element, symbol, _, _ in ELEMENTS}
COUNTRIES = dict(LABORATORIES)
SHAPE = {"_by", "_c", "_limit"}
"""What the page says itself, and not its address."""


def prepare(args: Arguments, key: str, handler: Any, database: str) -> Arguments:
    """What is asked of the dataset `key`; makes the database first where there is none."""
    path = Path(database)
    if not path.exists():
        make(path)
    if key != "data" and not SHAPE.isdisjoint(name.rpartition(":")[2] for name in handler.args):
        raise HTTPError(400, f"{', '.join(sorted(SHAPE))}: ask /sales/orders for that")
    if key in GROUPS:
        return {**{name: texts for name, texts in args.items() if name.rstrip("!<>~*") != key}, "_by": [key]}
    if key == "edited":
        return {"id": args.get("edit", ["0"])}
    return args if handler.method in ("GET", "HEAD") else completed(args)


def make(path: Path) -> None:
    """Make the database: as a whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=".sales-") as folder:
        new = Path(folder, path.name)
        with closing(sqlite3.connect(new)) as connection, connection:
            connection.execute(TABLE)
            connection.executemany(INSERT, rows())
        with suppress(FileExistsError):  # another process was faster; a rename would undo what it has changed since
            os.link(new, path)


def rows() -> Iterable[list[str]]:
    """The rows of orders.csv."""
    with Path(__file__).with_name("orders.csv").open(encoding="utf-8", newline="") as file:
        yield from list(csv.reader(file))[1:]


def completed(args: Arguments) -> Arguments:
    """An order that is added or changed, with what follows from its element and laboratory."""
    found = dict(args)
    for column, follows, known in (("element", "symbol", SYMBOLS), ("laboratory", "country", COUNTRIES)):
        if column in args:
            found[follows] = [look_up(column, text, known) for text in args[column]]
    return found


def look_up(column: str, text: str, known: Mapping[str, str]) -> str:
    """What follows from `text`."""
    if text not in known:
        raise HTTPError(400, f"{column}={text}: it is one of {', '.join(known)}")
    return known[text]
