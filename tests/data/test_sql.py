"""Tables as databases really have them: types of all sorts, views, no keys, other people's texts for times."""

from __future__ import annotations

import base64

import sqlalchemy as sa
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import sql
from gramex_twisted.data.arguments import parse
from gramex_twisted.data.types import QueryError
from tests.data.backends import arguments, engine_of


class DatabaseTestCase(SynchronousTestCase):
    """Statements of its own, in one of the databases."""

    backend = ""

    def setUp(self) -> None:
        self.engine = engine_of(self.backend)

    def execute(self, *statements: str) -> None:
        """Run statements."""
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def made(self, name: str, columns: str, *rows: str) -> sql.SQLTable:
        """A table, to be dropped after the test."""
        self.execute(f"CREATE TABLE {name} ({columns})", *(f"INSERT INTO {name} VALUES ({row})" for row in rows))
        self.addCleanup(self.execute, f"DROP TABLE {name}")
        return self.reflected(name)

    def reflected(self, name: str) -> sql.SQLTable:
        """What is known of a table or view."""
        with self.engine.connect() as connection:
            return sql.reflect(connection, name)

    def ask(self, table: sql.SQLTable, url: str) -> list[dict[str, object]]:
        """The records."""
        with self.engine.connect() as connection:
            return sql.run(parse(arguments(url), table.schema), table, connection).records()

    def kinds(self, table: sql.SQLTable) -> dict[str, str]:
        """What the columns hold."""
        return {field.name: field.kind.name for field in table.schema.fields}

    def plan(self, table: sql.SQLTable, url: str) -> str:
        """How the database goes about a question."""
        word = "EXPLAIN QUERY PLAN" if self.backend == "sqlite" else "EXPLAIN"

        def explain(connection: object, cursor: object, text: str, parameters: object, *rest: object) -> object:
            return f"{word} {text}", parameters

        sa.event.listen(self.engine, "before_cursor_execute", explain, retval=True)
        try:
            with self.engine.connect() as connection:
                statement = sql.compile(parse(arguments(url), table.schema), table)
                return "\n".join(map(str, connection.execute(statement.select)))
        finally:
            sa.event.remove(self.engine, "before_cursor_execute", explain)


