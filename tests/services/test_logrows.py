"""services.logrows: a row as a line that no client can forge, without its secrets."""

from __future__ import annotations

import csv
import io

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.logkeys import build_columns
from gramex_twisted.services.logrows import clean_row, console_line, csv_lines, escape, mask
from tests.services.support import row


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
            "/login?code=c&state=s&x=1": "/login?code=***&state=***&x=1",
            "/shops?state=Ohio": "/shops?state=Ohio",
            "/coupon?code=c": "/coupon?code=c",
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
