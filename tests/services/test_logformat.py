"""services.logformat: records as lines for people and for programs."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.logformat import JsonFormatter, TextFormatter
from tests.services.support import ROW, record


class FormatTest(SynchronousTestCase):
    def test_a_text_line_is_level_time_logger_message(self) -> None:
        line = TextFormatter().format(record())
        self.assertRegex(line, r"^I 14-Jul \d\d:40:00 gramex_twisted\.app hello$")

    @settings(deadline=None, max_examples=100)
    @given(st.text(), st.text())
    def test_no_message_forges_a_line_or_drives_the_terminal(self, message: str, uri: str) -> None:
        line = TextFormatter().format(record(message))
        head, *rest = line.split("\n")
        self.assertTrue(head.startswith("I "))
        self.assertEqual([text[:4] for text in rest], ["    "] * len(rest))
        self.assertNotRegex(line, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        fields = json.loads(JsonFormatter().format(record(message)))
        self.assertEqual(fields["logger"], "gramex_twisted.app")
        self.assertNotIn("\n", JsonFormatter().format(record(message)))

    def test_two_rows_are_two_lines_with_their_own_times(self) -> None:
        later = (200, "GET", "/y", "::1", 2.0, "other", None, 1_500_000_001.0, None)
        lines = TextFormatter().format(record("ignored", rows=[ROW, later])).split("\n")
        self.assertRegex(lines[0], r"^I \S+ \d\d:40:00 404 GET ")
        self.assertRegex(lines[1], r"^I \S+ \d\d:40:01 200 GET /y \(::1\) 2000\.0ms other$")
