"""The SQLite file of a store: opening it, its table, its locks, and what its errors mean."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

from gramex_twisted.services.stores.base import StoreError

#: Marks a file as ours (PRAGMA application_id), and the version of its table (PRAGMA user_version).
APPLICATION, VERSION = 0x47725478, 1
SCHEMA = """
CREATE TABLE entries (
    store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires REAL, PRIMARY KEY (store, key)
);
CREATE INDEX entries_expires ON entries (store, expires) WHERE expires IS NOT NULL;
"""
#: Bytes that the write-ahead log keeps on disk after a burst.
LOG_SIZE = 16 << 20

SetUp = Callable[[sqlite3.Connection, Path], None]


def connect(path: Path, deadline: float, set_up: SetUp | None = None) -> sqlite3.Connection:
    """A connection that writes, in autocommit mode; makes the file (mode 0600) and its table when they are missing.

    :param deadline: when to give up, by time.monotonic().
    :param set_up: makes the table, where it is another than this store's own.
    :raises StoreError: when the file cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened: {error.strerror}") from error
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        patiently(lambda: (set_up or _set_up)(connection, path), path, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads, and fails at once where it would have to wait."""
    uri = f"{path.absolute().as_uri()}?mode=rw"
    reader = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
    reader.execute("PRAGMA query_only = 1")
    return reader


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    # Nothing is changed in a file that is not ours.
    if _check(connection, path):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_SIZE}")
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not _check(connection, path):  # another process was quicker
            for statement in SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    _set_up(connection, path)


def _check(connection: sqlite3.Connection, path: Path) -> bool:
    """True for a store's file, False for an empty one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if (application, version, tables) == (0, 0, 0):
        return False
    if application != APPLICATION:
        raise StoreError(f"{path}: is another program's database; name a file of its own")
    if version != VERSION:
        raise StoreError(f"{path}: has version {version}, and this gramex-twisted knows only {VERSION}")
    return True


def begin(connection: sqlite3.Connection, path: Path, deadline: float) -> None:
    """Start a transaction that writes, as soon as no other process is in one."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"), path, deadline)


def patiently(action: Callable[[], object], path: Path, deadline: float) -> None:
    """Call ``action`` until it does not find the file locked; all errors of the file are StoreErrors."""
    try:
        when_free(action, path, deadline)
    except sqlite3.Error as error:
        raise explained(path, error) from error


def when_free(action: Callable[[], object], path: Path, deadline: float) -> None:
    """The same, with other errors than locks as SQLite raises them.

    SQLite's own waiting sleeps for up to 100 ms at a time, and so may never find the lock free beside a busy process.
    """
    began = time.monotonic()
    while True:
        try:
            action()
            return
        except sqlite3.Error as error:
            if not is_locked(error):
                raise
            if time.monotonic() >= deadline:
                waited = time.monotonic() - began
                raise StoreError(f"{path}: locked by another process for {waited:.1f} s") from error
        time.sleep(random.uniform(0.0005, 0.002))


def is_locked(error: sqlite3.Error) -> bool:
    """Whether trying again may help."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_full(error: sqlite3.Error) -> bool:
    """Whether there was no room, or the value was too big: the file is as it was."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_TOOBIG)


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """What the operator must know of ``error``."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(f"{path}: is damaged or no SQLite database ({error}); move it away, or restore it")
    return StoreError(f"{path}: {error}")
