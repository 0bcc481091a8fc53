"""A store in the SQLite file of a Gramex 1.x store: one table of keys and JSON, which both can go on using."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from gramex_twisted.services.stores.base import Entry
from gramex_twisted.services.stores.sqlite import SqliteStore, Work
from gramex_twisted.services.stores.sqlitefile import connect, connect_reader

#: What Gramex 1.x leaves of an entry that it has removed.
_NOTHING = (None, "null", b"null")


class DictStore(SqliteStore):
    """The entries of the table ``store`` in the file ``path``. None expires: ``put`` raises ValueError for that."""

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``."""
        return [key for key in await self.items() if key.startswith(prefix)]

    async def items(self) -> dict[str, bytes]:
        """Every key and value, sorted by key."""

        def work(connection: sqlite3.Connection) -> dict[str, bytes]:
            rows = connection.execute("SELECT key, value FROM store ORDER BY key")
            return {key: _bytes(value) for key, value in rows if value not in _NOTHING}

        found: dict[str, bytes] = await self._lane.submit(Work(work, writes=False))
        return found

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``."""
        if expires is not None:
            raise ValueError(f"{self.path} has no place for a time of expiry")
        await super().put(key, value)

    async def purge(self) -> int:
        """See ``Store.purge``."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute("DELETE FROM store WHERE value IS NULL OR value = 'null'").rowcount

        return int(await self._lane.submit(Work(work)))

    def _read(self, connection: sqlite3.Connection, key: str) -> Entry | None:
        row = connection.execute("SELECT value FROM store WHERE key = ?", (key,)).fetchone()
        return None if row is None or row[0] in _NOTHING else Entry(_bytes(row[0]))

    def _write(self, connection: sqlite3.Connection, key: str, entry: Entry | None) -> None:
        if entry is None:
            connection.execute("DELETE FROM store WHERE key = ?", (key,))
        else:
            connection.execute("REPLACE INTO store (key, value) VALUES (?, ?)", (key, entry.value.decode("utf-8")))

    def _open(self, patience: float) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path, patience, _set_up)
            self._reader = connect_reader(self.path)
        return self._writer


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value BLOB)")


def _bytes(value: Any) -> bytes:
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)
