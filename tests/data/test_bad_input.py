"""Whatever a URL says: an answer, or an error that names the argument. Never SQL, never more than the bounds."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.names import Bounds
from gramex_twisted.data.query import Query
from gramex_twisted.data.types import Kind, QueryError
from tests.data.backends import Data, SQLBackend, Table, arguments, table_of
from tests.data.cases import SALES

INJECTIONS = (
    *("' OR '1'='1", "' OR 1=1 --", "'; DROP TABLE {table}; --", '"; DROP TABLE {table}; --', "1; DELETE FROM {table}"),
    *("`; DROP TABLE {table}; --", "1) OR (1=1", "1 UNION SELECT 1,2,3", "') UNION SELECT NULL,NULL --", "\\'; --"),
    *("id; DROP TABLE {table}", "id DESC; --", "(SELECT 1)", "id,(SELECT 1)", "CASE WHEN 1=1 THEN id END", "1/0"),
    *("pg_sleep(9)", "benchmark(1e9,1)", "id' AND sleep(9) AND '1", "sleep(9)", "%(id)s", "%s", "%%", "{id}", ":id"),
    *(
        "?",
        "$1",
        "${{x}}",
        "/*",
        "*/",
        "--",
        "#",
        "\\",
        "\\\\",
        "'",
        '"',
        "`",
        "''",
        '""',
        "``",
        ";",
        "\n",
        "\t",
        "0x27",
    ),
    *("%27", "%00", "id\u02bc", "load_extension('x')", "information_schema.tables", "sqlite_master", "@@version"),
    *("xp_cmdshell", "^a.*$", "*", ""),
)
TEXT = Data((("id", Kind.INT), ("t", Kind.TEXT)), tuple(enumerate(INJECTIONS)))
PLACES = (
    *(
        "{}",
        "t{}",
        "{}|sum",
        "{}!",
        "_sort={}",
        "_sort=-{}",
        "_by={}",
        "_c={}",
        "_c=-{}",
        "_by=t&_c=t|{}",
        "_by=t&_sort={}",
    ),
    *(
        "t={}",
        "t!={}",
        "t>={}",
        "t<~={}",
        "t~={}",
        "t!*={}",
        "id={}",
        "_limit={}",
        "_offset={}",
        "_after={}",
        "_meta={}",
    ),
    *(
        "_meta={}",
        "_by=t&_c=t|{}",
        "_by=t&t|min={}",
        "_by=t&t|max~={}",
        "_by=t&id|sum>={}",
        "{}={}",
        "t={}&t={}",
        "_by=t&{}|count>=1",
    ),
)


class InjectionTests(SynchronousTestCase):
    def inject(self, backend: str) -> None:
        table = table_of(backend, TEXT)
        asked: set[Query] = set()
        for text in INJECTIONS:
            for place in PLACES:
                written = quote(text.replace("{table}", getattr(getattr(table, "made", None), "name", "t")))
                url = place.replace("{}", written)
                try:
                    query = replace(table.query(url), ignored=())
                    rows = () if query in asked else table.run(query).rows
                except QueryError as error:
                    self.assertTrue(str(error))
                else:
                    asked.add(query)
                    self.assertLessEqual(len(rows), len(INJECTIONS), url)
            self.assertEqual(table.count(table.query("")), len(INJECTIONS))

    def test_polars(self) -> None:
        self.inject("frame")

    def test_sqlite(self) -> None:
        self.inject("sqlite")

    def test_postgresql(self) -> None:
        self.inject("postgresql")

    def test_mariadb(self) -> None:
        self.inject("mariadb")

    def test_what_looks_like_sql_is_found_as_the_text_it_is(self) -> None:
        for backend in ("frame", "sqlite", "postgresql", "mariadb"):
            table = table_of(backend, TEXT)
            for place, text in enumerate(INJECTIONS):
                if text:
                    rows = table.run(table.query(f"t={quote(text)}&_c=id")).rows
                    self.assertEqual(list(rows), [(place,)], f"{backend} {text}")

    def test_sql_holds_no_text_of_a_url(self) -> None:
        table = table_of("sqlite", TEXT)
        assert isinstance(table, SQLBackend)
        seen: list[str] = []
        sa.event.listen(table.engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
        for place in ("t={}", "t~={}", "t*={}!", "t>={}", "_by=t&t|min={}"):
            table.ask(place.replace("{}", "secret"))
        self.assertEqual(len([statement for statement in seen if not statement.startswith("PRAGMA")]), 5)
        self.assertNotIn("secret", " ".join(seen))


class ErrorTests(SynchronousTestCase):
    def error(self, url: str) -> str:
        """What a question about SALES is refused with."""
        with self.assertRaises(QueryError) as caught:
            parse(arguments(url), table_of("frame", SALES).schema)
        return str(caught.exception)

    def test_values_of_the_wrong_type_name_the_column_and_the_value(self) -> None:
        expected = {
            "units=abc": "units=abc: not a whole number (column units is an integer)",
            "units>=2.5": "units>=2.5: not a whole number (column units is an integer)",
            "units=1_000": "units=1_000: not a whole number (column units is an integer)",
            "units=٣": "units=٣: not a whole number (column units is an integer)",
            "units!=99999999999999999999": "units!=99999999999999999999: too large (column units is an integer)",
            "sales=nan": "sales=nan: not a number (column sales is a number)",
            "sales<=inf": "sales<=inf: not a number (column sales is a number)",
            "sales=1e999": "sales=1e999: too large (column sales is a number)",
            "price=x": "price=x: not a number (column price is a decimal number)",
            "day=2024-02-30": "day=2024-02-30: not a day of the calendar (column day is a date)",
            "day=31/1/2024": "day=31/1/2024: not like 2024-12-31 (column day is a date)",
            "at=yesterday": "at=yesterday: not like 2024-12-31T23:59:59 (column at is a date and time)",
            "at>=2024-01-01T25:00": "at>=2024-01-01T25:00: not a date and time (column at is a date and time)",
            "at=0001-01-01T00:00Z": "at=0001-01-01T00:00Z: not a date and time (column at is a date and time)",
            "clock=8": "clock=8: not like 23:59:59 (column clock is a time)",
            "clock=24:00": "clock=24:00: not a time of day (column clock is a time)",
            "city=a%00b": r"city=a\x00b: holds a NUL character (column city is text)",
            "sales~=1": "sales~=1: only text is searched (column sales is a number)",
            "city~=(": "city~=(: the regular expression has a ( without its )",
            "_by=city&units|sum>=x": "units|sum>=x: not a whole number (column units|sum is an integer)",
        }
        self.assertEqual({url: self.error(url) for url in expected}, expected)

    def test_a_column_of_decimals_is_named_too(self) -> None:
        schema = table_of("sqlite", SALES).schema
        with self.assertRaises(QueryError) as caught:
            parse({"price": ["1,5"]}, schema)
        self.assertEqual(str(caught.exception), "price=1,5: not a number (column price is a decimal number)")
        self.assertEqual((caught.exception.argument, caught.exception.value), ("price", "1,5"))

    def test_texts_that_are_no_unicode_are_refused(self) -> None:
        with self.assertRaises(QueryError) as caught:
            parse({"city": ["a\ud800"]}, table_of("frame", SALES).schema)
        self.assertEqual(str(caught.exception), r"city=a\ud800: not valid Unicode (column city is text)")

    def test_controls_name_what_they_want(self) -> None:
        number = "not a whole number from 0 to 999999999999999999"
        names = "sum avg min max count median std var nunique first last mean average"
        expected = {
            "_limit=-1": f"_limit=-1: {number}",
            "_limit=1e9": f"_limit=1e9: {number}",
            "_limit=ten": f"_limit=ten: {number}",
            "_offset=1.5": f"_offset=1.5: {number}",
            "_offset=9999999999999999999": f"_offset=9999999999999999999: {number}",
            "_by=city&_c=units|size": f"units|=size: no aggregate; there are {names}",
            "_by=&_c=city|sum": "_c=city|sum: column city is text and has no sum",
            "_by=&_c=day|avg": "_c=day|avg: column day is a date and has no avg",
            "_by=city&_sort=at|median": "_sort=at|median: column at is a date and time and has no median",
            "_by=city&clock|var>=1": "clock|var>=1: column clock is a time and has no var",
            "_after=x&_offset=2": "_after=x: goes with no _offset",
            "_after=x": "_after=x: not a cursor",
            "_by=city&_after=x": "_after=x: pages of groups have no cursors; use _offset",
        }
        self.assertEqual({url: self.error(url) for url in expected}, expected)

    def test_errors_are_one_short_line_whatever_the_value(self) -> None:
        message = self.error("units=" + "x%0Ay%1B[31m" * 1000)
        self.assertEqual(len(message.splitlines()), 1)
        self.assertLess(len(message), 200)
        self.assertNotIn("\x1b", message)

    def test_ten_thousand_filters_are_refused(self) -> None:
        filters = "&".join(f"city{'!' * (place % 2)}={place}" for place in range(10_000))
        self.assertEqual(self.error(filters), "city=...: more than 2000 values of filters in one query")
        schema = table_of("frame", Data(tuple((f"c{n}", Kind.INT) for n in range(10_000)), ())).schema
        with self.assertRaises(QueryError) as caught:
            parse({f"c{place}": ["1"] for place in range(10_000)}, schema)
        self.assertEqual(str(caught.exception), "c100=...: more than 100 filters in one query")

    def test_other_lists_are_bounded_too(self) -> None:
        many = "&".join(f"_sort=-{name}" for name in ["id"] * 21)
        self.assertEqual(self.error(many), "_sort=...: more than 20 columns in one query")
        self.assertEqual(self.error("&".join(["_by=id"] * 21)), "_by=...: more than 20 columns in one query")
        self.assertEqual(self.error("&".join(["_c=id"] * 1001)), "_c=...: more than 1000 columns in one query")

    def test_as_many_as_allowed_are_answered_everywhere(self) -> None:
        values = (
            "&".join(f"units!={place}" for place in range(10, 1990)) + "&" + "&".join(f"city!~=x{n}" for n in range(20))
        )
        for backend in ("frame", "sqlite", "postgresql", "mariadb"):
            self.assertEqual(table_of(backend, SALES).count(table_of(backend, SALES).query(values)), 10, backend)

    def test_bounds_can_be_set(self) -> None:
        with self.assertRaises(QueryError):
            parse({"id": ["1", "2"]}, table_of("frame", SALES).schema, bounds=Bounds(values=1))


class FuzzTests(SynchronousTestCase):
    def fuzz(self, table: Table, examples: int) -> None:
        """Any arguments at all give an answer or a QueryError."""
        names = st.sampled_from([*SALES.names, "_sort", "_limit", "_offset", "_c", "_by", "_after", "_meta", "x"])
        endings = st.sampled_from(
            ["", "!", ">", ">~", "<", "<~", "~", "!~", "*", "!*", "|sum", "|min>", "|first!", "|count"]
        )
        values = st.text(max_size=6) | st.sampled_from(
            [*SALES.names, "-id", "id|sum", "1", "2024-01-01", "08:00", "true"]
        )
        keys = st.builds(lambda name, ending: name + ending, names, endings) | st.text(max_size=5)

        @settings(deadline=None, max_examples=examples)
        @given(st.dictionaries(keys, st.lists(values, max_size=3), max_size=4))
        def ask(args: dict[str, list[str]]) -> None:
            try:
                query = parse(args, table.schema)
                table.run(query)
            except QueryError as error:
                self.assertLess(len(str(error)), 400)
            else:
                self.assertLessEqual(table.count(query), 10)

        ask()

    def test_polars(self) -> None:
        self.fuzz(table_of("frame", SALES), 200)

    def test_sqlite(self) -> None:
        self.fuzz(table_of("sqlite", SALES), 150)

    def test_postgresql(self) -> None:
        self.fuzz(table_of("postgresql", SALES), 80)

    def test_mariadb(self) -> None:
        self.fuzz(table_of("mariadb", SALES), 80)
