"""FormHandler on databases that are slow, gone or full of rows; on a real reactor."""

from __future__ import annotations

import csv
import io
import sqlite3
from typing import Any

import sqlalchemy as sa
import treq
from twisted.internet import task
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.client import Agent

from gramex_twisted.services.datasets import Datasets
from gramex_twisted.testing import SAME_ORIGIN
from tests.data.databases import url_of
from tests.live import LiveCase, reactor
from tests.servers import MariaDBServer, PostgresServer

ROWS = 50_000
WAIT = 30.0


class WaitingCase(LiveCase):
    async def until(self, condition: Any) -> None:
        """Wait for it."""
        began = reactor.seconds()
        while not condition():
            if reactor.seconds() - began > WAIT:
                raise AssertionError("it has not come to pass")
            await task.deferLater(reactor, 0.01)


class DatabaseTestCase(WaitingCase):
    """``database`` is its URL in the configuration."""

    timeout = 120
    kind: Any = PostgresServer
    template = """
        url:
          slow:
            pattern: /slow
            handler: FormHandler
            kwargs:
              url: "{url}"
              query: SELECT pg_sleep(:s) AS slept, 1 AS one
              argstype: {{s: float}}
              timeout: 2
          patient:
            pattern: /patient
            handler: FormHandler
            kwargs: {{url: "{url}", query: "SELECT pg_sleep(60) AS slept /* patient */", timeout: 90}}
          kept:
            pattern: /kept
            handler: FormHandler
            kwargs: {{url: "{url}", query: "SELECT pg_sleep(60) AS slept /* kept */", state: SELECT 1, timeout: 90}}
          rows:
            pattern: /rows
            handler: FormHandler
            kwargs: {{url: "{url}", table: numbers}}
          quick: {{pattern: /quick, handler: FunctionHandler, kwargs: {{function: str("quick")}}}}
          plain: {{pattern: /plain, handler: FunctionHandler, kwargs: {{function: time.time()}}}}
          file: {{pattern: /file, handler: FormHandler, kwargs: {{url: $YAMLPATH/a.csv}}}}
    """
    files = {"a.csv": "x\n1\n"}

    def setUp(self) -> None:
        self.url = url_of(self.kind)
        self.engine = sa.create_engine(self.url.replace("postgresql://", "postgresql+psycopg://"))
        self.addCleanup(self.engine.dispose)
        with self.engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS numbers"))
            connection.execute(sa.text("CREATE TABLE numbers (id INTEGER PRIMARY KEY, name VARCHAR(40))"))
            connection.execute(
                sa.text("INSERT INTO numbers VALUES (:id, :name)"),
                [{"id": n, "name": f"name {n}"} for n in range(ROWS)],
            )
        self.config = self.template.format(url=self.url)  # type: ignore[misc]
        super().setUp()

    def running(self, text: str) -> int:
        """How many statements with this text run."""
        with self.engine.connect() as connection:
            found = connection.execute(
                sa.text(
                    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE :q "
                    "AND pid <> pg_backend_pid()"
                ),
                {"q": f"%{text}%"},
            )
            return int(found.scalar_one())


