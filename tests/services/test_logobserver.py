"""services.logobserver: Twisted's events as records of stdlib logging."""

from __future__ import annotations

import logging

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.logformat import TextFormatter
from gramex_twisted.services.logobserver import StdlibObserver


class ObserverTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.records: list[logging.LogRecord] = []
        logger = logging.getLogger("test.observer")
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]
        before = logger.level, logger.propagate
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False

        def restore() -> None:
            logger.removeHandler(handler)
            logger.setLevel(before[0])
            logger.propagate = before[1]

        self.addCleanup(restore)
        self.log = Logger("test.observer", observer=StdlibObserver())

    def test_levels_names_and_messages_are_kept(self) -> None:
        self.log.debug("below the logger's level")
        self.log.info("{n} things", n=3)
        self.log.critical("100% {not_there!r}", not_there="x")
        self.assertEqual(
            [(r.name, r.levelname, r.getMessage()) for r in self.records],
            [("test.observer", "INFO", "3 things"), ("test.observer", "CRITICAL", "100% 'x'")],
        )
        self.assertEqual(self.records[0].module, "observer")

    def test_a_failure_becomes_exc_info_with_its_traceback(self) -> None:
        def divide() -> float:
            return 1 / 0

        try:
            divide()
        except ZeroDivisionError:
            self.log.failure("while dividing")
        self.log.failure("cleaned", Failure(LookupError("bare")))
        text = TextFormatter().format(self.records[0])
        self.assertIn("while dividing\n    Traceback (most recent call last):", text)
        self.assertIn("in divide", text)
        self.assertIn("ZeroDivisionError: division by zero", text)
        self.assertIn("LookupError: bare", TextFormatter().format(self.records[1]))
