"""What tells whether the tables of a database have changed. Imports SQLAlchemy: see `queries`."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gramex_twisted.data.errors import SourceError

POSTGRES = (
    "SELECT schemaname, relname, relid::bigint, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_all_tables "
    "WHERE relname IN :names AND schemaname = coalesce(:schema, current_schema()) ORDER BY 1, 2"
)
MYSQL = (
    "SELECT table_name, create_time, update_time, update_time > now() - INTERVAL 2 SECOND "
    "FROM information_schema.tables "
    "WHERE table_name IN :names AND table_schema = coalesce(:schema, database()) ORDER BY 1"
)


def state_of(state: Any, connection: sa.Connection) -> Hashable | None:
    """The value of `state:`; None: it cannot be known now. Raises SourceError, SQLAlchemy's errors."""
    if callable(state):
        return repr(state())
    if isinstance(state, str):
        return repr(connection.execute(sa.text(state.rstrip().rstrip(";"))).fetchall())
    if not isinstance(state, list | tuple) or not state or not all(isinstance(name, str) for name in state):
        raise SourceError(f"state: must be a query, a function or a list of tables, not {state!r}")
    return tables_state(state, connection)


def tables_state(names: Sequence[str], connection: sa.Connection) -> Hashable | None:
    """What is different when one of these tables has been changed.

    SQLite: its file. PostgreSQL: how many rows it has inserted, updated and deleted, which it tells a second late.
    MySQL, MariaDB: when they were changed last, which they know to the second, so that a fresh change is not known.
    """
    kind = connection.dialect.name
    if kind == "sqlite":
        return _files(connection.engine.url.database)
    if kind not in ("postgresql", "mysql", "mariadb"):
        raise SourceError(f"state: a list of tables is not known for {kind}: say a query or a function")
    found: list[Any] = []
    statement = sa.text(POSTGRES if kind == "postgresql" else MYSQL).bindparams(sa.bindparam("names", expanding=True))
    for name in names:
        schema, _, table = name.rpartition(".")
        bind = sa.bindparam("schema", schema or None, sa.Text())
        rows = connection.execute(statement.bindparams(bind), {"names": [table]}).fetchall()
        if not rows:
            raise SourceError(f"state: no table {name}")
        if kind != "postgresql" and any(row[2] is None or row[3] for row in rows):
            return None
        found += [tuple(row) for row in rows]
    return repr(found)


def _files(database: str | None) -> Hashable | None:
    """The files of SQLite: changes may be in its log only."""
    if not database or database == ":memory:" or database.startswith("file:"):
        return None
    found: list[tuple[int, int, int]] = []
    for end in ("", "-wal"):
        try:
            known = Path(database + end).stat()
        except FileNotFoundError:
            continue
        found.append((known.st_mtime_ns, known.st_size, known.st_ino))
    return tuple(found)