class PostgresTests(DatabaseTestCase):
    async def test_parameters_are_typed(self) -> None:
        response = await self.get("/slow?s=0&_c=one")
        self.assertEqual((response.status, response.json()), (200, [{"one": 1}]))
        wrong = await self.get("/slow?s=x")
        self.assertEqual(wrong.status, 400)
        self.assertIn("s=x", wrong.json()["error"])

    async def test_a_statement_that_takes_too_long_is_504(self) -> None:
        response = await self.get("/slow?s=30")
        self.assertEqual(response.status, 504)
        self.assertEqual(response.json()["error"], "the database took too long to answer")
        self.assertEqual((await self.get("/slow?s=0&_c=one")).json(), [{"one": 1}])

    async def test_slow_statements_delay_nobody_else(self) -> None:
        slow = [self.ask("/patient") for _ in range(30)]
        await self.until(lambda: self.running("/* patient */") >= 5)
        for path in ("/quick", "/plain", "/file"):
            answer: Deferred[Any] = Deferred.fromCoroutine(self.get(path))
            response = await answer.addTimeout(WAIT, reactor)
            self.assertEqual(response.status, 200, path)
        for each in slow:
            each.cancel()
        await gatherResults([each.addErrback(lambda failure: None) for each in slow])
        await self.until(lambda: self.running("/* patient */") <= 0)

    async def test_a_client_that_leaves_ends_its_statement(self) -> None:
        asked = self.ask("/patient")
        await self.until(lambda: self.running("/* patient */") == 1)
        asked.cancel()
        await asked.addErrback(lambda failure: None)
        await self.until(lambda: self.running("/* patient */") == 0)
        self.assertEqual((await self.get("/quick")).text, "quick")

    async def test_a_client_that_leaves_ends_a_query_whose_result_would_have_been_kept(self) -> None:
        first, second = self.ask("/kept"), self.ask("/kept")
        in_flight = self.gramex.shared.in_flight
        await self.until(lambda: self.running("/* kept */") == 1 and in_flight.count == 2)
        first.cancel()
        await first.addErrback(lambda failure: None)
        await self.until(lambda: in_flight.count == 1)
        second.cancel()
        await second.addErrback(lambda failure: None)
        await self.until(lambda: in_flight.count == 0 and self.running("/* kept */") == 0)

    def ask(self, path: str) -> Deferred[Any]:
        agent = Agent(reactor)
        return agent.request(b"GET", f"http://127.0.0.1:{self.port.getHost().port}{path}".encode())

    async def test_many_rows_are_streamed(self) -> None:
        for form in ("json", "jsonl", "csv"):
            response = await self.get(f"/rows?_format={form}&_limit=1000000&_sort=id")
            self.assertEqual(response.status, 200)
            self.assertNotIn("content-length", response.headers)
            if form == "csv":
                rows = list(csv.reader(io.StringIO(response.body.decode("utf-8-sig"))))
                self.assertEqual((rows[0], rows[-1], len(rows)), (["id", "name"], ["49999", "name 49999"], ROWS + 1))
            elif form == "json":
                self.assertEqual(response.json()[-1], {"id": 49999, "name": "name 49999"})
            else:
                self.assertEqual(len(response.body.splitlines()), ROWS)

    async def test_what_is_not_streamed_is_bounded(self) -> None:
        response = await self.get("/rows?_format=parquet&_limit=1000001")
        self.assertEqual(response.status, 400)
        self.assertEqual(
            response.json()["error"], "_limit=1000001: more than 1000000 rows, which only a stream may have"
        )
        self.assertEqual((await self.get("/rows?_format=parquet&_limit=1000000")).status, 200)

    async def test_a_client_that_leaves_a_stream_gives_its_connection_back(self) -> None:
        for _ in range(20):
            agent = Agent(reactor)
            url = f"http://127.0.0.1:{self.port.getHost().port}/rows?_limit=1000000".encode()
            response: Any = await agent.request(b"GET", url)
            response._transport._producer.abortConnection()
        response = await self.get("/rows?_limit=1")
        self.assertEqual(response.json(), [{"id": 0, "name": "name 0"}])
        await self.until(lambda: self.gramex.shared.in_flight.count == 0)

    async def test_pages_after_cursors_reach_every_row_once(self) -> None:
        seen: list[int] = []
        url = "/rows?_sort=-name&_limit=9000&_c=id"
        while url:
            response = await self.get(url)
            seen += [row["id"] for row in response.json()]
            link = response.headers.get("link", "")
            url = link[1 : link.index(">")] if link else ""
        self.assertEqual((len(seen), len(set(seen))), (ROWS, ROWS))

    async def test_a_change_breaks_no_rule(self) -> None:
        response = await self.get("/rows?id=5")
        self.assertEqual(response.json(), [{"id": 5, "name": "name 5"}])


