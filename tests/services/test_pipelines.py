"""storelocations.pipeline: what is written down of pipelines' runs, in a real SQLite file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from twisted.logger import globalLogPublisher

from gramex_twisted.testing import AppTestCase

STEPS = """
schedule:
  a: {startup: true, function: [{name: x, function: 1 + 2}, 'work.double(x)']}
  b: {startup: true, function: [work.double(1), work.fail(), work.double(2)]}
  c: {startup: true, function: work.double(1)}
url:
  page: {pattern: /, handler: FunctionHandler, kwargs: {function: [{name: x, function: work.double(4)}, str(x)]}}
"""


class PipelineTests(AppTestCase):
    files = {"work.py": "def double(x):\n    return 2 * x\n\ndef fail():\n    raise ValueError('no more')\n"}

    def start(self, url: str) -> None:
        """An app that writes to the database ``url``."""
        columns = "columns: {name: TEXT, start: TEXT, end: TEXT, error: TEXT}"
        self.app = self.make_app(f"storelocations: {{pipeline: {{url: '{url}', table: runs, {columns}}}}}\n{STEPS}")
        self.clock.advance(0)

    def rows(self) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "runs.db")) as connection:
            return list(connection.execute('SELECT name, start, "end", error FROM runs ORDER BY start'))

    def test_each_run_has_a_row(self) -> None:
        self.start(f"sqlite:///{self.folder}/runs.db")
        self.assertEqual(self.get("/").text, "8")
        self.assertEqual([row[0] for row in self.rows()], ["schedule:a", "schedule:b", "url:page"])
        for _, start, end, _ in self.rows():
            began, ended = datetime.fromisoformat(start), datetime.fromisoformat(end)
            self.assertLessEqual(began, ended)
            self.assertLess(abs((datetime.now(UTC).replace(tzinfo=None) - began).total_seconds()), 3600)
        good, bad, _ = (row[3] for row in self.rows())
        self.assertIn(good, ("", None))
        self.assertTrue(bad.startswith("pipeline:schedule:b 2/3 failed: work.fail()\nTraceback"), bad)
        self.assertIn("ValueError: no more", bad)
        self.assertEqual(self.app.gramex.in_flight, 0)
        self.forget_errors(ValueError)

    def test_a_table_that_cannot_be_written_to_is_told_once_and_changes_no_result(self) -> None:
        lines: list[str] = []

        def observe(event: Any) -> None:
            if "pipelines" in str(event.get("log_namespace")):
                lines.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.start(f"sqlite:///{self.folder}/nowhere/runs.db")
        self.assertEqual([self.get("/").text for _ in range(2)], ["8", "8"])
        self.assertEqual(len(lines), 1)
        self.assertIn("storelocations.pipeline: runs are not written down: ", lines[0])
        self.forget_errors(ValueError)

    def test_what_is_written_of_it_is_merged_into_the_defaults(self) -> None:
        self.app = self.make_app("storelocations: {pipeline: {columns: {host: TEXT}}}\n" + STEPS)
        (self.folder / "data").mkdir(exist_ok=True)
        self.get("/")
        self.clock.advance(0)
        self.forget_errors(ValueError)
        with closing(sqlite3.connect(self.folder / "data" / "pipeline.db")) as connection:
            self.assertIn(("url:page", None), connection.execute("SELECT name, host FROM runs").fetchall())

    def test_the_table_that_gramex_has_made_goes_on(self) -> None:
        (self.folder / "data").mkdir(exist_ok=True)
        with closing(sqlite3.connect(self.folder / "data" / "pipeline.db")) as connection, connection:
            connection.execute('CREATE TABLE runs (name TEXT, start TEXT, "end" TEXT, error TEXT)')
            connection.execute("INSERT INTO runs VALUES ('url:old', '2026-01-01', '2026-01-01', '')")
        self.app = self.make_app(STEPS.replace("startup: true", "hours: 3"))
        self.get("/")
        with closing(sqlite3.connect(self.folder / "data" / "pipeline.db")) as connection:
            self.assertEqual([row[0] for row in connection.execute("SELECT name FROM runs")], ["url:old", "url:page"])

    def test_without_one_nothing_is_written(self) -> None:
        self.app = self.make_app(STEPS)
        self.assertEqual(self.get("/").text, "8")
        self.assertFalse((self.folder / "runs.db").exists())
        self.clock.advance(0)
        self.forget_errors(ValueError)
