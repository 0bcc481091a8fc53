"""`columns:` makes tables and adds to them, evaluates nothing, and bears others who do the same."""

from __future__ import annotations

import threading
from typing import Any

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.changes import prepare
from gramex_twisted.data.changes.alter import alter
from gramex_twisted.data.changes.sqltypes import column_of, default_of, type_of
from gramex_twisted.data.errors import SourceError
from tests.data.changing import ChangesTestCase

DIALECT = sa.create_engine("sqlite://").dialect
WRONG_TYPES = (
    "", "()", "nope", "int(", "int)", "varchar(x)", "varchar(10", "varchar(10); drop table t", "int, x int", "int -- ",
    "__import__('os')", "types.INTEGER", "INTEGER()()", "TypeEngine", "array", "varchar(1,2,3,4)", "text\0", 5, None,
    ["int"], "date(5)", "NUMERIC(99999999)", "'int'", "int primary key", "sa.Integer", "int default 1",
)  # fmt: skip
WRONG_FUNCTIONS = (
    "", "now()", "func", "func.", "func.now", "func.__class__", "func.now().x", "func.now(x)", "func.now(sa)",
    "sa.text('x')",
    "func.now(a=1)", "func.a.b()", "__import__('os').system('x')", "func.now() or 1", "func._x()", "(lambda: 1)()",
    "func.now(*[1])", "func.now(func.now())", "func.now(", "func.now(" + "(" * 200,
)  # fmt: skip
COLUMNS = {
    "id": {"type": "int", "primary_key": True, "autoincrement": True},
    "at": {"type": "timestamp", "default": {"function": "func.now()"}},
    "email": {"nullable": True, "default": "none's"},
    "age": {"type": "float", "nullable": False, "default": 18},
    "ok": {"type": "boolean", "default": True},
    "name": "VARCHAR(10)",
    "price": "NUMERIC(10, 2)",
    "note": "text",
    "a b%": "int",
}


class TypeTests(SynchronousTestCase):
    def test_wrong_types_are_named_with_their_column(self) -> None:
        for spec in WRONG_TYPES:
            with self.assertRaisesRegex(ValueError, "^columns: when: ", msg=repr(spec)):
                type_of("when", spec)

    def test_wrong_defaults_are_named_with_their_column(self) -> None:
        for text in WRONG_FUNCTIONS:
            if text == "func.now":
                continue  # may be said without being called
            with self.assertRaisesRegex(ValueError, "^columns: when: default: .* is not like func.now", msg=text):
                default_of("when", {"function": text})

    def test_unknown_options_are_named(self) -> None:
        with self.assertRaisesRegex(ValueError, "columns: when: unknown typ; there are type, default"):
            column_of("when", {"typ": "int"}, DIALECT)

    def test_types_are_those_of_sqlalchemy(self) -> None:
        said = {
            "int": "INTEGER", "INTEGER": "INTEGER", "VARCHAR(10)": "VARCHAR(10)", "varchar ( 3 )": "VARCHAR(3)",
            "NUMERIC(10, 2)": "NUMERIC(10, 2)", "timestamp": "TIMESTAMP", "double precision": "DOUBLE", "text": "TEXT",
            "bigint": "BIGINT", "json": "JSON", "Boolean": "BOOLEAN", "DECIMAL(5)": "DECIMAL(5)", "date": "DATE",
        }  # fmt: skip
        found = {spec: type_of("x", spec).compile(DIALECT) for spec in said}
        self.assertEqual(found, said)
        self.assertIsInstance(type_of("x", sa.String(5)), sa.String)
        self.assertIsInstance(type_of("x", sa.String), sa.String)

    def test_defaults(self) -> None:
        for text in ("func.now()", "sa.func.now()", "func.now", "func.substr('abc', 1, 2)"):
            self.assertIsInstance(default_of("x", {"function": text}), sa.sql.functions.FunctionElement)

    @settings(max_examples=200, deadline=None)
    @given(st.text() | st.from_regex(r"[a-z_.]{1,20}\(?[0-9a-z'\", ]{0,10}\)?"))
    def test_any_text_is_a_type_or_a_clear_error(self, text: str) -> None:
        for read in (lambda: type_of("x", text).compile(DIALECT), lambda: default_of("x", {"function": text})):
            try:
                read()
            except ValueError as error:
                self.assertTrue(str(error).startswith("columns: x: "), error)
            except sa.exc.CompileError:
                pass  # a type that SQLite lacks


