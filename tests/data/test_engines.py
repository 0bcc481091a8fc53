"""Engines: which URLs, which drivers, and what their errors mean."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import engines
from gramex_twisted.data.engines import IMPORTING, Engines, process_engines
from gramex_twisted.data.errors import Conflict, ReadOnly, SourceError, Unavailable
from gramex_twisted.data.sources.dataset import public


class URLTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.engines = Engines()
        self.addCleanup(self.engines.dispose)

    def said(self, url: str, **options: object) -> str:
        return str(self.assertRaises(SourceError, self.engines.get, url, **options))

    def test_one_engine_for_a_url_and_its_options(self) -> None:
        first = self.engines.get("sqlite:///x.db")
        self.assertIs(self.engines.get("sqlite:///x.db"), first)
        self.assertIsNot(self.engines.get("sqlite:///x.db", timeout=1), first)
        self.engines.dispose()
        self.assertIsNot(self.engines.get("sqlite:///x.db"), first)
        self.assertIs(process_engines(), process_engines())

    def test_an_engine_waits_for_imports_of_another_thread(self) -> None:
        held, let_go, made = threading.Event(), threading.Event(), []

        def hold() -> None:
            with IMPORTING:
                held.set()
                let_go.wait(60)

        holder = threading.Thread(target=hold)
        holder.start()
        held.wait(60)
        getter = threading.Thread(target=lambda: made.append(Engines().get("sqlite://")))
        getter.start()
        getter.join(0.2)
        self.assertEqual(made, [])
        let_go.set()
        holder.join(60)
        getter.join(60)
        self.assertEqual([engine.dialect.name for engine in made], ["sqlite"])

    def test_there_are_not_more_than_so_many(self) -> None:
        self.patch(engines, "MOST_ENGINES", 3)
        made = [self.engines.get(f"postgresql://h/{number}") for number in range(3)]
        self.assertIs(self.engines.get("postgresql://h/0"), made[0])
        self.engines.get("postgresql://h/3")
        self.assertIs(self.engines.get("postgresql://h/0"), made[0])
        self.assertIsNot(self.engines.get("postgresql://h/1"), made[1])

    def test_the_drivers_of_urls_that_name_none(self) -> None:
        for url, driver in (("postgresql://h/d", "psycopg"), ("mysql://h/d", "pymysql"), ("mariadb://h/d", "pymysql")):
            self.assertEqual(self.engines.get(url).dialect.driver, driver)

    def test_pools_have_a_size(self) -> None:
        engine = Engines(pool_size=2, max_overflow=3).get("postgresql://h/d")
        assert isinstance(engine.pool, sa.pool.QueuePool)
        self.assertEqual((engine.pool.size(), engine.pool._max_overflow), (2, 3))
        engine = self.engines.get("postgresql://h/d", pool_size=7, max_overflow=0)
        assert isinstance(engine.pool, sa.pool.QueuePool)
        self.assertEqual((engine.pool.size(), engine.pool._max_overflow), (7, 0))

    def test_what_is_no_url_of_a_database(self) -> None:
        self.assertEqual(self.said("nonsense://u:secret@h/d"), "nonsense://u:***@h/d: no such kind of database")
        self.assertEqual(self.said("oracle://u:secret@h/d"), "oracle://u:***@h/d: run: pip install 'oracledb'")
        self.assertIn("bogus", self.said("sqlite:///x.db", bogus=1))
        self.assertIn("not the URL of a database", self.said("postgresql://u:secret@h:port/d"))

    def test_passwords_are_not_told(self) -> None:
        for url in (
            "postgresql://u:p%40ss@h/d?password=pass",
            "mysql+pymysql://u:pass@h/d",
            "https://u:pass@h/x?key=pass",
        ):
            self.assertNotIn("pass@", public(url))
            self.assertNotIn("=pass", public(url))
        self.assertEqual(public("C:/data.csv"), "C:/data.csv")

    def test_a_full_pool_is_not_available(self) -> None:
        url = f"sqlite:///{Path(self.mktemp()).absolute()}"
        engine = self.engines.get(url, pool_size=1, max_overflow=0, pool_timeout=0.05)
        with engine.connect():
            error = self.assertRaises(sa.exc.TimeoutError, engine.connect)
        found = self.engines.errors(error, engine)
        self.assertIsInstance(found, Unavailable)
        self.assertIn("all connections are in use", str(found))


class ErrorTests(SynchronousTestCase):
    def meaning(self, statement: str, *before: str, uri: str = ":memory:") -> str:
        known = Engines()
        connection = sqlite3.connect(uri, uri=True)
        self.addCleanup(connection.close)
        for each in before:
            connection.execute(each)
        with self.assertRaises(sqlite3.Error) as caught:
            connection.execute(statement)
        return type(known.errors(caught.exception)).__name__

    def test_sqlite(self) -> None:
        table = "CREATE TABLE t (a integer UNIQUE NOT NULL)"
        self.assertEqual(self.meaning("INSERT INTO t VALUES (1)", table, "INSERT INTO t VALUES (1)"), Conflict.__name__)
        self.assertEqual(self.meaning("INSERT INTO t VALUES (null)", table), Conflict.__name__)
        self.assertEqual(self.meaning("SELECT * FROM no"), SourceError.__name__)
        path = Path(self.mktemp()).absolute()
        sqlite3.connect(path).close()
        path.write_bytes(b"")
        self.assertEqual(self.meaning(table, uri=f"file:{path}?mode=ro"), ReadOnly.__name__)

    def test_servers_by_their_numbers_and_states(self) -> None:
        known = Engines()
        for arguments, state, kind in (
            ((1062, "Duplicate entry"), None, "Conflict"),
            ((1205, "Lock wait timeout"), None, "Unavailable"),
            ((2013, "Lost connection"), None, "Unavailable"),
            ((1969, "max_statement_time exceeded"), "70100", "TooSlow"),
            ((1146, "no such table"), None, "SourceError"),
            ((1290, "read-only"), None, "ReadOnly"),
            (("cancelled",), "57014", "TooSlow"),
            (("shut down",), "57P01", "Unavailable"),
            (("duplicate key",), "23505", "Conflict"),
            (("deadlock",), "40P01", "Unavailable"),
            (("no such table",), "42P01", "SourceError"),
            (("read-only transaction",), "25006", "ReadOnly"),
        ):
            error = Exception(*arguments)
            if state:
                error.sqlstate = state  # type: ignore[attr-defined]
            self.assertEqual(type(known.errors(error)).__name__, kind, arguments)

    def test_the_text_is_one_bounded_line_without_values(self) -> None:
        cause = Exception("first\nsecond" + "x" * 1000)
        error = sa.exc.DBAPIError("SELECT 1", {"a": "value"}, cause, hide_parameters=True)
        self.assertEqual(str(Engines().errors(error)), "the database: first")
