"""The access log: a tuple for each request on the reactor, everything else in one thread.

The writer hands batches to stdlib logging, so that the ``log:`` section governs them: lines for people to the logger
``gramex.access`` (one record for each run of rows of one level, with the rows as its attribute ``rows``), CSV lines to
the logger ``gramex.requests`` (one record for each batch).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from itertools import groupby
from queue import SimpleQueue
from time import perf_counter, time
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger

from gramex_twisted.services.logkeys import DEFAULT_KEYS, build_columns
from gramex_twisted.services.logrows import Row, clean_row, console_line, csv_lines, level_of
from gramex_twisted.web.site import peer_of

log = Logger()

#: Headers by which a trusted proxy says who its client is.
CLAIMS = frozenset({b"X-Forwarded-For", b"X-Real-Ip"})


class AccessLog(Service):
    """Logs requests. ``keys`` are the columns of the CSV file, as in ``log.handlers.requests.keys``.

    Rows are handed to the writer ``interval`` seconds after the first of them, or when there are ``batch``. When the
    writer is more than ``max_behind`` rows behind, rows are dropped, and a line says how many. With ``threaded=False``
    the reactor writes, for tests.

    :raises ConfigError: for an unknown key.
    """

    name = "access_log"

    def __init__(
        self,
        reactor: Any,
        keys: Sequence[str] = DEFAULT_KEYS,
        *,
        interval: float = 0.25,
        batch: int = 1000,
        max_behind: int = 100_000,
        stop_timeout: float = 5.0,
        threaded: bool = True,
        where: str = "log.handlers.requests.keys",
    ) -> None:
        self.interval = interval
        self.batch = batch
        self.max_behind = max_behind
        self.stop_timeout = stop_timeout
        self.threaded = threaded
        self.columns, self.extras = build_columns(keys, where)
        self._reactor = reactor
        self._rows: list[Row] = []
        self._timer: Any = None
        self._queue: SimpleQueue[list[Row] | None] | None = None
        self._handed = 0  # rows handed to the writer; counted by the reactor only
        self._written = 0  # rows that the writer is done with; counted by the writer only
        self._dropped = 0

    def record(self, context: Any) -> None:
        """A request has ended: log its Context."""
        native = context.native
        # Only these can make it another than the peer's, and looking at what they say is dear.
        plain = CLAIMS.isdisjoint(native.requestHeaders._rawHeaders)
        peer = peer_of(native) if plain else context.request.remote_ip
        self.append(
            (
                native.code,
                context.method,
                native.uri,
                peer,
                perf_counter() - native.started,
                context.route.name,
                context.error,
                time(),
                self.extras(context) if self.extras else None,
            )
        )

    def append(self, row: Row) -> None:
        """Log one row."""
        rows = self._rows
        rows.append(row)
        count = len(rows)
        if count >= self.batch or not self.running:  # not running: a request that outlived its app
            self.flush()
        elif count == 1:
            self._timer = self._reactor.callLater(self.interval, self.flush)

    def flush(self) -> None:
        """Hand what there is to the writer."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        rows, self._rows = self._rows, []
        if not rows:
            return
        if self._queue is None:
            self._write(rows)
        elif self._handed - self._written + len(rows) > self.max_behind:
            self._dropped += len(rows)
        else:
            self._report_dropped()
            self._handed += len(rows)
            self._queue.put(rows)

    def _report_dropped(self) -> None:
        dropped, self._dropped = self._dropped, 0
        if dropped:
            log.warn("{count} requests are missing from the access log: writing it is too slow", count=dropped)

    def startService(self) -> None:
        """Start the writer."""
        super().startService()
        if self.threaded and self._queue is None:
            queue: SimpleQueue[list[Row] | None] = SimpleQueue()
            self._queue = queue
            threading.Thread(target=self._writer, args=(queue,), name="gramex-access-log", daemon=True).start()

    def stopService(self) -> Deferred[None]:
        """Write everything; fires when it is written, or after ``stop_timeout`` seconds."""
        self.flush()
        super().stopService()
        self._report_dropped()
        queue, self._queue = self._queue, None
        if queue is None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._finished = done
        timeout = self._reactor.callLater(self.stop_timeout, self._give_up, done)
        done.addCallback(lambda _: timeout.cancel() if timeout.active() else None)
        queue.put(None)
        return done

    def _give_up(self, done: Deferred[None]) -> None:
        missing = self._handed - self._written
        log.warn("{count} requests are missing from the access log: the writer is stuck", count=missing)
        done.callback(None)

    # --- the writer's thread

    def _writer(self, queue: SimpleQueue[list[Row] | None]) -> None:
        while (rows := queue.get()) is not None:
            self._write(rows)
            self._written += len(rows)
        done = self._finished
        self._reactor.callFromThread(lambda: None if done.called else done.callback(None))

    def _write(self, rows: list[Row]) -> None:
        try:
            clean = [clean_row(row) for row in rows]
            self._write_console(clean)
            self._write_csv(clean)
        except Exception:  # the log of the next requests must go on
            logging.getLogger(__name__).exception("%d requests are missing from the access log", len(rows))

    def _write_console(self, rows: list[Row]) -> None:
        logger = logging.getLogger("gramex.access")
        for level, same in groupby(rows, level_of):
            if logger.isEnabledFor(level):
                run = list(same)
                _handle(logger, level, "\n".join(map(console_line, run)), run)

    def _write_csv(self, rows: list[Row]) -> None:
        logger = logging.getLogger("gramex.requests")
        if logger.isEnabledFor(logging.INFO):
            _handle(logger, logging.INFO, csv_lines(rows, self.columns), None)


def _handle(logger: logging.Logger, level: int, message: str, rows: list[Row] | None) -> None:
    record = logger.makeRecord(logger.name, level, "", 0, message, (), None)
    record.module = "access"
    if rows is not None:
        record.rows = rows
    logger.handle(record)
