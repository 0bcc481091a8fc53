"""Stops what a connection is doing, from another thread. Imports SQLAlchemy: see `connecting`."""

from __future__ import annotations

from contextlib import suppress

import sqlalchemy as sa


def cancel(connection: sa.Connection) -> None:
    """Have the statement that runs on `connection` fail, if one does. Where the server is gone, nothing happens."""
    raw = connection.connection.driver_connection
    name = connection.dialect.name
    if raw is None:
        return
    with suppress(Exception):  # the connection may end at this moment: then there is nothing to stop
        if name == "sqlite":
            raw.interrupt()
        elif name == "postgresql":
            raw.cancel_safe(timeout=5) if hasattr(raw, "cancel_safe") else raw.cancel()
        elif name in ("mysql", "mariadb"):
            _kill(connection, int(raw.thread_id()))


def _kill(connection: sa.Connection, thread: int) -> None:
    """Tell MySQL, by a connection of its own, to end a statement."""
    with connection.engine.connect() as other:
        other.execute(sa.text(f"KILL QUERY {thread}"))
