"""Stops what a connection is doing, from another thread. Imports SQLAlchemy: see `connecting`."""

from __future__ import annotations

from contextlib import closing, suppress

import sqlalchemy as sa

PATIENCE = 5.0
"""Seconds to wait for PostgreSQL to hear of it."""


def cancel(connection: sa.Connection) -> None:
    """Have the statement that runs on `connection` fail, if one does. Where the server is gone, nothing happens."""
    raw = connection.connection.driver_connection
    name = connection.dialect.name
    if raw is None:
        return
    with suppress(Exception):  # the connection may end at this moment: then there is nothing to stop
        if name == "sqlite":
            raw.interrupt()
        elif name == "postgresql" and hasattr(raw, "cancel_safe"):
            raw.cancel_safe(timeout=PATIENCE)
        elif name == "postgresql":
            raw.cancel()
        elif name in ("mysql", "mariadb"):
            _kill(connection, int(raw.thread_id()))


def _kill(connection: sa.Connection, thread: int) -> None:
    """Tell MySQL by a connection of its own, since all others may be in use."""
    pool = connection.engine.pool.recreate()
    try:
        with closing(pool.connect()) as other:
            other.cursor().execute(f"KILL QUERY {thread}")
    finally:
        pool.dispose()
