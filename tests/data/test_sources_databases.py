"""Tables and queries of databases: what goes wrong with them, and who may wait for how long."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.errors import Cancelled, SourceError, TooSlow, Unavailable
from gramex_twisted.data.sources import databases, source_of
from gramex_twisted.data.sources.base import Frame, Shared
from gramex_twisted.data.sources.dataset import parse as parse_dataset
from gramex_twisted.data.sources.queries import QueryTable
from gramex_twisted.data.types import QueryError
from tests.data.databases import url_of
from tests.data.sourcing import SourceCase
from tests.servers import MariaDBServer, PostgresServer, PrivateServer

ROWS = [(1, "Oslo", 1.5), (2, "Rome", 2.5), (3, "Oslo", 3.5)]
FOREVER = {
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c",
    "postgresql": "SELECT pg_sleep(1000) AS s",
    "mariadb": "SELECT sum(sleep(1)) AS s FROM seq_1_to_1000",
}


class DatabaseCase(SourceCase):
    """Tests on a database of their own table, `sales`."""

    url = ""

    def setUp(self) -> None:
        super().setUp()
        self.url = self.made_url()
        self.kind = urlsplit(self.url).scheme.partition("+")[0]
        engine = sa.create_engine(self.url, poolclass=sa.pool.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS sales"))
            made = "CREATE TABLE sales (id integer PRIMARY KEY, city varchar(20), amount double precision)"
            connection.execute(sa.text(made))
            for row in ROWS:
                connection.execute(
                    sa.text("INSERT INTO sales VALUES (:id, :city, :amount)"),
                    dict(zip(("id", "city", "amount"), row, strict=True)),
                )
        self.engine = engine

    def made_url(self) -> str:
        raise NotImplementedError

    def do(self, *statements: str) -> None:
        """Change the database."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))


