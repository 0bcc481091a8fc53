"""EventLog: an SQLite file of when the server was started and stopped, and what user code adds: ``eventlog:``."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
from twisted.application.service import Service
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted import __version__
from gramex_twisted.services.container import Services

log = Logger()
#: Seconds to wait for another process that writes.
PATIENCE = 5.0
#: The same when the server stops, which this must not delay.
HURRY = 0.5
TABLE = "CREATE TABLE IF NOT EXISTS events (time REAL, event TEXT, data TEXT)"


class EventLog(Service):
    """The event log of an app; None in ``path`` for none. A reload is neither a start nor a stop.

    ``waits``: an app is running that this one will replace.
    """

    name = "event log"

    def __init__(self, services: Services) -> None:
        self.path: Path | None = None
        self.waits = False
        self._threads = services.threads
        self._ends = True

    def add(self, event: str, data: Any = None, *, patience: float = PATIENCE) -> None:
        """Write a row: ``event`` with ``data`` as JSON. Blocks.

        :raises sqlite3.Error: when the file cannot be written, or another process writes for too long.
        :raises RuntimeError: when there is no event log.
        """
        text = orjson.dumps(data, default=str).decode()
        self._execute("INSERT INTO events VALUES (?, ?, ?)", (time.time(), event, text), patience)

    def query(self, sql: str, args: Iterable[Any] = ()) -> list[sqlite3.Row]:
        """The rows that ``sql`` comes to, with ``?`` for each of ``args``. Blocks, and raises as ``add`` does."""
        return self._execute(sql, tuple(args), PATIENCE)

    def _execute(self, sql: str, args: tuple[Any, ...], patience: float) -> list[sqlite3.Row]:
        if self.path is None:
            raise RuntimeError("there is no event log: write eventlog: {path: ...}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=patience)) as connection, connection:
            connection.row_factory = sqlite3.Row
            connection.execute(TABLE)
            return list(connection.execute(sql, args))

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if self.path is not None and not self.waits:
            about = {"version": __version__, "pid": os.getpid(), "args": sys.argv, "cwd": os.getcwd()}
            self._threads.run(self.add, "startup", about).addErrback(self._failed)

    def hand_over(self, successor: Services) -> None:
        """The new app tells of the end."""
        self._ends = successor.part(EventLog).path != self.path

    def stopService(self) -> None:
        """See IService."""
        super().stopService()
        if self.path is not None and self._ends:
            try:
                self.add("shutdown", {"version": __version__, "pid": os.getpid()}, patience=HURRY)
            except (OSError, sqlite3.Error):
                self._failed(Failure())

    def _failed(self, failure: Failure) -> None:
        log.error("eventlog: {path}: {error}", path=str(self.path), error=failure.value)
