"""services.accesslog, logrows and logkeys: what is logged of a request, how, and at what cost."""

from __future__ import annotations

import csv
import io
import logging
import os
import threading
from http.cookies import SimpleCookie
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.threads import deferToThread
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.accesslog import AccessLog
from gramex_twisted.services.logkeys import DEFAULT_KEYS, build_columns, build_keys
from gramex_twisted.services.logrows import Row, clean_row, console_line, csv_lines, escape, mask


def row(uri: bytes | str = b"/hello?x=1", status: int = 200, **changes: Any) -> Row:
    fields: dict[str, Any] = {
        "status": status,
        "method": "GET",
        "uri": uri,
        "ip": "127.0.0.1",
        "duration": 0.00123,
        "route": "home",
        "error": None,
        "time": 1_500_000_000.5,
        "extras": None,
    }
    return tuple((fields | changes).values())  # type: ignore[return-value]


class Records(logging.Handler):
    """Keeps records; emits them while ``may_go`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.may_go = threading.Event()
        self.may_go.set()
        self.entered = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        self.may_go.wait(30)
        self.records.append(record)

    @property
    def lines(self) -> list[str]:
        return [line for record in self.records for line in record.getMessage().split("\n")]


def listen(test: SynchronousTestCase, name: str) -> Records:
    logger = logging.getLogger(name)
    before = logger.level, logger.propagate
    handler = Records()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False

    def restore() -> None:
        handler.may_go.set()
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
        logger.manager._clear_cache()  # type: ignore[attr-defined]

    test.addCleanup(restore)
    return handler


def context(**changes: Any) -> Any:
    address = IPv4Address("TCP", "192.0.2.7", 50123)
    request = SimpleNamespace(
        uri="/x?password=pw&q=1",
        query="password=pw&q=1",
        remote_ip="198.51.100.1",
        headers={"User-Agent": "=cmd()"},
        cookies=SimpleCookie("sid=abc"),
        request_time=lambda: 0.0025,
    )
    arguments = {"q": ["1"], "password": ["pw"]}
    fields: dict[str, Any] = {
        "native": SimpleNamespace(
            code=404,
            uri=b"/x?password=pw&q=1",
            client=address,
            started=0.0,
            getHost=lambda: IPv4Address("TCP", "127.0.0.1", 9988),
        ),
        "_view": None,
        "method": "GET",
        "name": "home",
        "error": None,
        "request": request,
        "args": arguments,
        "get_argument": lambda name, default: arguments.get(name, [default])[-1],
        "current_user": {"id": "ann", "email": "ann@example.org"},
        "session": {"id": "s1", "cart": 3},
        "route": SimpleNamespace(
            name="home",
            conf={"handler": "pkg.FunctionHandler"},
            services=SimpleNamespace(trusts=lambda peer: peer == "trusted"),
        ),
    }
    return SimpleNamespace(**(fields | changes))


class RowsTest(SynchronousTestCase):
    def test_a_console_line_has_status_method_uri_ip_duration_route_and_error(self) -> None:
        self.assertEqual(console_line(clean_row(row())), "200 GET /hello?x=1 (127.0.0.1) 1.2ms home")
        failed = row(status=500, error="ZeroDivisionError: division by zero")
        self.assertTrue(console_line(clean_row(failed)).endswith("ms home [ZeroDivisionError: division by zero]"))

    def test_the_values_of_secret_arguments_are_masked(self) -> None:
        for uri, masked in {
            "/a?password=p&x=1": "/a?password=***&x=1",
            "/a?x=1&TOKEN=t": "/a?x=1&TOKEN=***",
            "/a?gramex-otp=1&gramex-key=2;access_token=3&secret=": (
                "/a?gramex-otp=***&gramex-key=***;access_token=***&secret=***"
            ),
            "/a?pass%77ord=p": "/a?pass%77ord=***",
            "/a?x=password&mypassword=1": "/a?x=password&mypassword=1",
            "/password=1/token": "/password=1/token",
        }.items():
            self.assertEqual(mask(uri), masked)

    def test_non_ascii_uris_are_readable(self) -> None:
        self.assertEqual(clean_row(row("/café?q=日本".encode()))[2], "/café?q=日本")
        self.assertEqual(clean_row(row(b"/caf\xe9"))[2], "/café")

    @settings(deadline=None, max_examples=100)
    @given(st.text(), st.binary(), st.text())
    def test_one_request_is_one_line_whatever_the_client_sent(self, method: str, uri: bytes, value: str) -> None:
        clean = clean_row(row(uri, method=method, error=value, extras=(value,)))
        columns, _ = build_columns(["method", "uri", "error", "args.x"])
        for line in (console_line(clean), csv_lines([clean], columns)):
            self.assertEqual(len(line.splitlines()), 1)
            self.assertTrue(line.isprintable())
            line.encode("utf-8")
        self.assertEqual(len(next(csv.reader(io.StringIO(csv_lines([clean], columns))))), 4)

    def test_escapes_name_the_character(self) -> None:
        self.assertEqual(escape("a\nb\x1b[31m\u202e\ud800é"), "a\\nb\\x1b[31m\\u202e\\ud800é")

    def test_csv_cells_are_quoted_and_no_formulas(self) -> None:
        columns, _ = build_columns(["args.a", "args.b", "args.c", "args.d", "args.e", "args.f"])
        line = csv_lines([row(extras=('a,"b"', "=1+1", "-5", "@x", 7, None))], columns)
        self.assertEqual(line, '"a,""b""",\'=1+1,-5,\'@x,7,')