class SQLiteTests(DatabaseTestCase):
    backend = "sqlite"

    def test_times_are_compared_whatever_form_they_were_stored_in(self) -> None:
        forms = ["2024-01-31 08:00:00.000000", "2024-01-31 08:00:00", "2024-01-31T08:00:00", "2024-01-31 08:00"]
        forms += ["2024-01-31T08:00:00Z", "2024-01-31 08:00:00.000", "2024-01-31"]
        rows = [f"{place}, '{form}', '{form[11:].rstrip('Z') or '00:00'}'" for place, form in enumerate(forms)]
        table = self.made("forms", "id INTEGER PRIMARY KEY, at DATETIME, clock TIME", *rows)
        same = [{"id": place} for place in range(6)]
        self.assertEqual(self.ask(table, "at=2024-01-31T08:00&_c=id"), same)
        self.assertEqual(self.ask(table, "clock=08:00&_c=id"), same)
        self.assertEqual(
            self.ask(table, "_by=at&_c=id|count&_sort=-at"), self.ask(table, "_by=at&_c=id|count&_sort=-id|count")
        )
        self.assertEqual([row["id|count"] for row in self.ask(table, "_by=at&_c=id|count")], [1, 6])
        self.assertEqual(self.ask(table, "at>~=2024-01-31T08:00&at<~=2024-01-31T08:00&_c=id"), same)
        self.assertEqual(self.ask(table, "at<=2024-01-31T08:00&at>=2024-01-30&_c=id"), [{"id": 6}])
        self.execute("CREATE INDEX by_at ON forms (at)")
        for url in ("at>=2024-01-31T08:00", "at<=2024-01-31T08:00"):
            self.assertIn("SEARCH forms USING COVERING INDEX by_at", self.plan(table, f"{url}&_by=&_c=id|count"))

    def test_rows_without_a_primary_key_are_in_the_order_of_their_rowids(self) -> None:
        table = self.made("keyless", "a TEXT, n INTEGER", "'x', 3", "'y', 2", "'x', 1")
        self.assertEqual((table.schema.key, table.schema.positions), ((), True))
        self.assertEqual([row["n"] for row in self.ask(table, "")], [3, 2, 1])
        self.assertEqual(self.ask(table, "_by=a&_c=n|first&_c=n|last&a=x"), [{"a": "x", "n|first": 3, "n|last": 1}])
        with self.engine.connect() as connection:
            first = sql.run(parse({"_limit": ["2"], "_sort": ["a"]}, table.schema), table, connection)
            query = parse({"_limit": ["2"], "_sort": ["a"], "_after": [first.after or ""]}, table.schema)
            second = sql.run(query, table, connection)
        self.assertEqual((first.rows, second.rows, second.after), ([("x", 3), ("x", 1)], [("y", 2)], None))

    def test_views_and_tables_without_rowids_have_no_order_but_a_key(self) -> None:
        self.made("base", "id INTEGER PRIMARY KEY, n INTEGER", "1, 5", "2, NULL", "3, 7")
        self.execute("CREATE VIEW seen AS SELECT id, n * 1.5 AS half, n + 1 AS next, 'x' || n AS text FROM base")
        self.addCleanup(self.execute, "DROP VIEW seen")
        view = self.reflected("seen")
        self.assertEqual(self.kinds(view), {"id": "INT", "half": "FLOAT", "next": "INT", "text": "TEXT"})
        self.assertEqual(view.schema.order, ())
        self.assertEqual(self.ask(view, "next>=6&_c=text"), [{"text": "x7"}])
        self.assertEqual(self.ask(view, "_by=&_c=half|sum"), [{"half|sum": 18.0}])
        for url, reason in {"_by=&_c=n|first": "no row is the first", "_after=x": "has no primary key"}.items():
            with self.assertRaisesRegex(QueryError, reason):
                self.ask(view, url.replace("n|", "next|"))
        self.execute("CREATE TABLE bare (code TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID")
        self.addCleanup(self.execute, "DROP TABLE bare")
        self.assertEqual(self.reflected("bare").schema.order, ("code",))

    def test_columns_of_a_made_up_type_are_what_is_in_them(self) -> None:
        table = self.made(
            "loose", "id INTEGER PRIMARY KEY, s STRING, m MONEY, x, b BLOB, empty", "1, 'Oslo', 2.5, 3, x'00', NULL"
        )
        kinds = {"id": "INT", "s": "TEXT", "m": "DECIMAL", "x": "INT", "b": "OTHER", "empty": "TEXT"}
        self.assertEqual(self.kinds(table), kinds)
        self.assertEqual(self.ask(table, "s=Oslo&x>~=3&m>=2&_c=id"), [{"id": 1}])
        self.assertEqual(self.ask(table, "b&empty!&_c=id"), [{"id": 1}])

    def test_case_counts_in_columns_that_ignore_it_themselves(self) -> None:
        table = self.made("nocase", "id INTEGER PRIMARY KEY, t TEXT COLLATE NOCASE", "1, 'a'", "2, 'A'", "3, 'b'")
        self.assertEqual(self.ask(table, "t=a&_c=id"), [{"id": 1}])
        self.assertEqual([row["t"] for row in self.ask(table, "_by=t")], ["A", "a", "b"])
        self.assertEqual([row["t"] for row in self.ask(table, "_sort=t")], ["A", "a", "b"])
        self.assertEqual(self.ask(table, "_by=&_c=t|nunique&_c=t|min"), [{"t|nunique": 3, "t|min": "A"}])

    def test_questions_use_the_indexes(self) -> None:
        table = self.made("indexed", "id INTEGER PRIMARY KEY, t TEXT, n INTEGER NOT NULL, m INTEGER")
        self.execute(
            "CREATE INDEX by_t ON indexed (t)", "CREATE INDEX by_n ON indexed (n)", "CREATE INDEX by_m ON indexed (m)"
        )
        table = self.reflected("indexed")
        self.assertIn("USING INDEX by_t", self.plan(table, "t=x"))
        for url in ("_sort=n", "_sort=-n", "_sort=t", "_sort=-t", "_sort=m", "_sort=-m"):
            plan = self.plan(table, f"{url}&_limit=5")
            self.assertIn("USING INDEX", plan, url)
            self.assertNotIn("TEMP B-TREE FOR ORDER BY", plan, url)
        cursors = {"n": '[["n",false],["id",false]],[5,5]', "m": '[["m",false],["id",false]],[5,5]'}
        for name in cursors:
            plan = self.plan(table, f"_sort={name}&_limit=5&_after={after(cursors[name])}")
            self.assertIn(f"SEARCH indexed USING INDEX by_{name}", plan)


def after(text: str) -> str:
    """A cursor."""
    return base64.urlsafe_b64encode(f"[{text}]".encode()).decode().rstrip("=")


