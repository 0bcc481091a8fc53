"""A store in an SQLite file: durable, and shared by all processes of a machine.

Writes are made by one thread. Those that come while it commits are committed together, so that a hundred sessions cost
one fsync. What is confirmed has been fsynced (write-ahead log, synchronous=FULL): it survives a power cut.

Reads are made on the reactor: a row is read by its key in 4 µs, less than it costs to hand that to a thread, and
writers never block readers of a write-ahead log. The reading connection waits for nothing: where it would have to, the
thread reads instead.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import Change, Entry, Store, StoreError
from gramex_twisted.services.stores.lane import Job, Lane
from gramex_twisted.services.stores.sqlitefile import begin, connect, connect_reader, explained, is_full, when_free

T = TypeVar("T")
GET = "SELECT value, expires FROM entries WHERE store = ? AND key = ?"
PUT = (
    "INSERT INTO entries (store, key, value, expires) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (store, key) DO UPDATE SET value = excluded.value, expires = excluded.expires"
)
DELETE = "DELETE FROM entries WHERE store = ? AND key = ?"
KEYS = "SELECT key, expires FROM entries WHERE store = ? AND key >= ? ORDER BY key"
_ALIVE = (
    "FROM entries WHERE store = ? AND (expires IS NULL OR expires > ?) AND (? = '' OR substr(key, 1, length(?)) <> ?)"
)
NEWEST = f"SELECT key, value, expires {_ALIVE} ORDER BY rowid DESC LIMIT ?"
COUNT = f"SELECT count(*) {_ALIVE}"
PURGE = "DELETE FROM entries WHERE rowid IN (SELECT rowid FROM entries WHERE store = ? AND expires <= ? LIMIT ?)"
#: Entries that one transaction of ``purge`` removes: others can write in between.
PURGE_SIZE = 500
#: Seconds that a busy writer leaves to other processes after each transaction.
COURTESY = 0.001


class Work(NamedTuple):
    """What the thread does with the connection; ``writes``: within a transaction."""

    call: Callable[[sqlite3.Connection], Any]
    writes: bool = True


class SqliteStore(Store):
    """The entries called ``name`` in the SQLite file ``path``, which may hold those of other names as well.

    :param threaded: False: do everything on the reactor (tests with a Clock).
    """

    def __init__(self, reactor: Any, path: Path, name: str = "", *, threaded: bool = True, **options: Any) -> None:
        super().__init__(reactor, **options)
        self.path = path
        self.entries_of = name
        self._lane: Lane[Work] = Lane(
            reactor, str(path), self._run, self.timeout, finish=self._close, threaded=threaded
        )
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reading = threading.Lock()  # held while the reader is used, and closed
        self._seen: Any = None

    async def ready(self) -> None:
        """See ``Store.ready``."""
        await self._lane.submit(Work(lambda connection: None, writes=False))

    async def get(self, key: str) -> Entry | None:
        """See ``Store.get``."""
        # Where the reader meets a lock, or worse, the thread finds out, and waits or says so.
        with self._reading, suppress(sqlite3.Error):
            if self._reader is not None and not self._lane.stopping:
                return self._read(self._reader, key)
        entry: Entry | None = await self._lane.submit(Work(lambda connection: self._read(connection, key), False))
        return entry

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``."""
        await self._lane.submit(Work(lambda connection: self._write(connection, key, Entry(value, expires))))

    async def delete(self, key: str) -> bool:
        """See ``Store.delete``."""

        def work(connection: sqlite3.Connection) -> bool:
            there = self._read(connection, key) is not None
            self._write(connection, key, None)
            return there

        return bool(await self._lane.submit(Work(work)))

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``."""

        def work(connection: sqlite3.Connection) -> T:
            entry, result = change(self._read(connection, key))
            self._write(connection, key, entry)
            return result

        result: T = await self._lane.submit(Work(work))
        return result

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``."""

        def work(connection: sqlite3.Connection) -> list[str]:
            now, found = self.clock(), []
            for key, expires in connection.execute(KEYS, (self.entries_of, prefix)):
                if not key.startswith(prefix):
                    break
                if expires is None or expires > now:
                    found.append(key)
            return found

        keys: list[str] = await self._lane.submit(Work(work, writes=False))
        return keys

    async def newest(self, limit: int, without: str = "") -> list[tuple[str, Entry]]:
        """See ``Store.newest``: those that were made last."""
        rows = await self._ask(NEWEST, without, limit)
        return [(key, Entry(value, expires)) for key, value, expires in rows]

    async def count(self, without: str = "") -> int | None:
        """See ``Store.count``."""
        rows = await self._ask(COUNT, without)
        return int(rows[0][0]) if rows else 0

    async def _ask(self, query: str, without: str, *values: int) -> list[Any]:
        """Rows of what has not expired; none, and no file is made, where there is no file."""
        if not self.path.exists():
            return []
        bound = (self.entries_of, self.clock(), without, without, without, *values)
        rows: list[Any] = await self._lane.submit(
            Work(lambda connection: connection.execute(query, bound).fetchall(), writes=False)
        )
        return rows

    async def purge(self) -> int:
        """See ``Store.purge``. Others write between its transactions."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(PURGE, (self.entries_of, self.clock(), PURGE_SIZE)).rowcount

        gone = removed = int(await self._lane.submit(Work(work)))
        while removed == PURGE_SIZE:
            removed = int(await self._lane.submit(Work(work)))
            gone += removed
        return gone

    def stopService(self) -> Deferred[None]:
        """See ``Store.stopService``."""
        super().stopService()
        return self._lane.stop()

    def _read(self, connection: sqlite3.Connection, key: str) -> Entry | None:
        row = connection.execute(GET, (self.entries_of, key)).fetchone()
        if row is None or (row[1] is not None and row[1] <= self.clock()):
            return None
        return Entry(*row)

    def _write(self, connection: sqlite3.Connection, key: str, entry: Entry | None) -> None:
        if entry is None:
            connection.execute(DELETE, (self.entries_of, key))
        else:
            connection.execute(PUT, (self.entries_of, key, entry.value, entry.expires))

    # --- the thread's side

    def _run(self, jobs: list[Job[Work]]) -> None:
        patience = jobs[0].deadline - self.timeout / 10  # so that it is this thread that says what was the matter
        for job in jobs:
            if not job.work.writes:
                self._attempt([job], patience)
        writes = [job for job in jobs if job.work.writes]
        if writes and not self._attempt(writes, patience) and len(writes) > 1:
            for job in writes:  # one that does not fit must not keep the others out
                self._attempt([job], patience)

    def _attempt(self, jobs: list[Job[Work]], patience: float) -> bool:
        """Do ``jobs``, all of which write or none of which do; False when it is worth trying each by itself."""
        try:
            connection = self._open(patience)
            if jobs[0].work.writes:
                self._transaction(connection, jobs, patience)
            else:
                when_free(lambda: call(jobs[0], connection), self.path, patience)
        except StoreError as error:  # locked, or not to be opened: one after the other fares no better
            for job in jobs:
                job.fail(StoreError(*error.args))
        except sqlite3.Error as error:
            for job in jobs:
                job.fail(explained(self.path, error))
            self._recover(error)
            return False
        return True

    def _transaction(self, connection: sqlite3.Connection, jobs: list[Job[Work]], patience: float) -> None:
        when_free(lambda: self._give_way(connection), self.path, patience)
        begin(connection, self.path, patience)
        for job in jobs:
            call(job, connection)
        connection.execute("COMMIT")

    def _give_way(self, connection: sqlite3.Connection) -> None:
        """Where other processes write too, let them, before the lock is taken again."""
        version = connection.execute("PRAGMA data_version").fetchone()
        if version != self._seen:
            self._seen = version
            time.sleep(COURTESY)

    def _open(self, patience: float) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = connect(self.path, patience)
            self._reader = connect_reader(self.path)
        return self._writer

    def _recover(self, error: sqlite3.Error) -> None:
        """Undo what was begun; after damage, open the file anew next time, since it may be another by then."""
        if self._writer is not None and self._writer.in_transaction:
            with suppress(sqlite3.Error):  # it is being reported already
                self._writer.execute("ROLLBACK")
        if not is_full(error):
            self._close()

    def _close(self) -> None:
        with self._reading:
            reader, self._reader = self._reader, None
            writer, self._writer = self._writer, None
            for connection in (reader, writer):
                if connection is not None:
                    connection.close()


def call(job: Job[Work], connection: sqlite3.Connection) -> None:
    """Do what ``job`` asks for. Errors of the database are everybody's; others, such as a Change's, its own."""
    try:
        job.result = job.work.call(connection)
    except sqlite3.Error:
        raise
    except Exception as error:  # noqa: BLE001 - a Change may raise anything
        job.fail(error)
