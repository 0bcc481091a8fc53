"""eventlog: rows in a real SQLite file, also one that somebody else has locked."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

import orjson
from twisted.logger import globalLogPublisher

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.registry import Registry
from gramex_twisted.services import eventlog
from gramex_twisted.services.eventlog import EventLog
from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.testing import AppTestCase


class EventLogTests(AppTestCase):
    config = "eventlog: {path: logs/events.db}"

    def setUp(self) -> None:
        super().setUp()
        self.log = self.app.gramex.shared.part(EventLog)
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: Any) -> None:
        if "eventlog" in str(event.get("log_namespace")):
            self.lines.append(event["log_format"].format(**event))

    def events(self) -> list[str]:
        return [row["event"] for row in self.log.query("SELECT * FROM events ORDER BY time")]

    def test_starts_stops_and_what_is_added(self) -> None:
        self.log.add("sale", {"city": "Żory", "n": 5})
        self.successResultOf(self.app.gramex.stopService())
        self.assertEqual(self.events(), ["startup", "sale", "shutdown"])
        first, sale, _ = self.log.query("SELECT * FROM events WHERE time > ? ORDER BY time", [0])
        self.assertEqual(orjson.loads(first["data"])["pid"], os.getpid())
        self.assertEqual(sale["data"], '{"city":"Żory","n":5}')

    def test_a_reload_is_neither(self) -> None:
        loaded = schema.build(reader.read(self.folder / "gramex.yaml", environ=os.environ), Registry())
        old = self.app.gramex
        new = Gramex(loaded, self.clock, threads=InlineThreads(self.clock), previous=old)
        new.startService()
        old.hand_over(new)
        self.successResultOf(old.stopService())
        self.assertEqual(self.events(), ["startup"])
        self.successResultOf(new.stopService())
        self.assertEqual(self.events(), ["startup", "shutdown"])

    def test_a_file_that_is_locked_or_none_delays_nothing_and_is_told(self) -> None:
        self.patch(eventlog, "PATIENCE", 0.1)
        with closing(sqlite3.connect(self.folder / "logs/events.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.successResultOf(self.app.gramex.stopService())
            self.assertEqual(self.lines, [f"eventlog: {self.folder}/logs/events.db: database is locked"])
        self.write("logs/events.db", "nothing")
        self.app.gramex.startService()
        self.assertIn("file is not a database", self.lines[-1])
        self.assertEqual(len(self.lines), 2)

    def test_without_one(self) -> None:
        app = self.make_app("url:")
        with self.assertRaisesRegex(RuntimeError, "there is no event log: write eventlog:"):
            app.gramex.shared.part(EventLog).add("x")
