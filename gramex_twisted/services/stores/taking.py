"""A store in an SQLite file that takes over, once, what a JSON store of Gramex 1.x has in its file."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from twisted.logger import Logger

from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.jsonfile import PAUSE, WRITING
from gramex_twisted.services.stores.jsontext import parse
from gramex_twisted.services.stores.sqlite import GET, PUT, SqliteStore
from gramex_twisted.services.stores.sqlitefile import begin, connect, connect_reader

log = Logger()
#: Keys of a session of Gramex of which nobody misses anything: most are of visitors who came once.
_EMPTY = frozenset(("id", "_next_url", "_l", "_i"))


class TakingStore(SqliteStore):
    """Sessions, which begin with those of the file ``source``. That file stays as it is."""

    def __init__(self, reactor: Any, path: Path, name: str, source: Path, **options: Any) -> None:
        super().__init__(reactor, path, name, **options)
        self.source = source

    def _open(self, patience: float) -> sqlite3.Connection:
        if self._writer is None:
            writer = connect(self.path, patience)
            try:
                self._take_over(writer, patience)
            except BaseException:
                writer.close()
                raise
            self._writer, self._reader = writer, connect_reader(self.path)
        return self._writer

    def _take_over(self, connection: sqlite3.Connection, patience: float) -> None:
        note = (f"{self.entries_of}.taken", str(self.source.absolute()))
        if connection.execute(GET, note).fetchone() is not None:
            return
        rows = [(self.entries_of, key, value, expires) for key, (value, expires) in self._entries()]
        begin(connection, self.path, patience)
        try:
            if connection.execute(GET, note).fetchone() is None:
                connection.executemany(PUT, rows)
                connection.execute(PUT, (*note, b"{}", None))
            connection.execute("COMMIT")
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        if rows:
            log.info("{count} sessions of {path} go on in {own}", count=len(rows), path=str(self.source), own=self.path)

    def _entries(self) -> Iterator[tuple[str, Entry]]:
        try:
            content = self.source.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"{self.source}: cannot be read: {error.strerror}") from error
        now = self.clock()
        for key, entry in self._whole(content).items():
            # One without a time of expiry has ended, for Gramex.
            if entry.expires is not None and not entry.expired(now):
                values = orjson.loads(entry.value)
                if values.keys() - _EMPTY:
                    yield key, Entry(orjson.dumps(_without_password(values)), entry.expires)

    def _whole(self, content: bytes) -> dict[str, Entry]:
        """The entries of the file. Gramex may be writing it."""
        end = time.monotonic() + WRITING
        while True:
            try:
                return parse(content, self.source)
            except StoreError:
                if time.monotonic() > end or time.time() - self.source.stat().st_mtime > 2 * WRITING:
                    raise
            time.sleep(PAUSE)
            content = self.source.read_bytes()


def _without_password(session: dict[str, Any]) -> dict[str, Any]:
    """``session`` without what SimpleAuth of Gramex keeps of its user and nobody should."""
    user = session.get("user")
    if not isinstance(user, dict):
        return session
    return {**session, "user": {key: value for key, value in user.items() if key != "password"}}
