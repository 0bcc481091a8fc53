"""Nothing that a request says becomes part of a statement, whatever it is called."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.data.changes import insert
from gramex_twisted.data.errors import DataError
from gramex_twisted.data.sources.fill import SAFE
from gramex_twisted.data.types import QueryError
from tests.data.changing import DATABASES, ROWS, ChangesTestCase

ATTACKS = (
    "'", "''", '"', "`", "\\", "\\'", "--", "/*", "*/", ";", "%", "%s", "%(id)s", ":id", "?", "{0}", "${x}", "\n", "%%",
    "' OR '1'='1", "' OR 1=1 -- ", '" OR ""="', "1 OR 1=1", "1; DROP TABLE victims", "'; DROP TABLE victims; --",
    "') OR ('1'='1", "1) OR (1=1", "id) VALUES (99); --", 'id"; DROP TABLE victims; --', "id`; DROP TABLE victims; --",
    "' UNION SELECT NULL, version() --", "1 AND SLEEP(5)", "1; SELECT pg_sleep(5)", "x'; ATTACH DATABASE 'a' AS b; --",
    "admin'/*", "\\'; DROP TABLE victims; --", "¿'", "＇ OR 1=1", "%27 OR 1=1", "0x27", "CHAR(39)", "name = name",
    "id = id OR name", "(SELECT 1)", "=1+1", "NULL", "DEFAULT", "now()",
)  # fmt: skip
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


class InjectionTests(ChangesTestCase):
    def check(self, source: Any, text: str) -> None:
        """`text` as a value, a column and an id."""
        self.assertEqual(self.put(source, [{"id": 1, "name": text}]).count, 1)
        [row] = self.ask(source, "id=1")
        self.assertEqual(row["name"] or "", text)
        found = self.put(source, [{"id": 1, "name": text, "sales": 9}], ("id", "name")).count if text else 1
        self.assertEqual(found, 1)
        inserted = self.post(source, [{"id": 50, "name": text, text: text}])
        self.assertEqual(inserted.inserted, [{"id": 50}])
        known = {"id", "name", "sales", "active", "day", "at"}
        if text not in known:
            self.assertEqual(inserted.ignored, [[text, [text]]])
            with self.assertRaises(QueryError):
                self.delete(source, [{"id": 50, text: text}])
        for call in (self.put, self.delete):
            with self.assertRaises(QueryError):
                call(source, [{"id": f"1{text}x", "name": "gone"}])
        self.assertEqual(self.delete(source, [{"id": 50}]).count, 1)
        self.assertEqual([row["name"] for row in self.ask(source)][1:], [row["name"] for row in ROWS[1:]])

    def test_attacks_are_values_or_errors(self) -> None:
        for backend in (*DATABASES, "csv"):
            source = self.made(backend)
            for text in ATTACKS:
                self.check(source, text)

    @settings(max_examples=60, deadline=None)
    @given(ANY)
    def test_any_text_is_a_value_or_an_error(self, text: str) -> None:
        for backend in DATABASES:
            if backend not in self.sources:
                self.sources[backend] = self.made(backend)
            self.check(self.sources[backend], text)

    def test_keys_of_arguments_with_operators_are_no_keys(self) -> None:
        for backend in (*DATABASES, "csv"):
            source = self.made(backend)
            for argument in ("id>=0", "id!=5", "id<~=99", "id~=.", "id*=", "id|count>=0", "ID =1", "id%00=1"):
                for call in (self.put, self.delete):
                    with self.assertRaises(QueryError, msg=argument):
                        call(source, f"{argument}&name=x")
            self.assertEqual(self.ids(source), [1, 2, 3])

    def test_names_of_tables_and_files_take_only_plain_arguments(self) -> None:
        for backend in DATABASES:
            source = self.source(url=self.url(backend), table="{t}")
            for text in (*(text for text in ATTACKS if not SAFE.fullmatch(text)), "", "..", "."):
                with self.assertRaises((QueryError, DataError), msg=text):
                    insert(
                        source, [{"id": 1, "x": 1}], {"t": [text]} if text not in ("NULL", "DEFAULT", "0x27") else {}
                    )
        files = self.source(url="{f}.csv")
        for text in ("../x", "a/b", "..", "", "a\0b", "/etc/passwd", "a b"):
            with self.assertRaises(QueryError, msg=text):
                insert(files, [{"id": 1}], {"f": [text]})
        self.assertEqual(list(self.root.glob("*.csv")), [])

    def test_columns_of_a_table_that_an_insert_makes_are_quoted(self) -> None:
        names = [text for text in ATTACKS if text.strip() and len(text.encode()) < 60 and text != "`"]
        for backend in DATABASES:
            self.addCleanup(self.execute, backend, "DROP TABLE IF EXISTS attacked")
            source = self.source(url=self.url(backend), table="attacked")
            if backend == "mariadb":
                with self.assertRaisesRegex(QueryError, "attacked: Incorrect column name"):
                    self.post(source, [{"id": 1, "ends with a space ": 1}])
            wanted = [name for name in names if backend != "mariadb" or not ("`" in name or name.endswith((" ", "\n")))]
            row = {"id": 1, **{name: place for place, name in enumerate(wanted)}}
            self.assertEqual(self.post(source, [row]).inserted, [{"id": 1}])
            self.assertEqual(self.ask(source), [row])

    def setUp(self) -> None:
        super().setUp()
        self.sources: dict[str, Any] = {}
