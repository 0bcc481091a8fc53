"""How long a statement may take, in the words of each database. Imports SQLAlchemy: see `connecting`."""

from __future__ import annotations

from time import monotonic
from typing import Any

import sqlalchemy as sa

DEADLINE = "gramex deadline"
STEPS = 5000
"""Instructions of SQLite's machine between two looks at the clock: a fraction of a millisecond."""


def prepare(engine: sa.Engine, timeout: float | None) -> None:
    """Have statements on connections that `engine` makes from now on end after `timeout` seconds."""
    if timeout is None or timeout <= 0:
        return
    name = engine.dialect.name
    if name == "sqlite":
        _sqlite(engine, timeout)
    elif name in ("postgresql", "mysql", "mariadb"):
        sa.event.listen(engine, "connect", lambda connection, record: _say(connection, name, timeout))


def _say(connection: Any, name: str, timeout: float) -> None:
    """Tell the server."""
    if name == "postgresql":
        statement = f"SET statement_timeout = {round(timeout * 1000)}"
    elif "mariadb" in str(getattr(connection, "server_version", "") or connection.get_server_info()).lower():
        statement = f"SET SESSION max_statement_time = {timeout}"
    else:
        statement = f"SET SESSION max_execution_time = {round(timeout * 1000)}"
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.commit()


def _sqlite(engine: sa.Engine, timeout: float) -> None:
    """SQLite has no clock: it asks us, while it works."""

    def connected(connection: Any, record: Any) -> None:
        info = record.info

        def late() -> bool:
            return bool(monotonic() > info.get(DEADLINE, float("inf")))

        connection.set_progress_handler(late, STEPS)

    def begins(connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: Any) -> None:
        extend(connection, timeout)

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "before_cursor_execute", begins)


def extend(connection: sa.Connection, timeout: float) -> None:
    """What runs on a connection to SQLite may take `timeout` seconds from now."""
    connection.info[DEADLINE] = monotonic() + timeout
