"""A store in the SQLite file of a Gramex 1.x store: one table of keys and JSON, which both can go on using."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from gramex_twisted.services.stores.base import Entry, Store
from gramex_twisted.services.stores.sqlite import SqliteStore, Work
from gramex_twisted.services.stores.sqlitefile import connect, connect_reader

#: What Gramex 1.x leaves of an entry that it has removed.
_NOTHING = (None, "null", b"null")
#: Gramex 1.x has no times of expiry: they are beside its table.
_ALL = "SELECT key, value, expires FROM store LEFT JOIN store_expires USING (key)"


class DictStore(SqliteStore):
    """The entries of the table ``store`` in the file ``path``. Values are UTF-8: ``put`` refuses others."""

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``."""
        return [key for key in await self.items() if key.startswith(prefix)]

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """See ``Store.newest``."""
        return await Store.newest(self, limit, without)

    async def count(self, without: str = "") -> int | None:
        """See ``Store.count``."""
        return await Store.count(self, without)

    async def items(self) -> dict[str, bytes]:
        """Every key and value, sorted by key."""

        def work(connection: sqlite3.Connection) -> dict[str, bytes]:
            rows = connection.execute(f"{_ALL} ORDER BY key")
            found = {key: self._entry(value, expires) for key, value, expires in rows}
            return {key: entry.value for key, entry in found.items() if entry is not None}

        found: dict[str, bytes] = await self._lane.submit(Work(work, writes=False))
        return found

    async def purge(self) -> int:
        """See ``Store.purge``."""

        def work(connection: sqlite3.Connection) -> int:
            now = (self.clock(),)
            expired = "SELECT key FROM store_expires WHERE expires <= ?"
            gone = connection.execute(f"DELETE FROM store WHERE key IN ({expired})", now).rowcount
            connection.execute("DELETE FROM store_expires WHERE expires <= ?", now)
            return gone + connection.execute("DELETE FROM store WHERE value IS NULL OR value = 'null'").rowcount

        return int(await self._lane.submit(Work(work)))

    def _read(self, connection: sqlite3.Connection, key: str) -> Entry | None:
        row = connection.execute(f"{_ALL} WHERE key = ?", (key,)).fetchone()
        return None if row is None else self._entry(row[1], row[2])

    def _entry(self, value: Any, expires: float | None) -> Entry | None:
        entry = Entry(value.encode("utf-8") if isinstance(value, str) else bytes(value or b""), expires)
        return None if value in _NOTHING or entry.expired(self.clock()) else entry

    def _write(self, connection: sqlite3.Connection, key: str, entry: Entry | None) -> None:
        text = None if entry is None else entry.value.decode("utf-8")
        connection.execute("DELETE FROM store_expires WHERE key = ?", (key,))
        if entry is None:
            connection.execute("DELETE FROM store WHERE key = ?", (key,))
            return
        connection.execute("REPLACE INTO store (key, value) VALUES (?, ?)", (key, text))
        if entry.expires is not None:
            connection.execute("INSERT INTO store_expires (key, expires) VALUES (?, ?)", (key, entry.expires))

    def _open(self, patience: float) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path, patience, _set_up)
            self._reader = connect_reader(self.path)
        return self._writer


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS store (key TEXT PRIMARY KEY, value BLOB)")
    connection.execute("CREATE TABLE IF NOT EXISTS store_expires (key TEXT PRIMARY KEY, expires REAL)")