class Databases:
    """What holds for every database."""

    def test_a_table(self: Any) -> None:
        self.assertEqual(self.rows(self.url, table="sales"), ROWS)
        self.assertEqual(self.rows(self.url, "city=Oslo&_sort=-id", {"t": ["sales"]}, table="{t}"), [ROWS[2], ROWS[0]])
        table = self.open(self.url, table="sales")
        query = parse({"city": ["Oslo"]}, table.schema)
        self.assertEqual(table.count(query), 2)
        self.assertEqual(list(table.batches(query, 1)), [[ROWS[0]], [ROWS[2]]])
        changed = table.transformed(lambda frame: frame.head(1))
        self.assertEqual(list(changed.run(parse({}, changed.schema)).rows), ROWS[:1])

    def test_a_table_that_is_not_there(self: Any) -> None:
        self.assertIn("has no table sale; there is sales", self.error(SourceError, self.url, table="sale"))
        self.assertIn("x", self.error(SourceError, self.url, table="x.sales"))
        with self.assertRaises(QueryError) as caught:
            self.rows(self.url, "", {"t": ["sales; DROP TABLE sales"]}, table="{t}")
        self.assertIn("may hold only letters, digits", str(caught.exception))

    def test_a_column_that_has_been_added_or_has_gone(self: Any) -> None:
        self.assertEqual(self.rows(self.url, table="sales"), ROWS)
        self.do("ALTER TABLE sales DROP COLUMN amount")
        if self.kind == "sqlite":
            self.assertEqual(self.rows(self.url, table="sales")[0], (1, "Oslo"))
            return
        self.error(SourceError, self.url, table="sales")
        self.assertEqual(self.rows(self.url, table="sales")[0], (1, "Oslo"))
        self.do("DROP TABLE sales")
        self.error(SourceError, self.url, table="sales")
        self.assertIn("has no table sales", self.error(SourceError, self.url, table="sales"))

    def test_a_query_is_filtered_in_the_database(self: Any) -> None:
        query = "SELECT id, city, amount * 2 AS twice FROM sales WHERE amount > :least AND id IN :ids ORDER BY id DESC;"
        types = {"least": {"type": "float"}, "ids": {"type": int, "expanding": True}}
        values = {"least": ["1.5"], "ids": ["1", "2", "3"]}
        table = self.open(self.url, values, query=query, argstype=types)
        self.assertIsInstance(table, QueryTable)
        self.assertEqual([field.kind.name for field in table.schema.fields], ["INT", "TEXT", "FLOAT"])
        self.assertEqual(list(table.run(parse({}, table.schema)).rows), [(3, "Oslo", 7.0), (2, "Rome", 5.0)])
        self.assertEqual(self.rows(self.url, "twice<=6", values, query=query, argstype=types), [(2, "Rome", 5.0)])
        self.assertEqual(table.count(parse({"city": ["Oslo"]}, table.schema)), 1)

    def test_parameters_that_are_missing_or_wrong(self: Any) -> None:
        query = "SELECT * FROM sales WHERE amount > :least"
        said = {
            "least: needed": {},
            "least=x: not a number": {"least": ["x"]},
        }
        for text, values in said.items():
            with self.assertRaises(QueryError) as caught:
                self.rows(self.url, "", values, query=query, argstype={"least": "float"})
            self.assertEqual(str(caught.exception), text)
        self.assertIn(
            "argstype: least: type:", self.error(SourceError, self.url, query=query, argstype={"least": "no"})
        )

    def test_a_value_never_becomes_sql(self: Any) -> None:
        query = "SELECT * FROM sales WHERE city = :city"
        for value in ("' OR '1'='1", "x'; DROP TABLE sales; --", "Oslo' --", "\\' OR 1=1 #"):
            self.assertEqual(self.rows(self.url, "", {"city": [value]}, query=query), [])
        least = "SELECT * FROM sales WHERE id = {id} AND city = 'Oslo'"
        self.assertRaises(QueryError, self.rows, self.url, "", {"id": ["2--"]}, query=least)
        self.assertEqual(len(self.rows(self.url, "", {"city": ["Oslo"]}, query=query)), 2)
        with self.assertRaises(QueryError):
            self.rows(self.url, "", {"c": ["city FROM sales --"]}, query="SELECT {c} FROM sales")
        self.assertEqual(len(self.rows(self.url, "", {"c": ["city"]}, query="SELECT {c} FROM sales")), 3)

    def test_queries_that_cannot_be_part_of_others_are_filtered_here(self: Any) -> None:
        query = "SELECT a.id, b.id, a.city FROM sales a JOIN sales b ON a.id = b.id ORDER BY a.id DESC"
        found = self.rows(self.url, "city=Oslo&_sort=id", query=query)
        self.assertEqual(found, [(1, 1, "Oslo"), (3, 3, "Oslo")])

    def test_a_comment_at_the_end_hides_nothing(self: Any) -> None:
        table = self.open(self.url, query="SELECT * FROM sales -- all of them")
        self.assertIsInstance(table, QueryTable)
        self.assertEqual(table.count(parse({"city": ["Oslo"]}, table.schema)), 2)

    def test_queries_that_are_none(self: Any) -> None:
        for query in ("slect 1", "SELECT nothing FROM sales", "SELECT * FROM nowhere", " ; "):
            self.error(SourceError, self.url, query=query)
        self.assertIn("no SELECT", self.error(SourceError, self.url, query="DELETE FROM sales"))
        self.assertEqual(self.rows(self.url, table="sales"), ROWS)
        self.assertIn("queryfile:", self.error(SourceError, self.url, queryfile="no.sql"))
        self.write("q.sql", "SELECT city FROM sales WHERE id = 2;\n")
        self.assertEqual(self.rows(self.url, queryfile="q.sql"), [("Rome",)])

    def test_a_result_is_kept_while_its_state_is_the_same(self: Any) -> None:
        calls: list[int] = []
        states = {"SELECT max(id) FROM sales": 3, "function": lambda: len(calls) // 3}
        for state in states:
            asked = state if state != "function" else states[state]
            first = self.open(self.url, query="SELECT * FROM sales", state=asked)
            self.assertIsInstance(first, Frame)
            self.assertIs(self.open(self.url, query="SELECT * FROM sales", state=asked).table, first.table)
            calls += [1, 1, 1]
            self.do(f"INSERT INTO sales VALUES ({10 + len(calls)}, 'Bonn', 1)")
            self.assertIsNot(self.open(self.url, query="SELECT * FROM sales", state=asked).table, first.table)
        self.assertIn("state: ", self.error(SourceError, self.url, query="SELECT 1", state=5))

    def test_a_slow_statement_ends_after_its_time(self: Any) -> None:
        said = self.error(TooSlow, self.url, query=FOREVER[self.kind], timeout=2)
        self.assertIn("the statement took too long", said)
        self.assertEqual(self.rows(self.url, table="sales", timeout=2), ROWS)

    def test_a_statement_that_nobody_waits_for_is_cancelled(self: Any) -> None:
        source = self.source(self.url, query=FOREVER[self.kind], timeout=100)
        engine = databases.engine_of(source.dataset, self.shared, {})
        table = QueryTable(engine, self.shared, source.clause({}))
        errors: list[BaseException] = []
        runs = Event()
        slow = FOREVER[self.kind]

        def begins(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
            if slow in statement and (self.kind != "postgresql" or "LIMIT" not in statement):
                runs.set()

        sa.event.listen(engine, "before_cursor_execute", begins)

        def run() -> None:
            try:
                table.frame()
            except BaseException as error:
                errors.append(error)

        thread = Thread(target=run)
        thread.start()
        self.assertTrue(runs.wait(60))
        while thread.is_alive():  # it is about to begin
            table.cancel()
            thread.join(0.2)
        table.close()
        self.assertEqual([type(error) for error in errors], [Cancelled])
        self.assertEqual(self.rows(self.url, table="sales", timeout=100), ROWS)


class SQLiteTests(Databases, DatabaseCase):
    def made_url(self) -> str:
        return f"sqlite:///{self.folder}/x.db"

    def test_paths_are_relative_to_the_root(self) -> None:
        self.assertEqual(self.rows("sqlite:///x.db", table="sales"), ROWS)
        said = self.error(SourceError, "sqlite:///no.db", table="sales")
        self.assertEqual(said, "no file no.db")
        self.assertFalse((self.folder / "no.db").exists())

    def test_what_is_no_database(self) -> None:
        self.write("text.db", "a,b\n" * 1000)
        self.assertIn("file is not a database", self.error(SourceError, "sqlite:///text.db", table="x"))
        content = (self.folder / "x.db").read_bytes()
        self.write("half.db", content[: len(content) // 2])
        self.error(SourceError, "sqlite:///half.db", table="sales")

    def test_a_database_that_is_replaced_is_the_new_one(self) -> None:
        self.assertEqual(self.rows(self.url, table="sales"), ROWS)
        with closing(sqlite3.connect(self.folder / "new.db")) as connection:
            connection.execute("CREATE TABLE sales (id integer)")
            connection.execute("INSERT INTO sales VALUES (7)")
            connection.commit()
        os.replace(self.folder / "new.db", self.folder / "x.db")
        self.assertEqual(self.rows(self.url, table="sales"), [(7,)])

    def test_a_locked_database(self) -> None:
        options = {"connect_args": {"timeout": 0.1}}
        with closing(sqlite3.connect(self.folder / "x.db")) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            said = self.error(Unavailable, self.url, table="sales", **options)
            self.assertIn("it is not available: database is locked", said)
        self.assertEqual(self.rows(self.url, table="sales", connect_args={"timeout": 0.1}), ROWS)

    def test_a_list_of_tables_is_a_state(self) -> None:
        first = self.open(self.url, query="SELECT * FROM sales", state=["sales"])
        self.assertIs(self.open(self.url, query="SELECT * FROM sales", state=["sales"]).table, first.table)  # type: ignore[attr-defined]
        self.do("INSERT INTO sales VALUES (9, 'Bonn', 1)")
        self.assertEqual(len(self.rows(self.url, query="SELECT * FROM sales", state=["sales"])), 4)

    def test_what_a_computed_column_holds_is_seen_when_there_are_rows(self) -> None:
        query = "SELECT id * 2 AS twice FROM sales WHERE city = :city"
        self.assertEqual(self.rows(self.url, "", {"city": ["Paris"]}, query=query), [])
        self.assertEqual(self.rows(self.url, "twice>=2", {"city": ["Oslo"]}, query=query), [(6,)])

    def test_views_made_to_know_a_query_do_not_stay(self) -> None:
        self.rows(self.url, query="SELECT * FROM sales")
        engine = databases.engine_of(parse_dataset({"url": self.url, "table": "x"}), self.shared, {})
        with engine.connect() as connection:
            self.assertEqual(connection.execute(sa.text("SELECT count(*) FROM sqlite_temp_schema")).scalar(), 0)


class PostgreSQLTests(Databases, DatabaseCase):
    def made_url(self) -> str:
        return url_of(PostgresServer)

    def test_a_list_of_tables_is_a_state(self) -> None:
        self.assertEqual(self.rows(self.url, query="SELECT * FROM sales", state=["sales"]), ROWS)
        self.assertEqual(self.rows(self.url, query="SELECT * FROM sales", state=["public.sales"]), ROWS)
        said = self.error(SourceError, self.url, query="SELECT 1 AS a", state=["none"])
        self.assertEqual(said, "state: no table none")

    def test_times_and_what_is_neither_text_nor_number(self) -> None:
        query = "SELECT now() AS at, now()::timestamp AS l, current_date AS d, '{}'::json j, array[1] AS a, true AS b"
        kinds = [field.kind.name for field in self.open(self.url, query=query).schema.fields]
        self.assertEqual(kinds, ["INSTANT", "DATETIME", "DATE", "OTHER", "OTHER", "BOOL"])


class MariaDBTests(Databases, DatabaseCase):
    def made_url(self) -> str:
        return url_of(MariaDBServer)

    def test_a_list_of_tables_is_a_state(self) -> None:
        self.assertEqual(self.rows(self.url, query="SELECT * FROM sales", state=["sales"]), ROWS)
        said = self.error(SourceError, self.url, query="SELECT 1 AS a", state=["none"])
        self.assertEqual(said, "state: no table none")

    def test_booleans_and_bytes(self) -> None:
        self.do("DROP TABLE IF EXISTS odd", "CREATE TABLE odd (b boolean, t text, raw blob, d decimal(9, 2))")
        kinds = [field.kind.name for field in self.open(self.url, query="SELECT * FROM odd").schema.fields]
        self.assertEqual(kinds, ["BOOL", "TEXT", "OTHER", "DECIMAL"])


class ServerCase(SourceCase):
    """A server that goes and comes back."""

    def check(self, server: PrivateServer, url: str) -> None:
        engines = Engines()
        self.addCleanup(engines.dispose)
        shared = Shared(self.shared.memory, engines, Path(self.folder))
        source = source_of(parse_dataset({"url": url, "table": "t"}), shared)
        with engines.get(url).begin() as connection:
            if connection.dialect.name == "mariadb":  # otherwise it may forget what it has committed
                connection.execute(sa.text("SET GLOBAL innodb_flush_log_at_trx_commit = 1"))
            connection.execute(sa.text("CREATE TABLE t (id integer PRIMARY KEY)"))
            connection.execute(sa.text("INSERT INTO t VALUES (1)"))

        def read() -> list[Any]:
            with closing(source.open({})) as table:
                return list(table.run(parse({}, table.schema)).rows)

        self.assertEqual(read(), [(1,)])
        server.kill()
        said = str(self.assertRaises(Unavailable, read))
        self.assertNotIn("secret", said)
        server.start()
        self.assertEqual(read(), [(1,)])
        with closing(source.open({})) as table:
            query = parse({}, table.schema)
            server.kill()
            self.assertRaises(Unavailable, table.run, query)
        server.start()
        self.assertEqual(read(), [(1,)])

    def test_postgresql_that_is_killed_and_started_again(self) -> None:
        url_of(PostgresServer)  # skips where there is none
        server = PostgresServer.of(self)
        self.check(server, server.url().replace("gramex@", "gramex:secret@"))

    def test_mariadb_that_is_killed_and_started_again(self) -> None:
        url_of(MariaDBServer)
        server = MariaDBServer.of(self)
        self.check(server, server.url())
