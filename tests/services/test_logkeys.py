"""services.logkeys: the values that log.handlers.requests.keys names."""

from __future__ import annotations

import os

from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.logkeys import DEFAULT_KEYS, build_columns, build_keys
from gramex_twisted.services.logrows import clean_row, csv_lines
from tests.services.support import context, row


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
        values = build_keys(["user", "user.id", "session", "session.x"])(context(known_user=None, _session=None))
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
            values = build_keys(["name", "session.x"])(context(_session=object()))
        self.assertEqual(values, ("home", ""))
        self.assertEqual([(e["log_level"], e["key"]) for e in events], [(LogLevel.warn, "session.x")])

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
