"""services.accesslog: when rows are written, by whom, and what happens when that fails."""

from __future__ import annotations

import logging
import threading
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.services.accesslog import AccessLog
from tests.services.support import context, listen, row


class AccessLogTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.console = listen(self, "gramex.access")
        self.csv = listen(self, "gramex.requests")

    def make(self, **options: Any) -> AccessLog:
        access_log = AccessLog(self.clock, threaded=False, **options)
        access_log.startService()
        return access_log

    def test_rows_are_written_a_quarter_of_a_second_after_the_first(self) -> None:
        access_log = self.make()
        access_log.append(row("/1"))
        self.clock.advance(0.2)
        access_log.append(row("/2"))
        self.assertEqual(self.console.lines, [])
        self.clock.advance(0.05)
        self.assertEqual([line.split()[2] for line in self.console.lines], ["/1", "/2"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_full_batch_is_written_at_once(self) -> None:
        access_log = self.make(batch=3)
        for n in range(7):
            access_log.append(row(f"/{n}"))
        self.assertEqual(len(self.csv.lines), 6)
        self.clock.advance(1)
        self.assertEqual(len(self.csv.lines), 7)

    def test_a_batch_is_one_csv_record_and_one_console_record_for_each_run_of_a_level(self) -> None:
        access_log = self.make()
        for status in (200, 304, 404, 500, 503, 200):
            access_log.append(row(status=status))
        self.successResultOf(access_log.stopService())
        self.assertEqual([r.levelname for r in self.console.records], ["INFO", "WARNING", "ERROR", "INFO"])
        self.assertEqual(
            [[row[0] for row in r.rows] for r in self.console.records], [[200, 304], [404], [500, 503], [200]]
        )  # type: ignore[attr-defined]
        self.assertEqual([len(r.getMessage().split("\n")) for r in self.csv.records], [6])

    def test_record_takes_everything_from_the_context(self) -> None:
        access_log = self.make(keys=["status", "ip", "uri", "user.id", "headers.User-Agent", "args.password"])
        access_log.record(context())
        access_log.flush()
        self.assertEqual(self.csv.lines, ["404,192.0.2.7,/x?password=***&q=1,ann,'=cmd(),***"])
        self.assertEqual(self.console.records[0].levelname, "WARNING")
        self.assertIn("404 GET /x?password=***&q=1 (192.0.2.7) ", self.console.lines[0])

    def test_where_somebody_says_who_the_client_is_the_requests_address_is_logged(self) -> None:
        for name in ("X-Forwarded-For", "X-Real-Ip"):
            native = context().native
            native.requestHeaders.addRawHeader(name, "198.51.100.1")
            access_log = self.make(keys=["ip"])
            access_log.record(context(native=native))
            access_log.flush()
            self.assertEqual(self.csv.lines.pop(), "198.51.100.1")

    def test_a_request_that_outlives_its_app_is_logged(self) -> None:
        access_log = self.make()
        self.successResultOf(access_log.stopService())
        access_log.append(row())
        self.assertEqual(len(self.csv.lines), 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_levels_that_the_user_turned_off_are_not_even_formatted(self) -> None:
        logging.getLogger("gramex.access").setLevel(logging.ERROR)
        access_log = self.make()
        for status in (200, 404, 500):
            access_log.append(row(status=status))
        access_log.flush()
        self.assertEqual([line.split()[0] for line in self.console.lines], ["500"])

    def test_two_logs_keep_their_own_columns(self) -> None:
        one, two = self.make(keys=["status"]), self.make(keys=["method", "name"])
        for access_log in (one, two, one):
            access_log.append(row())
        one.flush()
        two.flush()
        self.assertEqual(self.csv.lines, ["200", "200", "GET,home"])


class WriterThreadTest(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor = reactor
        self.console = listen(self, "gramex.access")
        self.csv = listen(self, "gramex.requests")

    async def test_stopping_writes_everything(self) -> None:
        access_log = AccessLog(self.reactor, batch=10)
        access_log.startService()
        for n in range(2345):
            access_log.append(row(f"/{n}"))
        await access_log.stopService()
        self.assertEqual([line.split()[2] for line in self.console.lines], [f"/{n}" for n in range(2345)])
        self.assertEqual(len(self.csv.lines), 2345)

    async def test_a_writer_that_falls_behind_drops_rows_and_says_how_many(self) -> None:
        access_log = AccessLog(self.reactor, batch=10, max_behind=20)
        access_log.startService()
        self.console.may_go.clear()
        for _ in range(50):
            access_log.append(row())
        with capturedLogs() as events:
            self.console.may_go.set()
            await access_log.stopService()
        self.assertEqual([e["count"] for e in events], [30])
        self.assertIn("missing from the access log", events[0]["log_format"])
        self.assertEqual(len(self.csv.lines), 20)

    async def test_a_stuck_writer_does_not_stop_the_server_from_stopping(self) -> None:
        access_log = AccessLog(self.reactor, stop_timeout=0.01)
        access_log.startService()
        self.console.may_go.clear()
        access_log.append(row())
        with capturedLogs() as events:
            await access_log.stopService()
        self.console.may_go.set()  # the stuck thread ends here, not in the next test
        for thread in threading.enumerate():
            if thread.name == "gramex-access-log":
                await deferToThread(thread.join, 10)
        self.assertEqual([e["log_format"] for e in events], [
            "{count} requests are missing from the access log: the writer is stuck"
        ])  # fmt: skip

    async def test_a_handler_that_breaks_does_not_end_the_log(self) -> None:
        access_log = AccessLog(self.reactor, batch=1)
        access_log.startService()
        errors = listen(self, "gramex_twisted.services.accesslog")
        access_log.append(row("/bad", extras=5))  # what no caller should do: it has no cells
        access_log.append(row("/good", extras=("ann",)))
        await access_log.stopService()
        self.assertEqual(errors.lines, ["1 requests are missing from the access log"])
        self.assertEqual([line.split(",")[6] for line in self.csv.lines], ["/good"])
