"""Tables of `storelocations:` in SQLite files, by the standard library: most apps have theirs there, and not all have
SQLAlchemy. Everything here blocks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

#: Seconds to wait for others who write to the file.
PATIENCE = 5.0


@contextmanager
def opened(path: Path, table: str, columns: Mapping[str, Any]) -> Iterator[sqlite3.Connection]:
    """A transaction that writes to ``table``, which is made, or given the columns that it lacks.

    :param columns: name -> SQL type, or ``{type, primary_key}``.
    :raises sqlite3.Error: when others hold the file for longer than ``PATIENCE``, or it is no database.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        try:
            _prepare(connection, table, columns)
            yield connection
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def names_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The columns of ``table``; none where there is no such table."""
    return [name for _, name, *_ in connection.execute(f"PRAGMA table_info({quoted(table)})")]


def quoted(name: str) -> str:
    """``name`` as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def kind_of(spec: Any) -> str:
    """The type of a column: TEXT for what SQLite has no type for."""
    written = str(spec.get("type", "TEXT") if isinstance(spec, Mapping) else spec).upper()
    return written if written in ("TEXT", "INTEGER", "REAL") else "TEXT"


def _prepare(connection: sqlite3.Connection, table: str, columns: Mapping[str, Any]) -> None:
    there = names_of(connection, table)
    if not there:
        made = ", ".join(f"{quoted(name)} {kind_of(spec)}{_key(spec)}" for name, spec in columns.items())
        connection.execute(f"CREATE TABLE {quoted(table)} ({made})")
        return
    lower = {name.lower() for name in there}
    for name, spec in columns.items():
        if name.lower() not in lower:
            connection.execute(f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(name)} {kind_of(spec)}")


def _key(spec: Any) -> str:
    return " PRIMARY KEY" if isinstance(spec, Mapping) and spec.get("primary_key") else ""