class Cases:
    """What all databases do."""

    backend = ""

    def setUp(self: Any) -> None:
        super().setUp()  # type: ignore[misc]
        self.engine = self.shared.engines.get(self.url(self.backend))
        self.addCleanup(self.execute, self.backend, "DROP TABLE IF EXISTS altered")
        self.execute(self.backend, "DROP TABLE IF EXISTS altered")

    def test_a_table_is_made(self: Any) -> None:
        source = self.source(url=self.url(self.backend), table="altered", columns=COLUMNS)
        change = self.post(source, "name=x&price=1.25&note=&a b%25=5")
        self.assertEqual(change.inserted, [{"id": 1}])
        [row] = self.ask(source)
        self.assertEqual(row.pop("at").year > 2020, True)
        wanted = {
            "id": 1,
            "email": "none's",
            "age": 18.0,
            "ok": True,
            "name": "x",
            "price": 1.25,
            "note": None,
            "a b%": 5,
        }
        self.assertEqual(row, wanted)

    def test_columns_are_added_and_those_that_are_there_stay(self: Any) -> None:
        self.assertTrue(alter(self.engine, "altered", {"id": "int", "name": "VARCHAR(5)"}))
        self.execute(self.backend, "INSERT INTO altered VALUES (1, 'a')")
        more = {"name": "int", "age": {"type": "float", "nullable": False, "default": 18}, "it's %": {"default": "50%"}}
        self.assertTrue(alter(self.engine, "altered", more))
        self.assertFalse(alter(self.engine, "altered", more))
        source = self.source(url=self.url(self.backend), table="altered")
        self.assertEqual(self.ask(source), [{"id": 1, "name": "a", "age": 18.0, "it's %": "50%"}])

    def test_what_is_added_is_seen_by_the_next_query(self: Any) -> None:
        self.execute(self.backend, "CREATE TABLE altered (id INTEGER PRIMARY KEY)")
        old = self.source(url=self.url(self.backend), table="altered")
        others = self.source(url=self.url(self.backend), table="altered", timeout=20)
        self.assertEqual((self.ask(old), self.ask(others)), ([], []))
        new = self.source(url=self.url(self.backend), table="altered", columns={"extra": "text"})
        self.post(new, "id=1&extra=e")
        for source in (old, others):
            self.assertEqual(self.ask(source), [{"id": 1, "extra": "e"}])

    def test_a_table_can_be_made_before_it_is_asked(self: Any) -> None:
        source = self.source(url=self.url(self.backend), table="altered", columns=COLUMNS)
        prepare(source)
        prepare(source)
        self.assertEqual(self.ask(source), [])
        prepare(self.made("csv", columns={"x": "int"}))  # which has no types to alter

    def test_wrong_columns_are_the_configurations_error_and_change_nothing(self: Any) -> None:
        source = self.source(url=self.url(self.backend), table="altered", columns={"id": "int", "x": "nope"})
        with self.assertRaisesRegex(SourceError, "columns: x: no type 'nope'"):
            self.post(source, "id=1")
        self.assertFalse(sa.inspect(self.engine).has_table("altered"))

    def test_many_who_do_it_at_once(self: Any) -> None:
        engines = [self.shared.engines.get(self.url(self.backend), pool_size=number) for number in (1, 2, 3, 4)]
        for columns in ({"id": "int", "a": "text"}, {"id": "int", **{f"c{place}": "text" for place in range(5)}}):
            start, errors = threading.Barrier(len(engines)), []

            def work(engine: Any, columns: Any = columns, start: Any = start, errors: Any = errors) -> None:
                start.wait(60)
                try:
                    alter(engine, "altered", columns)
                except Exception as error:
                    errors.append(error)

            threads = [threading.Thread(target=work, args=(engine,), daemon=True) for engine in engines]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(errors, [])
        names = [column["name"] for column in sa.inspect(self.engine).get_columns("altered")]
        self.assertEqual(sorted(names), ["a", "c0", "c1", "c2", "c3", "c4", "id"])


class SQLiteTests(Cases, ChangesTestCase):
    backend = "sqlite"


class PostgreSQLTests(Cases, ChangesTestCase):
    backend = "postgresql"


class MariaDBTests(Cases, ChangesTestCase):
    backend = "mariadb"