class PostgreSQLTests(DatabaseTestCase):
    backend = "postgresql"

    def test_types_that_are_texts_to_people_are_queried_as_texts(self) -> None:
        self.execute("CREATE TYPE mood AS ENUM ('sad', 'glad')", "CREATE DOMAIN code AS varchar(5)")
        self.addCleanup(self.execute, "DROP TYPE mood", "DROP DOMAIN code")
        unique = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
        row = f"1, '{unique}', 'glad', 'ab', 'xy', '10.0.0.1', '{{1,2}}', '{{\"a\": [1]}}', '\\x00ff', '1 day'"
        columns = "id int PRIMARY KEY, u uuid, m mood, c char(5), d code, i inet, a int[], j jsonb, b bytea, v interval"
        table = self.made("texts", f"{columns}, r real, n numeric(5,2), x numeric", f"{row}, 1.5, 0.1, 'NaN'")
        kinds = {"id": "INT", **dict.fromkeys("umcdi", "TEXT"), **dict.fromkeys("ajbv", "OTHER")}
        self.assertEqual(self.kinds(table), {**kinds, "r": "FLOAT", "n": "DECIMAL", "x": "DECIMAL"})
        urls = ["m=glad", "m~=^g", "c=ab", "c~=^ab$", "d=xy", "d*=X", "i~=^10", "a", "x!", "r=1.5", "n=0.1"]
        for url in (f"u={unique}", *urls):
            self.assertEqual(self.ask(table, f"{url}&_c=id"), [{"id": 1}], url)
        self.assertEqual(self.ask(table, "_by=m&_c=u|min&_c=c|max"), [{"m": "glad", "u|min": unique, "c|max": "ab"}])
        with self.engine.connect() as connection:
            found = sql.run(parse({"_c": ["a", "j", "b", "v", "x"]}, table.schema), table, connection).json()
        self.assertEqual(found, b'[{"a":[1,2],"j":{"a":[1]},"b":"AP8=","v":86400.0,"x":null}]')

    def test_a_table_without_a_primary_key_has_no_cursors(self) -> None:
        table = self.made("keyless", "a text", "'x'", "'y'")
        with self.engine.connect() as connection:
            result = sql.run(parse({"_limit": ["1"]}, table.schema), table, connection)
        self.assertEqual((len(result.rows), result.after), (1, None))

    def test_questions_use_the_indexes(self) -> None:
        columns = "id int PRIMARY KEY, t text, n int NOT NULL, m int, f double precision"
        self.made("indexed", columns)
        self.execute(
            "CREATE INDEX ON indexed (t)",
            "CREATE INDEX ON indexed (n)",
            "CREATE INDEX ON indexed (m)",
            'CREATE INDEX ON indexed (t COLLATE "C")',
            "CREATE INDEX ON indexed (f)",
            "CREATE INDEX ON indexed (nullif(f, 'NaN'))",
            "INSERT INTO indexed SELECT i, i, i, i, i FROM generate_series(1, 20000) AS i",
            "ANALYZE indexed",
        )
        table = self.reflected("indexed")
        for url in ("t=5", "n=5", "f=5", "_sort=n", "_sort=-n", "_sort=m", "_sort=t", "_sort=f"):
            plan = self.plan(table, f"{url}&_limit=5")
            self.assertIn("Index", plan, url)
            self.assertNotIn("Seq Scan", plan, url)


class MariaDBTests(DatabaseTestCase):
    backend = "mariadb"

    def test_columns_of_other_character_sets_and_types_are_queried_as_texts(self) -> None:
        columns = "id int PRIMARY KEY, l varchar(9) CHARACTER SET latin1, e enum('a','B'), y year, f float, c char(5)"
        row = "1, 'É', 'B', 2024, 0.5, 'x', 1, 18446744073709551615, '[1]'"
        table = self.made("types", f"{columns}, t tinyint(1), u bigint unsigned, j json", row)
        kinds = {**dict.fromkeys("lecj", "TEXT"), "id": "INT", "y": "INT", "f": "FLOAT", "t": "BOOL", "u": "INT"}
        self.assertEqual(self.kinds(table), kinds)
        for url in ("l=É", "l*=é", "e=B", "e*=b", "y=2024", "f=0.5", "c=x", "t=true", "u>=5"):
            self.assertEqual(self.ask(table, f"{url}&_c=id"), [{"id": 1}], url)
        for url in ("l=é", "l=東", "e=b", "c=x%20"):
            self.assertEqual(self.ask(table, f"{url}&_c=id"), [], url)
        self.assertEqual(self.ask(table, "_c=u&_c=t&_c=f"), [{"u": 2**64 - 1, "t": True, "f": 0.5}])

    def test_a_repeated_repetition_is_refused_since_it_could_take_forever(self) -> None:
        table = self.made("slow", "id int PRIMARY KEY, t text", "1, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'")
        with self.assertRaises(QueryError) as caught:
            self.ask(table, "t~=^(a%2B)%2B$")
        expected = (
            "t~=^(a+)+$: the regular expression repeats a repetition, for which this database would take too long"
        )
        self.assertEqual(str(caught.exception), expected)


class StreamTests(SynchronousTestCase):
    def test_rows_come_in_batches(self) -> None:
        for backend in ("sqlite", "postgresql", "mariadb"):
            engine = engine_of(backend)
            with engine.begin() as connection:
                connection.exec_driver_sql("CREATE TABLE streamed (id int PRIMARY KEY)")
                values = ",".join(f"({number})" for number in range(10))
                connection.exec_driver_sql(f"INSERT INTO streamed VALUES {values}")
                table = sql.reflect(connection, "streamed")
                batches = list(sql.stream(parse({"id>": ["0"]}, table.schema, limit=None), table, connection, 4))
                connection.exec_driver_sql("DROP TABLE streamed")
            self.assertEqual(batches, [[(1,), (2,), (3,), (4,)], [(5,), (6,), (7,), (8,)], [(9,)]], backend)

    def test_other_databases_are_refused(self) -> None:
        from sqlalchemy.dialects import oracle

        with self.assertRaisesRegex(ValueError, "no queries for oracle"):
            sql.table_of(sa.table("t", sa.column("a", sa.Integer)), oracle.dialect())
