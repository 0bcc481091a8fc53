"""Whether an SQLite database has changed, which it tells in microseconds: so answers can be kept until it has."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from threading import Lock

from gramex_twisted.durable import stamp

ASK = """
SELECT data_version, (SELECT sql FROM sqlite_schema WHERE type = 'table' AND lower(name) = lower(?))
FROM pragma_data_version
"""
"""What others commit changes the first; the second is null for what is no table, since a view may tell the time."""


class Versions:
    """The versions of the databases of an app, each asked on a connection that does nothing else. From any thread."""

    def __init__(self) -> None:
        self._watches: dict[Path, _Watch] = {}
        self._lock = Lock()

    def of(self, path: Path, table: str) -> Hashable | None:
        """What is equal as long as the table is; None where that cannot be told."""
        with self._lock:
            watch = self._watches.get(path)
            if watch is None:
                watch = self._watches[path] = _Watch(path)
        return watch.version(table)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            watches, self._watches = list(self._watches.values()), {}
        for watch in watches:
            watch.close()


class _Watch:
    """One database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._opened = 0
        self._lock = Lock()

    def version(self, table: str) -> Hashable | None:
        with self._lock:
            try:
                found = os.stat(self.path)
                if self._connection is None or found.st_ino != self._inode:
                    self._open(found.st_ino)
                assert self._connection is not None
                version, sql = self._connection.execute(ASK, (table,)).fetchone()
            except (OSError, sqlite3.Error):  # locked, gone or broken: reading the table will say what is the matter
                self._drop()
                return None
        if sql is None or sql[:14].upper() == "CREATE VIRTUAL":
            return None
        # The size and time tell of a file that was written over by something else than SQLite.
        return self._opened, version, stamp(found)

    def _open(self, inode: int) -> None:
        self._drop()
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = 1")
        self._connection, self._inode = connection, inode
        self._opened += 1  # versions of two connections cannot be compared

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._drop()
