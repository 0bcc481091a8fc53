"""Log records on their way to handlers that may block: a bounded queue and the one thread that empties it.

Whoever logs, the reactor above all, only appends to the queue. When the handlers cannot keep up (a terminal that is
stopped, a full pipe), records are dropped and a line says how many.
"""

from __future__ import annotations

import copy
import logging
import sys
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from time import monotonic
from typing import TypeAlias

#: Lines that may wait.
LIMIT = 20_000

_Item: TypeAlias = "tuple[logging.LogRecord, Sequence[logging.Handler]] | threading.Event | None"


class LogQueue:
    """Emits records in a thread of its own. ``limit`` is how many lines may wait."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        self._lock = threading.Lock()  # guards the counters below and _thread
        self._waiting = 0
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._stopped = False

    def put(self, record: logging.LogRecord, handlers: Sequence[logging.Handler]) -> None:
        """Emit ``record`` soon. Never blocks."""
        size = _size(record)
        with self._lock:
            if self._stopped or self._waiting + size > self.limit:
                self._dropped += size
                return
            self._waiting += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="gramex-log", daemon=True)
                self._thread.start()
            self._queue.put((record, handlers))

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            self._emit(item)

    def _emit(self, item: _Item) -> None:
        if isinstance(item, threading.Event):
            item.set()
        elif item is not None:
            record, handlers = item
            send(record, handlers)
            with self._lock:
                self._waiting -= _size(record)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                send(_dropped_record(dropped), handlers)

    def flush(self, timeout: float = 2.0) -> bool:
        """Wait, at most ``timeout`` seconds, until what is queued now has been emitted."""
        thread = self._thread
        if thread is None or thread is threading.current_thread() or not thread.is_alive():
            return True
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(timeout)

    def stop(self, timeout: float = 2.0) -> None:
        """Emit what is queued, for at most ``timeout`` seconds, and end the thread. What comes later is dropped."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        self._queue.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)


class QueueHandler(logging.Handler):
    """Stands in a logger for ``handlers``: it queues records for them."""

    def __init__(self, queue: LogQueue, handlers: Sequence[logging.Handler]) -> None:
        super().__init__()
        self.queue = queue
        self.handlers = tuple(handlers)

    def emit(self, record: logging.LogRecord) -> None:
        """Queue ``record``, with its message made now: its arguments may change."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - stdlib's rule: a bad format string fails nobody but the log
            self.handleError(record)
            return
        queued = copy.copy(record)
        queued.msg, queued.args = message, None
        self.queue.put(queued, self.handlers)

    def flush(self) -> None:
        """Wait until what is queued has been emitted."""
        self.queue.flush()


def send(record: logging.LogRecord, handlers: Sequence[logging.Handler]) -> None:
    """Give ``record`` to the handlers whose level it has."""
    for handler in handlers:
        if record.levelno >= handler.level:
            handler.handle(record)


def _size(record: logging.LogRecord) -> int:
    return len(getattr(record, "rows", ())) or 1


def _dropped_record(count: int) -> logging.LogRecord:
    message = f"{count} lines are missing from this log: writing it was too slow"
    return logging.LogRecord(__name__, logging.WARNING, "", 0, message, None, None)


class HandlerErrors:
    """What a handler that cannot write does about it: a line on the real stderr, at most one a minute.

    Not stdlib's traceback on ``sys.stderr``: Twisted may have redirected that into the very log that fails.
    """

    def __init__(self, interval: float = 60.0) -> None:
        self.interval = interval
        self._next: dict[str, float] = {}

    def watch(self, handler: logging.Handler) -> None:
        """Report the errors of ``handler`` here."""
        handler.handleError = lambda record: self.report(handler)  # type: ignore[method-assign]

    def report(self, handler: logging.Handler) -> None:
        """In an ``except`` block: ``handler`` could not write."""
        name = handler.get_name() or type(handler).__name__
        if monotonic() >= self._next.get(name, 0.0) and sys.__stderr__ is not None:
            self._next[name] = monotonic() + self.interval
            error = sys.exc_info()[1]
            try:
                sys.__stderr__.write(f"log handler {name} cannot write: {type(error).__name__}: {error}\n")
            except (OSError, ValueError):
                self._next[name] = float("inf")  # stderr is gone as well: there is nobody left to tell
