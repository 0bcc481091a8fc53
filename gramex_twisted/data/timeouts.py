"""How long a statement may take, in the words of each database. Imports SQLAlchemy: see `connecting`."""

from __future__ import annotations

from time import monotonic
from typing import Any

import sqlalchemy as sa

TIMEOUT, DEADLINE = "gramex timeout", "gramex deadline"
"""What is kept in `connection.info`: seconds, and when the statement that runs must have ended."""
STEPS = 500_000
"""Instructions of SQLite's machine between two looks at the clock: some milliseconds. Each look needs the interpreter
lock, for which threads wait for one another: at a hundredth of this, four statements at once take twice as long."""
STREAMS = 10
"""How much longer MySQL may take over rows that are sent on while it finds them."""


def prepare(engine: sa.Engine, timeout: float | None) -> None:
    """Have statements on connections that `engine` makes from now on end after `timeout` seconds."""
    if timeout is None or timeout <= 0:
        return
    seconds = timeout
    name = engine.dialect.name

    def connected(connection: Any, record: Any) -> None:
        record.info[TIMEOUT] = seconds
        if name == "sqlite":
            info = record.info
            connection.set_progress_handler(lambda: monotonic() > info.get(DEADLINE, float("inf")), STEPS)
        else:
            with connection.cursor() as cursor:
                cursor.execute(_statement(name, connection, seconds))
            connection.commit()

    def begins(connection: Any, cursor: Any, statement: Any, parameters: Any, context: Any, executemany: Any) -> None:
        extend(connection)

    if name == "sqlite":  # it has no clock: it asks us, while it works
        sa.event.listen(engine, "before_cursor_execute", begins)
    if name in ("sqlite", "postgresql", "mysql", "mariadb"):
        sa.event.listen(engine, "connect", connected)


def extend(connection: sa.Connection) -> None:
    """Count the time of what runs from now on, since rows of it have been found. For SQLite; servers count by fetch."""
    if TIMEOUT in connection.info:
        connection.info[DEADLINE] = monotonic() + connection.info[TIMEOUT]


def streams(connection: sa.Connection, factor: float = STREAMS) -> None:
    """Have MySQL and MariaDB, who count the time until a client has taken the last row, wait for slow ones."""
    name = connection.dialect.name
    if name in ("mysql", "mariadb") and TIMEOUT in connection.info:
        raw = connection.connection.driver_connection
        connection.exec_driver_sql(_statement(name, raw, connection.info[TIMEOUT] * factor))


def _statement(name: str, connection: Any, seconds: float) -> str:
    """What tells a server."""
    if name == "postgresql":
        return f"SET statement_timeout = {round(seconds * 1000)}"
    if "mariadb" in str(connection.get_server_info()).lower():
        return f"SET SESSION max_statement_time = {seconds}"
    return f"SET SESSION max_execution_time = {round(seconds * 1000)}"