class SQLiteTests(WaitingCase):
    """A statement of SQLite that takes for ever."""

    timeout = 120
    config = """
        url:
          endless:
            pattern: /endless
            handler: FormHandler
            kwargs:
              url: sqlite:///$YAMLPATH/a.db
              query: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS most FROM n
              timeout: 1
          kept:
            pattern: /kept
            handler: FormHandler
            kwargs:
              url: sqlite:///$YAMLPATH/a.db
              query: WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) AS most FROM n
              state: SELECT count(*) FROM t
              timeout: 300
          rows: {pattern: /rows, handler: FormHandler, kwargs: {url: "sqlite:///$YAMLPATH/a.db", table: t, id: id}}
          many: {pattern: /many, handler: FormHandler, kwargs: {url: "sqlite:///$YAMLPATH/a.db", table: many}}
    """

    def setUp(self) -> None:
        super().setUp()
        connection = sqlite3.connect(self.folder / "a.db")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.commit()
        connection.close()

    async def test_it_is_ended_in_time(self) -> None:
        endless: Deferred[Any] = Deferred.fromCoroutine(self.get("/endless"))
        self.assertEqual((await self.get("/rows")).json(), [{"id": 1}])
        self.assertEqual((await endless).status, 504)

    async def test_a_client_that_leaves_ends_a_query_whose_result_would_have_been_kept(self) -> None:
        asked = Agent(reactor).request(b"GET", f"http://127.0.0.1:{self.port.getHost().port}/kept".encode())
        in_flight = self.gramex.shared.in_flight
        making = self.gramex.shared.part(Datasets).memory._making
        await self.until(lambda: in_flight.count == 1 and making)
        asked.cancel()
        await asked.addErrback(lambda failure: None)
        await self.until(lambda: in_flight.count == 0 and not making)

    async def test_an_answer_is_kept_until_the_table_changes(self) -> None:
        self.assertEqual((await self.get("/rows")).json(), [{"id": 1}])
        for number in range(2, 6):
            connection = sqlite3.connect(self.folder / "a.db")
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            connection.commit()
            connection.close()
            self.assertEqual(len((await self.get("/rows")).json()), number)

    async def test_who_waits_for_the_answer_to_another_gets_one_also_when_that_one_leaves(self) -> None:
        connection = sqlite3.connect(self.folder / "a.db")
        connection.execute("CREATE TABLE many (id INTEGER PRIMARY KEY, name TEXT)")
        connection.executemany("INSERT INTO many (name) VALUES (?)", ((f"name {n}",) for n in range(200_000)))
        connection.commit()
        connection.close()
        path = "/many?name~=e%20.*99999$" + "".join(f"&name~=never{n}.$" for n in range(8))  # seconds of work
        first = Agent(reactor).request(b"GET", f"http://127.0.0.1:{self.port.getHost().port}{path}".encode())
        in_flight = self.gramex.shared.in_flight
        making = self.gramex.shared.part(Datasets).answers._making
        await self.until(lambda: in_flight.count == 1 and making)
        second = Deferred.fromCoroutine(self.get(path))
        await self.until(lambda: in_flight.count == 2)
        first.cancel()
        await first.addErrback(lambda failure: None)
        self.assertEqual([row["name"] for row in (await second).json()], ["name 99999", "name 199999"])

    async def test_a_locked_database_is_waited_for_and_then_503(self) -> None:
        connection = sqlite3.connect(self.folder / "a.db", isolation_level=None)
        self.addCleanup(connection.close)
        connection.execute("BEGIN EXCLUSIVE")
        agent = Agent(reactor)
        url = f"http://127.0.0.1:{self.port.getHost().port}/rows?id=2".encode()
        headers: dict[bytes | str, list[bytes | str]] = {name: list(values) for name, values in SAME_ORIGIN.items()}
        response = await treq.client.HTTPClient(agent).post(url, headers=headers, unbuffered=False)
        await treq.content(response)
        self.assertEqual(response.code, 503)
        connection.execute("ROLLBACK")
        self.assertEqual((await self.get("/rows")).json(), [{"id": 1}])


class MariaDBTests(DatabaseTestCase):
    kind = MariaDBServer
    template = DatabaseTestCase.template.replace(
        "pg_sleep(:s) AS slept, 1 AS one", "sleep(:s) AS slept, 1 AS one FROM numbers WHERE id = 1"
    ).replace("pg_sleep(60) AS slept", "sleep(60) AS slept FROM numbers WHERE id = 1")

    test_kept = PostgresTests.test_a_client_that_leaves_ends_a_query_whose_result_would_have_been_kept

    def running(self, text: str) -> int:
        with self.engine.connect() as connection:
            found = connection.execute(
                sa.text(
                    "SELECT count(*) FROM information_schema.processlist WHERE info LIKE :q AND id <> connection_id()"
                ),
                {"q": f"%{text}%"},
            )
            return int(found.scalar_one())

    test_many_rows_are_streamed = PostgresTests.test_many_rows_are_streamed
    test_a_client_that_leaves_ends_its_statement = PostgresTests.test_a_client_that_leaves_ends_its_statement
    test_pages_after_cursors_reach_every_row_once = PostgresTests.test_pages_after_cursors_reach_every_row_once
    test_a_statement_that_takes_too_long_is_504 = PostgresTests.test_a_statement_that_takes_too_long_is_504
    ask = PostgresTests.ask