class KeysTest(SynchronousTestCase):
    def test_every_key_of_the_default_and_of_other_sources_has_its_value(self) -> None:
        os.environ["GRAMEX_TEST_KEY"] = "from env"
        self.addCleanup(os.environ.pop, "GRAMEX_TEST_KEY")
        keys = {
            "method": "GET",
            "uri": "/x?password=***&q=1",
            "ip": "198.51.100.1",
            "status": 404,
            "duration": 2.5,
            "port": 9988,
            "name": "home",
            "class": "FunctionHandler",
            "error": "",
            "user": "ann",
            "user.id": "ann",
            "user.email": "ann@example.org",
            "session": "s1",
            "session.cart": 3,
            "args.q": "1",
            "args.none": "",
            "args.password": "***",
            "request.remote_ip": "198.51.100.1",
            "request.query": "password=***&q=1",
            "headers.User-Agent": "=cmd()",
            "headers.Referer": "",
            "cookies.sid": "abc",
            "cookies.none": "",
            "env.GRAMEX_TEST_KEY": "from env",
            "env.GRAMEX_NO_SUCH_KEY": "",
        }
        self.assertEqual(build_keys(list(keys))(context()), tuple(keys.values()))

    def test_nobody_signed_in_and_no_session_are_empty(self) -> None:
        values = build_keys(["user", "user.id", "session", "session.x"])(context(current_user=None, session=None))
        self.assertEqual(values, ("", "", "", ""))

    def test_an_unknown_key_is_an_error_with_a_hint(self) -> None:
        for key, hint in {"stauts": "'status'", "header.Host": "'headers.Host'", "arg.x": "'args.x'"}.items():
            with self.assertRaises(ConfigError) as caught:
                build_keys(["time", key], "gramex.yaml:3:5")
            self.assertEqual(caught.exception.where, "gramex.yaml:3:5")
            self.assertEqual(caught.exception.message, f"unknown log key {key!r}: did you mean {hint}?")

    def test_keys_that_are_no_list_of_names_are_an_error(self) -> None:
        for keys in ("time", [["time"]], [{"time": 1}], [None]):
            with self.assertRaisesRegex(ConfigError, "log keys are a list of names"):
                build_columns(keys)  # type: ignore[arg-type]

    def test_a_value_that_cannot_be_had_is_empty_and_reported(self) -> None:
        with capturedLogs() as events:
            values = build_keys(["name", "user.id"])(context(current_user=object()))
        self.assertEqual(values, ("home", ""))
        self.assertEqual([(e["log_level"], e["key"]) for e in events], [(LogLevel.warn, "user.id")])

    def test_the_default_row_is_what_gramex_wrote(self) -> None:
        columns, extras = build_columns(DEFAULT_KEYS)
        assert extras is not None
        self.assertEqual(extras(context()), ("ann",))
        line = csv_lines([clean_row(row(extras=("ann",)))], columns)
        self.assertEqual(line, "1500000000500,127.0.0.1,ann,200,1.2,GET,/hello?x=1,")

    def test_keys_that_every_row_has_need_nothing_from_the_context(self) -> None:
        columns, extras = build_columns(["datetime", "name", "status"])
        self.assertIsNone(extras)
        self.assertEqual(csv_lines([row()], columns), "2017-07-14 02:40:00Z,home,200")


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

    def test_behind_a_trusted_proxy_the_clients_address_is_logged(self) -> None:
        native = context().native
        native.client = IPv4Address("TCP", "trusted", 1)
        access_log = self.make(keys=["ip"])
        access_log.record(context(native=native))
        access_log.flush()
        self.assertEqual(self.csv.lines, ["198.51.100.1"])

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
