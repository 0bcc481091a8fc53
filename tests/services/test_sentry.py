"""Reports of unexpected errors, sent to a real server that speaks Sentry's envelope endpoint."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sentry_sdk
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor as installed
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.functions import ModuleSet
from gramex_twisted.registry import Registry
from gramex_twisted.services.alerts.service import Alerts
from gramex_twisted.services.filewatches import FileWatches
from gramex_twisted.services.sentry.scrub import Scrubber, secrets_of
from gramex_twisted.services.sentry.service import MOST_A_SECOND, Reports
from gramex_twisted.testing import AppTestCase
from tests.live import LiveCase
from tests.servers import free_port
from tests.sink import Got, Sink

reactor: Any = installed

MODULE = """
from gramex_twisted.errors import HTTPError

def crash(handler):
    password = "in a variable"
    raise ValueError("no such gene: password=hunter2 " + handler.get_argument("x", ""))

def task(text):
    raise ValueError(text)

def refuse(handler):
    raise HTTPError(int(handler.get_argument("status")), "on purpose")
"""
CONFIG = """
app: {{settings: {{cookie_secret: a-cookie-secret-of-mine}}}}
url:
  crash: {{pattern: /crash, handler: FunctionHandler, kwargs: {{function: 'reported.crash(handler)'}}}}
  refuse: {{pattern: /refuse, handler: FunctionHandler, kwargs: {{function: 'reported.refuse(handler)'}}}}
  fine: {{pattern: /fine, handler: FunctionHandler, kwargs: {{function: str("fine")}}}}
