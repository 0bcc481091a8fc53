"""What databases have beyond files: keys of their own, rules, types, transactions, views, and bad days."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

import sqlalchemy as sa

from gramex_twisted.data.changes import Delete, Insert, Update, apply_many
from gramex_twisted.data.errors import Conflict, DataError, ReadOnly, SourceError, Unavailable
from gramex_twisted.data.types import QueryError
from tests.data.changing import ChangesTestCase


class DatabaseTestCase(ChangesTestCase):
    backend = "sqlite"

    def table(self, name: str, columns: str, **kwargs: Any) -> Any:
        """A new table."""
        self.execute(self.backend, f"CREATE TABLE {name} ({columns})")
        self.addCleanup(self.execute, self.backend, f"DROP TABLE {name}")
        return self.source(url=self.url(self.backend), table=name, **kwargs)


class Cases:
    """What all databases do."""

    backend = ""
    numbered = "id INTEGER PRIMARY KEY AUTOINCREMENT"

    def conflict(self: Any, call: Any, *words: str) -> None:
        with self.assertRaises(Conflict) as caught:
            call()
        text = str(caught.exception)
        for word in words:
            self.assertIn(word, text)
        for word in ("INSERT", "UPDATE ", "SELECT", "[SQL", "parameters"):
            self.assertNotIn(word, text)

    def test_a_broken_rule_is_a_conflict_that_names_the_column_or_the_rule_and_no_sql(self: Any) -> None:
        self.table("parents", "id INTEGER PRIMARY KEY")
        source = self.table(
            "rules",
            f"{self.numbered}, code VARCHAR(10) NOT NULL, low INTEGER, parent INTEGER, "
            "CONSTRAINT one_code UNIQUE (code), CONSTRAINT low_enough CHECK (low < 10), "
            "CONSTRAINT of_parent FOREIGN KEY (parent) REFERENCES parents (id)",
        )
        self.post(source, "code=a")
        sqlite = self.backend == "sqlite"
        self.conflict(lambda: self.post(source, "code=a"), "code" if sqlite else "one_code")
        self.conflict(lambda: self.post(source, "low=1"), "code")
        self.conflict(lambda: self.post(source, "code=b&low=10"), "low_enough")
        self.conflict(lambda: self.post(source, "id=1&code=b"), "rules")
        self.conflict(lambda: self.put(source, [{"id": 1, "code": None}]), "code")
        if not sqlite:  # which checks them only where it has been told to
            self.conflict(lambda: self.post(source, "code=b&parent=5"), "of_parent")
        self.post(source, "code=&low=1")  # an empty text where null cannot be
        self.assertEqual([row["code"] for row in self.ask(source)], ["a", ""])

    def test_a_request_is_one_transaction(self: Any) -> None:
        source = self.table("whole", f"{self.numbered}, code VARCHAR(10) UNIQUE")
        self.conflict(lambda: self.post(source, "code=a&code=b&code=a"), "whole")
        self.assertEqual(self.ask(source), [])
        self.post(source, "code=a&code=b&code=c")
        ids = self.ids(source)
        rows = [{"id": ids[0], "code": "z"}, {"id": ids[1], "code": "c"}]
        self.conflict(lambda: self.put(source, rows), "whole")
        self.assertEqual([row["code"] for row in self.ask(source)], ["a", "b", "c"])

    def test_operations_on_one_database_are_one_transaction_and_files_follow_them(self: Any) -> None:
        source = self.table("first", f"{self.numbered}, code VARCHAR(10) UNIQUE")
        # other options make another engine, but not another transaction
        other = self.source(url=self.url(self.backend), table="first", timeout=20)
        file = self.made("csv")
        before = (self.root / str(file.dataset.url)).read_bytes()
        operations = [
            Insert(file, [{"id": 9}], key=("id",)),
            Insert(source, [{"code": "a"}]),
            Insert(other, [{"code": "a"}]),
        ]
        self.conflict(lambda: apply_many(operations), "first")
        self.assertEqual(self.ask(source), [])
        self.assertEqual((self.root / str(file.dataset.url)).read_bytes(), before)
        wrong = [Insert(source, [{"code": "a"}]), Update(file, {"id": ["1"], "sales": ["high"]}, key=("id",))]
        with self.assertRaises(QueryError):
            apply_many(wrong)
        self.assertEqual(self.ask(source), [])
        done = apply_many([Insert(source, [{"code": "a"}]), Delete(file, {"id": ["1"]}, key=("id",))])
        self.assertEqual([change.count for change in done], [1, 1])
        self.assertEqual((len(self.ask(source)), self.ids(file)), (1, [2, 3]))

    def test_inserted_tells_the_keys_that_the_database_made_in_the_rows_order(self: Any) -> None:
        source = self.table("numbered", f"{self.numbered}, x INTEGER DEFAULT 7, y INTEGER")
        self.assertEqual(self.post(source, "y=1").inserted, [{"id": 1}])
        rows = [{"y": 2}, {"x": 5}, {"x": 6, "y": 3}, {"id": 5000, "y": 4}, {"y": 5}, {"y": 6}, {"zz": 1}]
        inserted = self.post(source, rows).inserted
        found = {row["id"]: (row["x"], row["y"]) for row in self.ask(source)}
        wanted = [(7, 2), (5, None), (6, 3), (7, 4), (7, 5), (7, 6), (7, None)]
        if self.backend == "postgresql":
            self.assertEqual(inserted[3], {"id": 5000})
        self.assertEqual([found[row["id"]] for row in inserted], wanted)
        many = self.post(source, [{"y": number} for number in range(2500)]).inserted
        found = {row["id"]: row["y"] for row in self.ask(source)}
        self.assertEqual([found[row["id"]] for row in many], list(range(2500)))

    def test_keys_of_texts_and_of_several_columns(self: Any) -> None:
        source = self.table("pairs", "a VARCHAR(20), b DATE, x INTEGER, PRIMARY KEY (a, b)")
        change = self.post(source, "a=p&b=2024-01-31&x=1")
        self.assertEqual(
            [{name: str(value) for name, value in row.items()} for row in change.inserted],
            [{"a": "p", "b": "2024-01-31"}],
        )
        with self.assertRaisesRegex(QueryError, "b: missing: it is part of the table's primary key"):
            self.post(source, "a=p&x=1")
        self.assertEqual(self.put(source, "a=p&b=2024-01-31&x=2", ()).count, 1)
        self.assertEqual(self.delete(source, "a=p&b=2024-01-31&x>=1", ()).count, 1)

    def test_a_table_without_a_key_tells_the_columns_of_id(self: Any) -> None:
        source = self.table("keyless", "a INTEGER, b INTEGER")
        self.assertEqual(self.post(source, "a=1&b=2", ()).inserted, [])
        self.assertEqual(self.post(source, "a=1&b=2", ("a",)).inserted, [{"a": 1}])
        self.assertEqual(self.put(source, "a=1&b=3", ("a",)).count, 2)

    def test_values_that_a_column_cannot_hold_are_named(self: Any) -> None:
        source = self.table("narrow", f"{self.numbered}, s VARCHAR(3), n SMALLINT, d NUMERIC(5, 2)")
        if self.backend == "sqlite":
            return  # it holds anything
        wrong = {
            "s=abcd": "s=abcd: longer than 3 characters (column s is text)",
            "n=32768": "n=32768: not from -32768 to 32767",
            "d=1000": "d=1000: more than 3 digits before the point",
        }
        for body, text in wrong.items():
            with self.assertRaises(QueryError) as caught:
                self.post(source, body)
            self.assertIn(text, str(caught.exception))
        self.post(source, "s=日本語&n=-32768&d=999.99")
        self.assertEqual([(row["s"], row["n"], row["d"]) for row in self.ask(source)], [("日本語", -32768, 999.99)])

    def test_columns_of_other_kinds(self: Any) -> None:
        binary = "BYTEA" if self.backend == "postgresql" else "BLOB"
        source = self.table("others", f"{self.numbered}, data {binary}, doc JSON")
        self.post(source, [{"data": "AP8=", "doc": '{"a": [1]}'}])
        with self.assertRaisesRegex(QueryError, "data=\\*: not base64"):
            self.post(source, "data=*")
        self.assertEqual(bytes(self.ask(source)[0]["data"]), b"\x00\xff")

    def test_columns_with_odd_names(self: Any) -> None:
        names = ("a b", "per%cent", "%(x)s", ":bind", "it's", "c:d", "(p)", "select", "日本", "x.y", "a>", "c0")
        quoted = [f"`{name}`" if self.backend == "mariadb" else f'"{name}"' for name in names]
        columns = ", ".join(f"{name} INTEGER" for name in quoted)
        source = self.table("odd", f"{self.numbered}, {columns}")
        row = {name: place for place, name in enumerate(names)}
        self.assertEqual(self.post(source, [row, row]).count, 2)
        self.assertEqual(self.put(source, [{"a b": 0, **dict.fromkeys(names[1:], 100)}], ("a b",)).count, 2)
        self.assertEqual({row[name] for row in self.ask(source) for name in names[1:]}, {100})
        self.assertEqual(self.delete(source, [{"%(x)s": 100, "x.y": 100}], ("%(x)s",)).count, 2)

    def test_a_view_cannot_be_written(self: Any) -> None:
        self.table("base", f"{self.numbered}, x INTEGER")
        self.execute(self.backend, "CREATE VIEW summed AS SELECT x, count(*) AS n FROM base GROUP BY x")
        self.addCleanup(self.execute, self.backend, "DROP VIEW summed")
        source = self.source(url=self.url(self.backend), table="summed")
        calls = [
            lambda: self.post(source, "x=1"),
            lambda: self.put(source, "x=1&n=2", ("x",)),
            lambda: self.delete(source, "x=1", ("x",)),
        ]
        for call in calls:
            self.assertRaises(ReadOnly, call)

    def test_a_table_that_others_have_changed_is_looked_at_again(self: Any) -> None:
        source = self.table("moving", f"{self.numbered}, x INTEGER")
        self.post(source, "x=1")
        self.execute(self.backend, "ALTER TABLE moving DROP COLUMN x", "ALTER TABLE moving ADD COLUMN z INTEGER")
        with self.assertRaises((DataError, QueryError)):
            self.post(source, "x=1")
        self.assertEqual(self.post(source, "z=5").count, 1)


class SQLiteTests(Cases, DatabaseTestCase):
    backend = "sqlite"

    def test_a_database_that_is_read_only(self) -> None:
        source = self.table("t", "id INTEGER PRIMARY KEY, x INTEGER")
        read_only = self.source(url=f"sqlite:///file:{self.root / 'test.db'}?mode=ro&uri=true", table="t")
        with self.assertRaises(ReadOnly):
            self.post(read_only, "x=1")
        self.assertEqual(self.ask(source), [])

    def test_a_database_that_others_have_locked(self) -> None:
        self.table("t", "id INTEGER PRIMARY KEY, x INTEGER")
        source = self.source(url=self.url("sqlite"), table="t", connect_args={"timeout": 0.1})
        other = sqlite3.connect(self.root / "test.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with self.assertRaisesRegex(Unavailable, "database is locked"):
            self.post(source, "x=1")
        other.execute("ROLLBACK")
        other.close()
        self.assertEqual(self.post(source, "x=1").inserted, [{"id": 1}])

    def test_a_file_that_is_missing_is_made_by_an_insert_only(self) -> None:
        source = self.source(url="sqlite:///new.db", table="t")
        with self.assertRaisesRegex(SourceError, "no file"):
            self.delete(source, "id=1")
        self.assertFalse((self.root / "new.db").exists())
        self.assertEqual(self.post(source, "x=a").inserted, [{"id": 1}])
        self.assertEqual(self.ask(source), [{"id": 1, "x": "a"}])

    def test_columns_without_a_type_take_what_they_hold(self) -> None:
        source = self.table("loose", "id INTEGER PRIMARY KEY, x, s STRING, d DATETIME")
        self.execute("sqlite", "INSERT INTO loose VALUES (1, 1.5, 'abc', '2024-01-31 08:00:00')")
        self.post(source, "x=2&s=def&d=2024-02-01T09:00")
        self.assertEqual([(row["x"], row["s"]) for row in self.ask(source)], [(1.5, "abc"), (2.0, "def")])
        self.assertEqual(self.delete(source, "id=2&s=def&d=2024-02-01").count, 0)
        self.assertEqual(self.delete(source, "id=2&s=def&d=2024-02-01T09:00").count, 1)


class PostgreSQLTests(Cases, DatabaseTestCase):
    backend = "postgresql"
    numbered = "id SERIAL PRIMARY KEY"

    def test_types_of_its_own(self) -> None:
        self.execute("postgresql", "CREATE TYPE mood AS ENUM ('sad', 'happy')")
        self.addCleanup(self.execute, "postgresql", "DROP TYPE mood")
        source = self.table(
            "own",
            "id UUID PRIMARY KEY DEFAULT gen_random_uuid(), m mood, a INTEGER[], j JSONB, i INET, "
            "t TIMESTAMPTZ, g INTEGER GENERATED ALWAYS AS (1) STORED",
        )
        row = {"m": "happy", "a": [1, 2], "j": {"b": None}, "i": "10.0.0.1", "t": "2024-01-31T08:00:00+02:00"}
        [key] = self.post(source, [row]).inserted
        self.assertEqual(
            self.post(source, f"id={uuid.UUID(int=1)}&j=[1]&a=[]").inserted[0]["id"], str(uuid.UUID(int=1))
        )
        for body, text in (
            ("m=glad", "m=glad: not one of sad, happy"),
            ("id=1", "id=1: not a UUID"),
            ("j={", "not JSON"),
            ("g=1", "is computed"),
        ):
            with self.assertRaisesRegex(QueryError, text):
                self.post(source, body)
        with self.assertRaises(QueryError):
            self.post(source, "i=nowhere")
        self.assertEqual(self.put(source, f"id={key['id']}&m=sad&j=null&a=").count, 1)
        engine = self.shared.engines.get(self.url("postgresql"))
        with engine.connect() as connection:
            found = connection.execute(
                sa.text("SELECT m::text, a, j IS NULL, t AT TIME ZONE 'UTC' FROM own ORDER BY m")
            ).all()
        self.assertEqual(found[0][:3], ("sad", None, True))
        self.assertEqual(str(found[0][3]), "2024-01-31 06:00:00")

    def test_tables_of_another_schema(self) -> None:
        self.execute("postgresql", "CREATE SCHEMA other", "CREATE TABLE other.t (id SERIAL PRIMARY KEY, x INTEGER)")
        self.addCleanup(self.execute, "postgresql", "DROP SCHEMA other CASCADE")
        for kwargs in ({"table": "other.t"}, {"table": "t", "schema": "other"}):
            source = self.source(url=self.url("postgresql"), **kwargs)
            self.assertEqual(self.post(source, "x=1").count, 1)
        self.assertEqual(self.put(source, "id=1&id=2&x=5").count, 2)
        self.assertEqual(self.delete(source, "id=1").count, 1)

    def test_a_user_who_may_only_read(self) -> None:
        source = self.table("guarded", "id SERIAL PRIMARY KEY, x INTEGER")
        read_only = self.source(
            url=self.url("postgresql"), table="guarded", connect_args={"options": "-c default_transaction_read_only=on"}
        )
        self.assertRaises(ReadOnly, self.post, read_only, "x=1")
        self.assertEqual(self.ask(source), [])


class MariaDBTests(Cases, DatabaseTestCase):
    backend = "mariadb"
    numbered = "id INTEGER PRIMARY KEY AUTO_INCREMENT"

    def test_unsigned_and_small_numbers(self) -> None:
        source = self.table("small", f"{self.numbered}, t TINYINT UNSIGNED, m MEDIUMINT, e ENUM('a', 'b')")
        self.post(source, "t=255&m=-8388608&e=b")
        for body in ("t=256", "t=-1", "m=8388608", "e=c"):
            with self.assertRaisesRegex(QueryError, body):
                self.post(source, body)


class DownTests(ChangesTestCase):
    def test_a_database_that_is_down(self) -> None:
        for url in ("postgresql://u:secret@127.0.0.1:9/x", "mariadb://u:secret@127.0.0.1:9/x"):
            source = self.source(url=url, table="t", columns={"x": "int"})
            for call in (self.post, self.put, self.delete):
                with self.assertRaises(Unavailable) as caught:
                    call(source, "id=1&x=2")
                self.assertNotIn("secret", str(caught.exception))
