"""services.logqueue: slow handlers block nobody, and what is lost is counted."""

from __future__ import annotations

import io
import logging
import sys
import threading

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.logqueue import HandlerErrors, LogQueue, QueueHandler
from tests.services.support import ROW, record


class Blocking(logging.Handler):
    """Stands in its first record until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.entered = threading.Event()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        self.go.wait(30)
        self.messages.append(record.getMessage())


class QueueTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.handler = Blocking()
        self.queue = LogQueue(limit=5)
        self.addCleanup(self.queue.stop)
        self.addCleanup(self.handler.go.set)

    def test_a_blocked_handler_blocks_nobody_and_the_loss_is_counted(self) -> None:
        handler = QueueHandler(self.queue, [self.handler])
        for n in range(9):
            handler.handle(record(str(n)))
        self.assertEqual(self.handler.messages, [])
        self.handler.go.set()
        self.assertTrue(self.queue.flush())
        lost = "4 lines are missing from this log: writing it was too slow"
        self.assertEqual(self.handler.messages, ["0", lost, "1", "2", "3", "4"])

    def test_rows_count_as_lines(self) -> None:
        for _ in range(3):
            self.queue.put(record(rows=[ROW, ROW]), [self.handler])
        self.handler.go.set()
        self.queue.flush()
        self.assertEqual(len(self.handler.messages), 3)
        self.assertIn("2 lines are missing", self.handler.messages[1])

    def test_the_message_is_made_when_it_is_logged(self) -> None:
        things = ["now"]
        made = record("%s")
        made.args = (things,)
        QueueHandler(self.queue, [self.handler]).handle(made)
        things.append("later")
        self.handler.go.set()
        self.queue.flush()
        self.assertEqual(self.handler.messages, ["['now']"])

    def test_stopping_writes_what_is_queued_and_drops_what_comes_later(self) -> None:
        self.handler.go.set()
        for n in range(3):
            self.queue.put(record(str(n)), [self.handler])
        self.queue.stop()
        self.queue.put(record("late"), [self.handler])
        self.assertEqual(self.handler.messages, ["0", "1", "2"])

    def test_stopping_does_not_wait_for_ever(self) -> None:
        self.queue.put(record(), [self.handler])
        self.assertTrue(self.handler.entered.wait(10))
        self.queue.stop(timeout=0.01)
        self.assertEqual(self.handler.messages, [])

    def test_handlers_get_records_of_their_level_only(self) -> None:
        self.handler.go.set()
        self.handler.setLevel(logging.WARNING)
        for level in (logging.INFO, logging.ERROR):
            self.queue.put(record(str(level), level), [self.handler])
        self.queue.flush()
        self.assertEqual(self.handler.messages, ["40"])

    def test_a_handler_that_cannot_write_is_reported_once_on_the_real_stderr(self) -> None:
        class Full(logging.StreamHandler):  # type: ignore[type-arg]
            def flush(self) -> None:
                raise OSError(28, "No space left on device")

        real = io.StringIO()
        self.patch(sys, "__stderr__", real)
        handler = Full(io.StringIO())
        handler.set_name("disk")
        HandlerErrors().watch(handler)
        for _ in range(3):
            handler.handle(record())
        self.assertEqual(
            real.getvalue(), "log handler disk cannot write: OSError: [Errno 28] No space left on device\n"
        )
        handler.flush = lambda: None  # type: ignore[method-assign]