sentry: {{dsn: 'http://public@127.0.0.1:{port}/42', environment: test, release: r1, server_name: s, {more}}}
"""


TASKS = """
email: {stub: {type: stub, email: a@example.org}}
schedule: {fails: {function: reported.task("no rows"), startup: true}}
alert: {late: {to: a@example.org, subject: x, body: x, data: nothing.csv}}
watch: {prices: {paths: prices.csv, on_modified: reported.task("bad prices")}}
_: {"""


def items(got: Got) -> list[tuple[str, dict[str, Any]]]:
    """The items of an envelope: type and payload."""
    body = gzip.decompress(got.body) if got.header("Content-Encoding") == "gzip" else got.body
    lines = body.splitlines()
    return [(json.loads(lines[i])["type"], json.loads(lines[i + 1])) for i in range(1, len(lines) - 1, 2)]


class SentryCase(LiveCase):
    more = ""

    def setUp(self) -> None:
        self.sink = Sink(self)
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "reported.py").write_text(MODULE)
        sys.path.insert(0, str(folder))
        self.addCleanup(ModuleSet([str(folder)]).forget)
        self.addCleanup(sys.path.remove, str(folder))
        self.config = CONFIG.format(port=self.sink.port, more=self.more)  # type: ignore[misc]
        super().setUp()

    def reported(self, kind: str = "event") -> list[dict[str, Any]]:
        return [payload for got in self.sink.got for name, payload in items(got) if name == kind]


class ErrorTests(SentryCase):
    async def test_an_unexpected_error_is_reported_with_its_place_and_without_secrets(self) -> None:
        headers = {
            "Cookie": "sid=s3ssion-cookie",
            "Authorization": "Bearer t0ken-of-mine",
            "User-Agent": "Test",
            "Referer": "http://example.org/?private=1",
        }
        response = await self.get("/crash?password=sesame&gene=1&x=a-cookie-secret-of-mine", headers)
        self.assertEqual(response.status, 500)
        await self.sink.count(1)
        [got] = self.sink.got
        self.assertEqual(got.path, "/api/42/envelope/")
        self.assertIn("sentry_key=public", got.header("X-Sentry-Auth"))
        [event] = self.reported()
        [exception] = event["exception"]["values"]
        self.assertEqual((exception["type"], exception["value"]), ("ValueError", "no such gene: password=*** ***"))
        self.assertEqual(exception["mechanism"], {"type": "gramex", "handled": False})
        self.assertEqual(exception["stacktrace"]["frames"][-1]["function"], "crash")
        self.assertEqual(event["request"]["method"], "GET")
        self.assertEqual(event["request"]["query_string"], "password=***&gene=1&x=***")
        self.assertEqual(event["request"]["url"], f"http://127.0.0.1:{self.port.getHost().port}/crash")
        self.assertEqual(event["request"]["headers"]["User-Agent"], "Test")
        self.assertEqual(event["request"]["headers"]["Referer"], "http://example.org/")
        self.assertEqual(
            (event["transaction"], event["environment"], event["release"], event["server_name"]),
            ("crash", "test", "r1", "s"),
        )
        told = json.dumps(event)
        secret = ["hunter2", "sesame", "s3ssion", "t0ken", "a-cookie-secret-of-mine", "private=1"]
        self.assertEqual([text for text in [*secret, "in a variable"] if text in told.replace(MODULE, "")], [])

    async def test_errors_that_are_raised_for_the_client_are_not_reported(self) -> None:
        for status in (404, 500, 503):
            self.assertEqual((await self.get(f"/refuse?status={status}")).status, status)
        self.assertEqual((await self.get("/nowhere")).status, 404)
        await self.get("/crash")
        await self.sink.count(1)
        self.assertEqual([event["transaction"] for event in self.reported()], ["crash"])

    async def test_a_flood_of_errors_is_bounded_and_told_of(self) -> None:
        reports = self.gramex.shared.part(Reports)
        error = ValueError("again")
        made: list[Any] = []
        self.patch(reports, "_facts", lambda context: {})
        self.patch(reports._reporter, "error", lambda *values: made.append(values))
        for _ in range(1000):
            reports.error(error, None)  # type: ignore[arg-type]
        self.assertLessEqual(reports._waiting, 2 * MOST_A_SECOND)
        self.assertGreaterEqual(reports._losses.total, 1000 - 3 * MOST_A_SECOND)

    async def test_nothing_of_the_process_is_touched(self) -> None:
        await self.get("/crash")
        await self.sink.count(1)
        self.assertFalse(sentry_sdk.get_client().is_active())
        self.assertFalse(sentry_sdk.get_global_scope().client.is_active())


class TwoAppsTests(SentryCase):
    async def test_two_apps_of_a_process_report_each_to_its_own(self) -> None:
        other = Sink(self)
        path = self.write("other.yaml", CONFIG.format(port=other.port, more=""))
        registry = Registry()
        second = Gramex(schema.build(reader.read(path), registry), reactor, registry)
        second.startService()
        self.addCleanup(second.stopService)
        await self.get("/crash")
        await self.sink.count(1)
        self.assertEqual(other.got, [])


class TraceTests(SentryCase):
    more = "traces_sample_rate: 1.0"

    async def test_a_request_is_reported_with_its_time_and_the_trace_it_belongs_to(self) -> None:
        trace, parent = "0123456789abcdef" * 2, "fedcba9876543210"
        await self.get("/fine?token=s3cret", {"sentry-trace": f"{trace}-{parent}-1"})
        await self.sink.count(1)
        [transaction] = self.reported("transaction")
        self.assertEqual((transaction["transaction"], transaction["transaction_info"]["source"]), ("fine", "route"))
        found = transaction["contexts"]["trace"]
        self.assertEqual((found["trace_id"], found["parent_span_id"]), (trace, parent))
        self.assertEqual((found["op"], found["status"]), ("http.server", "ok"))
        self.assertLess(transaction["start_timestamp"], transaction["timestamp"])
        self.assertNotIn("s3cret", json.dumps(transaction))


class TroubleTests(SentryCase):
    more = "stop_timeout: 0.1"

    async def test_a_silent_sink_delays_neither_answers_nor_the_end(self) -> None:
        self.sink.silent = True
        for _ in range(3):
            self.assertEqual((await self.get("/crash")).status, 500)
        await self.sink.count(1)
        self.assertEqual((await self.get("/fine")).text, "fine")
        await self.gramex.stopService()
        self.gramex.startService()

    async def test_a_sink_that_refuses_or_fails_harms_nobody(self) -> None:
        self.sink.code = 500
        self.assertEqual((await self.get("/crash")).status, 500)
        await self.sink.count(1)
        self.assertEqual((await self.get("/fine")).text, "fine")


class StopTests(SentryCase):
    async def test_what_waits_is_sent_before_the_app_stops(self) -> None:
        await self.get("/crash")
        await self.gramex.stopService()
        self.assertEqual(len(self.reported()), 1)
        self.gramex.startService()


class ConfigTests(AppTestCase):
    def test_without_a_dsn_nothing_is_imported_or_reported(self) -> None:
        app = self.make_app(
            "sentry: {dsn: ''}\nurl: {a: {pattern: /, handler: FunctionHandler, kwargs: {function: str(1)}}}"
        )
        self.assertFalse(app.gramex.shared.part(Reports).active)
        self.assertIsNone(app.gramex.shared.endpoints["a"].reports)

    def test_an_sdk_that_is_missing_is_told_with_its_place_and_the_app_serves(self) -> None:
        missing = patch.dict(sys.modules, {"sentry_sdk.client": None})
        missing.start()
        self.addCleanup(missing.stop)
        sys.modules.pop("gramex_twisted.services.sentry.client", None)
        app = self.make_app(
            "url: {a: {pattern: /, handler: FunctionHandler, kwargs: {function: str(1)}}}\n"
            f"sentry:\n  dsn: http://k@127.0.0.1:{free_port()}/1\n"
        )
        [error] = app.gramex.errors
        self.assertRegex(str(error), r"gramex\.yaml:2:\d+: sentry: needs sentry-sdk: pip install")

    def test_a_dsn_that_is_none_is_told_with_its_line(self) -> None:
        for dsn in ("x", "http://host/1", "https://key@host/", "ftp://key@host/1"):
            with self.assertRaises(ExceptionGroup) as caught:
                self.make_app(f"sentry:\n  dsn: {dsn}\n")
            self.assertIn(
                "gramex.yaml:2:3: sentry.dsn: must be such as https",
                str(caught.exception.exceptions[0]),
            )

    def test_rates_are_shares(self) -> None:
        with self.assertRaises(ExceptionGroup) as caught:
            self.make_app("sentry:\n  traces_sample_rate: 20\n")
        self.assertIn("sentry.traces_sample_rate: must be at most 1, not 20", str(caught.exception.exceptions[0]))


class ScrubTests(SynchronousTestCase):
    def test_secrets_in_texts_are_masked_however_they_are_written(self) -> None:
        scrub = Scrubber(["the-cookie-secret"])
        for text, clean in {
            "password=x1 next": "password=*** next",
            "{'api_key': 'abc', 'n': 1}": "{'api_key': ***, 'n': 1}",
            'db_password: "two words"': "db_password: ***",
            "Authorization: Bearer abc.def": "Authorization: Bearer ***",
            "postgres://me:pw@host/db": "postgres://me:***@host/db",
            "sent the-cookie-secret to": "sent *** to",
            "the token was wrong": "the token was wrong",
            "n=3": "n=3",
        }.items():
            self.assertEqual(scrub(text), clean)

    def test_values_of_keys_that_are_named_like_secrets_are_masked_at_any_depth(self) -> None:
        event = {"a": [{"Cookie": "x", "SECRET_KEY": "y", "csrf_token": ["z"], "key": "plain", "none": None}]}
        clean = {"Cookie": "***", "SECRET_KEY": "***", "csrf_token": "***", "key": "plain", "none": None}
        self.assertEqual(Scrubber([])(event), {"a": [clean]})

    def test_secrets_of_a_configuration_are_found_by_their_keys(self) -> None:
        conf = {"app": {"settings": {"cookie_secret": "c00kie"}}, "email": {"a": {"password": "p4ss"}}, "x": "plain"}
        self.assertEqual(secrets_of(conf), {"c00kie", "p4ss"})

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=40), st.text("abcXYZ019-_/+.", min_size=6, max_size=30), st.text(max_size=40))
    def test_a_known_secret_is_never_left(self, before: str, secret: str, after: str) -> None:
        found = Scrubber([secret])({"x": [before + secret + after]})
        if secret not in before + "***" + after:
            self.assertNotIn(secret, found["x"][0])


class TaskTests(SentryCase):
    files = {"prices.csv": "a\n1\n"}

    def setUp(self) -> None:
        self.more = "}\n" + TASKS
        super().setUp()

    def names(self) -> list[tuple[str, str, str]]:
        events = self.reported()
        values = [event["exception"]["values"][-1] for event in events]
        return [
            (event["transaction"], event["tags"]["task"], value["value"])
            for event, value in zip(events, values, strict=True)
        ]

    async def test_errors_of_schedules_alerts_and_watches_are_reported(self) -> None:
        await self.sink.count(1)
        self.assertEqual(self.names(), [("schedule.fails", "schedule.fails", "no rows")])
        await self.gramex.shared.part(Alerts)["late"].run()
        await self.sink.count(2)
        name, task, text = self.names()[1]
        self.assertEqual((name, task), ("alert.late", "alert.late"))
        self.assertIn("nothing.csv", text)
        await self.gramex.shared.part(FileWatches).watching()
        self.write("prices.csv", "a\n2\n")
        await self.sink.count(3)
        self.assertEqual(self.names()[2], ("watch.prices", "watch.prices", "bad prices"))
        self.flushLoggedErrors(ValueError)
