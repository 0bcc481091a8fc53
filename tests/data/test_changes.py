"""Changes give the same on files of every kind and on databases; what is wrong changes nothing."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.changes import Change, Delete, Insert, Update, apply_many, rows_of
from gramex_twisted.data.errors import ReadOnly, SourceError
from gramex_twisted.data.types import QueryError
from tests.data.changing import ROWS, ChangesTestCase

TEXT_DATES = ("json", "jsonl", "yaml")
"""Files where dates are texts."""
WRONG_ROWS: tuple[tuple[list[dict[str, Any]], str], ...] = (
    ([{"id": "x"}], "id=x: not a whole number (column id is an integer)"),
    ([{"id": 9, "sales": "1,5"}], "sales=1,5: not a number (column sales is a number)"),
    ([{"id": 9}, {"id": 10, "sales": "high"}], "sales=high: not a number (column sales is a number)"),
    ([{"id": 9, "sales": True}], "sales=true: not a number (column sales is a number)"),
    ([{"id": 1.5}], "id=1.5: not a whole number (column id is an integer)"),
    ([{"id": 2**70}], "id=1180591620717411303424: too large (column id is an integer)"),
    ([{"id": 9, "name": ["a"]}], 'name=["a"]: not a single value (column name is text)'),
    ([{"id": 9, "name": {"a": 1}}], 'name={"a": 1}: not a single value (column name is text)'),
    ([{"id": 9, "name": "a\0b"}], "name=a\\x00b: holds a NUL character (column name is text)"),
    ([{"id": 9, "name": "\ud800"}], "name=\\ud800: not valid Unicode (column name is text)"),
    ([{"nope": 1, "ID_": 2}], "nope: no value for any column; the columns are id, name, sales, active, day, at"),
    ([], "no value for any column"),
    ([{}], "no value for any column"),
)
WRONG_UPDATES: tuple[tuple[Any, str], ...] = (
    ("name=x", "id: missing column(s): id"),
    ("", "id: missing column(s): id"),
    ("id=&name=x", "id: empty, but it tells which row"),
    ("id=1&id=&name=x", "id: empty, but it tells which row"),
    ("id=one&name=x", "id=one: not a whole number (column id is an integer)"),
    ("id=1", "no value for any column"),
    ("id=1&nope=x", "nope: no value for any column"),
    ("id=1&sales=high", "sales=high: not a number"),
    ("id>=0&name=x", "id: missing column(s): id"),
    ([], "id: missing column(s): id"),
    ([{"id": 1, "name": "x"}, {"name": "y"}], "id: missing column(s): id"),
    ([{"id": None, "name": "x"}], "id: empty"),
    ([{"id": float("nan"), "name": "x"}], "id: empty"),
    ([{"id": 1, "name": "x"}, {"id": 2, "sales": "high"}], "sales=high: not a number"),
    ([{"id": [1, 2], "name": "x"}], "id=[1, 2]: not a single value"),
)
WRONG_DELETES: tuple[tuple[Any, str], ...] = (
    ("", "id: missing column(s): id"),
    ("name=Oslo", "id: missing column(s): id"),
    ("id=", "id: empty, but it tells which row"),
    ("id=1&id=", "id: empty, but it tells which row"),
    ("id!=1", "id: missing column(s): id"),
    ("id>=0", "id: missing column(s): id"),
    ("id=1&nmae=x", "nmae=x: no such column or filter, so nothing is deleted; there are id, name, sales"),
    ("id=1&name>=", "name>: no such column or filter"),
    ("id=1&name|sum=3", "name|sum=3: no such column or filter"),
    ("id=1&sales|sum=3", "sales|sum=3: no such column or filter"),
    ("id=1&_limit=1", "_limit=1: does not go with deleting"),
    ("id=1&_offset=1", "_offset=1: does not go with deleting"),
    ("id=1&_by=name", "_by=name: does not go with deleting"),
    ("id=1&sales=high", "sales=high: not a number"),
    ("id=one", "id=one: not a whole number"),
    ([], "id: missing column(s): id"),
    ([{}], "id: missing column(s): id"),
    ([{"id": 1}, {"id": None}], "id: empty"),
    ([{"id": 1, "nope": 2}], "nope=2: no such column or filter"),
)


class RowsTests(SynchronousTestCase):
    def test_repeated_arguments_are_rows(self) -> None:
        self.assertEqual(rows_of({"a": ["1", "2"], "b": ["x", "y"]}), [{"a": "1", "b": "x"}, {"a": "2", "b": "y"}])

    def test_short_columns_repeat_their_last_value(self) -> None:
        rows = rows_of({"a": ["1", "2", "3"], "b": ["x", "y"], "c": ["z"], "none": []})
        self.assertEqual([row["b"] for row in rows], ["x", "y", "y"])
        self.assertEqual([row["c"] for row in rows], ["z", "z", "z"])
        self.assertEqual(list(rows[0]), ["a", "b", "c"])

    def test_no_arguments_are_no_rows(self) -> None:
        self.assertEqual(rows_of({}), [])

    def test_a_request_cannot_multiply_itself_without_bound(self) -> None:
        args = {"a": ["1"] * 20_000, **{f"c{place}": ["x"] for place in range(100)}}
        self.assertRaisesRegex(QueryError, "more than 1000000 values", rows_of, args)


class Cases:
    """What every backend does; a subclass says which."""

    backend = ""
    blank: str | None = ""
    """What an empty text becomes."""

    def unchanged(self: Any, source: Any) -> None:
        records = self.ask(source)
        self.assertEqual([row["id"] for row in records], [1, 2, 3])
        self.assertEqual([row["name"] for row in records], [row["name"] for row in ROWS])

    def refused(self: Any, source: Any, call: Any, body: Any, text: str) -> None:
        with self.assertRaises(QueryError, msg=repr(body)) as caught:
            call(source, body)
        self.assertIn(text, str(caught.exception), repr(body))

    def test_wrong_rows_are_not_inserted_and_the_error_names_column_and_value(self: Any) -> None:
        source = self.made(self.backend)
        for rows, text in WRONG_ROWS:
            self.refused(source, self.post, rows, text)
        self.unchanged(source)

    def test_wrong_updates_change_nothing(self: Any) -> None:
        source = self.made(self.backend)
        for body, text in WRONG_UPDATES:
            self.refused(source, self.put, body, text)
        self.unchanged(source)

    def test_wrong_deletes_delete_nothing(self: Any) -> None:
        source = self.made(self.backend)
        for body, text in WRONG_DELETES:
            self.refused(source, self.delete, body, text)
        self.unchanged(source)

    def test_an_id_that_is_no_column_is_the_configurations_error(self: Any) -> None:
        source = self.made(self.backend)
        for call in (self.put, self.delete):
            with self.assertRaisesRegex(SourceError, "id: names code, but the columns are id, name"):
                call(source, "code=1&name=x", ("code",))
        self.unchanged(source)

    def test_arguments_are_inserted_as_their_columns_kinds(self: Any) -> None:
        source = self.made(self.backend)
        body = "id=7&id=8&name=Bergen&sales=2.5&active=no&active=y&day=2024-12-31&at=2024-12-31T10:20:30&x=1&_format=a"
        change = self.post(source, body)
        self.assertEqual(change, Change(2, [{"id": 7}, {"id": 8}], [], [["x", ["1"]]]))
        texts = self.backend in TEXT_DATES
        row = {
            "id": 7,
            "name": "Bergen",
            "sales": 2.5,
            "active": False,
            "day": "2024-12-31" if texts else date(2024, 12, 31),
            "at": "2024-12-31T10:20:30" if texts else datetime(2024, 12, 31, 10, 20, 30),
        }
        self.assertEqual(self.ask(source, "id=7&id=8"), [row, {**row, "id": 8, "active": True}])
        self.assertEqual(self.ids(source), [1, 2, 3, 7, 8])

    def test_json_is_inserted_as_it_is(self: Any) -> None:
        source = self.made(self.backend)
        rows = [
            {"id": 7, "name": "=1+1", "sales": 3, "active": True, "day": None, "at": None},
            {"id": 8, "name": None, "sales": None, "active": False},
            {"id": 9.0, "name": "-\t\n'\"\\;--,|", "sales": "", "active": ""},
            {"id": 10, "name": 12, "sales": 1e300},
        ]
        self.assertEqual(self.post(source, rows).inserted, [{"id": 7}, {"id": 8}, {"id": 9}, {"id": 10}])
        found = self.ask(source, "id>=6")
        self.assertEqual([row["name"] for row in found], ["=1+1", None, "-\t\n'\"\\;--,|", "12"])
        self.assertEqual([row["sales"] for row in found], [3.0, None, None, 1e300])
        self.assertEqual([row["active"] for row in found], [True, False, None, None])
        self.assertEqual([row["day"] for row in found], [None] * 4)

    def test_an_empty_text(self: Any) -> None:
        source = self.made(self.backend)
        self.post(source, "id=7&name=")
        self.put(source, "id=1&name=")
        self.assertEqual([row["name"] for row in self.ask(source, "id=1&id=7")], [self.blank] * 2)

    def test_arguments_update_all_rows_with_these_keys_alike(self: Any) -> None:
        source = self.made(self.backend)
        change = self.put(source, "id=1&id=3&id=99&name=x&sales=7&nope=1&name=y")
        self.assertEqual(change.count, 2)
        self.assertEqual(change.filters, [["id", "", [1, 3, 99]]])
        self.assertEqual(sorted(change.ignored), [["name", ["y"]], ["nope", ["1"]]])
        self.assertEqual(
            [(row["name"], row["sales"]) for row in self.ask(source)], [("x", 7), (ROWS[1]["name"], None), ("x", 7)]
        )

    def test_each_row_of_json_updates_its_own(self: Any) -> None:
        source = self.made(self.backend)
        rows = [{"id": 3, "name": "c"}, {"id": 1, "sales": 9, "active": None}, {"id": 99, "name": "z"}]
        self.assertEqual(self.put(source, rows).count, 2)
        found = self.ask(source)
        self.assertEqual([row["name"] for row in found], ["Oslo", ROWS[1]["name"], "c"])
        self.assertEqual([row["sales"] for row in found], [9, None, -2.25])
        self.assertEqual([row["active"] for row in found], [None, False, None])

    def test_an_update_to_what_is_there_counts_what_it_finds(self: Any) -> None:
        source = self.made(self.backend)
        self.assertEqual(self.put(source, "id=1&name=Oslo").count, 1)
        self.assertEqual(self.put(source, "id=99&name=Oslo").count, 0)
        self.unchanged(source)

    def test_keys_of_several_columns(self: Any) -> None:
        source = self.made(self.backend)
        key = ("id", "name")
        with self.assertRaisesRegex(QueryError, r"name: missing column\(s\): name"):
            self.put(source, "id=1&sales=5", key)
        self.assertEqual(self.put(source, "id=1&id=3&name=日本&sales=5", key).count, 1)
        self.assertEqual(self.delete(source, [{"id": 1, "name": "Oslo"}, {"id": 2, "name": "Oslo"}], key).count, 1)
        self.assertEqual([(row["id"], row["sales"]) for row in self.ask(source)], [(2, None), (3, 5)])

    def test_deleting_by_key(self: Any) -> None:
        source = self.made(self.backend)
        change = self.delete(source, "id=1&id=3&id=99&_format=json&_c=id&_sort=id")
        self.assertEqual((change.count, change.filters), (2, [["id", "", [1, 3, 99]]]))
        self.assertEqual(self.ids(source), [2])

    def test_deleting_with_more_filters_as_in_a_get(self: Any) -> None:
        source = self.made(self.backend)
        self.assertEqual(self.delete(source, "id=1&id=2&id=3&sales>=0").count, 1)
        self.assertEqual(self.delete(source, "id=1&id=2&id=3&name~=^a,").count, 1)
        self.assertEqual(self.delete(source, [{"id": 3, "active": False}]).count, 0)
        self.assertEqual(self.ids(source), [3])
        self.assertEqual(self.delete(source, [{"id": 3, "active": None, "sales": -2.25}]).count, 1)
        self.assertEqual(self.ask(source), [])
        self.assertEqual(self.post(source, "id=5&name=again").count, 1)
        self.assertEqual([str(each) for each in self.ids(source)], ["5"])  # an empty sheet has no types

    def test_what_does_not_exist_is_made_by_the_first_insert(self: Any) -> None:
        source = self.made(self.backend)
        new = self.new()
        for call in (self.put, self.delete):
            with self.assertRaises(SourceError):
                call(new, "id=1&name=x")
        with self.assertRaises(QueryError):
            self.post(new, "_format=json")
        rows = [{"id": 1, "name": "a", "price": 1.5, "ok": True}, {"id": 2, "name": None, "price": 2}]
        self.assertEqual(self.post(new, rows), Change(2, [{"id": 1}, {"id": 2}]))
        wanted = [{"id": 1, "name": "a", "price": 1.5, "ok": True}, {"id": 2, "name": None, "price": 2.0, "ok": None}]
        self.assertEqual(self.ask(new), wanted)
        self.assertEqual(self.post(new, "id=3&name=c").inserted, [{"id": 3}])
        self.unchanged(source)

    def test_several_operations_at_once(self: Any) -> None:
        source = self.made(self.backend)
        other = self.made(self.backend)
        key = ("id",)
        done = apply_many(
            [
                Insert(source, [{"id": 9, "name": "i"}], key=key),
                Update(other, {"id": ["1"], "name": ["u"]}, key=key),
                Delete(source, {"id": ["1"]}, key=key),
            ]
        )
        self.assertEqual([change.count for change in done], [1, 1, 1])
        self.assertEqual(self.ids(source), [2, 3, 9])
        self.assertEqual(self.ask(other)[0]["name"], "u")

    def test_of_several_operations_none_is_done_where_one_is_wrong(self: Any) -> None:
        source = self.made(self.backend)
        other = self.made(self.backend)
        operations = [
            Insert(source, [{"id": 9, "name": "i"}], key=("id",)),
            Update(other, {"id": ["1"], "sales": ["high"]}, key=("id",)),
        ]
        with self.assertRaisesRegex(QueryError, "sales=high"):
            apply_many(operations)
        self.unchanged(source)
        self.unchanged(other)

    def new(self: Any) -> Any:
        """A source that is not there yet."""
        return self.source(url=f"new.{self.backend}")


class DatabaseCases(Cases):
    """The same in databases."""

    blank = None

    def new(self: Any) -> Any:
        self.addCleanup(self.execute, self.backend, "DROP TABLE IF EXISTS made_by_insert")
        return self.source(url=self.url(self.backend), table="made_by_insert")


class CSVTests(Cases, ChangesTestCase):
    backend = "csv"
    blank = None


class TSVTests(Cases, ChangesTestCase):
    backend = "tsv"
    blank = None


class JSONTests(Cases, ChangesTestCase):
    backend = "json"


class JSONLinesTests(Cases, ChangesTestCase):
    backend = "jsonl"


class YAMLTests(Cases, ChangesTestCase):
    backend = "yaml"


class XLSXTests(Cases, ChangesTestCase):
    backend = "xlsx"
    blank = None


class ParquetTests(Cases, ChangesTestCase):
    backend = "parquet"


class FeatherTests(Cases, ChangesTestCase):
    backend = "feather"


class SQLiteTests(DatabaseCases, ChangesTestCase):
    backend = "sqlite"


class PostgreSQLTests(DatabaseCases, ChangesTestCase):
    backend = "postgresql"


class MariaDBTests(DatabaseCases, ChangesTestCase):
    backend = "mariadb"


class ReadOnlyTests(ChangesTestCase):
    def test_sources_that_are_no_table_cannot_be_written(self) -> None:
        (self.root / "page.html").write_text("<table><tr><th>id</th></tr><tr><td>1</td></tr></table>")
        sources = [
            self.source(url="page.html"),
            self.source(url="sqlite:///test.db", query="SELECT 1 AS id"),
            self.source(url="http://127.0.0.1:9/x.csv"),
            self.source(url="dir:///tmp"),
        ]
        for source in sources:
            for call in (self.post, self.put, self.delete):
                with self.assertRaises(ReadOnly, msg=source.dataset.label):
                    call(source, "id=1&x=2")

    def test_a_dataset_without_id_cannot_be_updated_unless_its_table_has_a_primary_key(self) -> None:
        with self.assertRaisesRegex(QueryError, "the dataset has no id:"):
            self.delete(self.made("csv"), "id=1", ())
        source = self.made("sqlite")
        self.assertEqual(self.delete(source, "id=1", ()).count, 1)


class ManyTests(ChangesTestCase):
    def test_many_rows_of_json_update_and_delete_their_own(self) -> None:
        for backend in ("csv", "json", "parquet", "xlsx", "sqlite"):
            source = self.made(backend, [{**ROWS[0], "id": number} for number in range(1000)])
            rows = [{"id": number, "name": f"n{number}", "sales": None} for number in range(0, 1200, 2)]
            self.assertEqual(self.put(source, [*rows, {"id": 0, "name": "last"}]).count, 501)
            found = self.ask(source)
            wanted = ["last", *("Oslo" if number % 2 else f"n{number}" for number in range(1, 1000))]
            self.assertEqual([row["name"] for row in found], wanted)
            self.assertEqual([row["sales"] for row in found], [None, 1.5] * 500)
            gone = [{"id": number} for number in range(5, 1005)]
            self.assertEqual(self.delete(source, [*gone, *gone]).count, 995)
            self.assertEqual(self.ids(source), [0, 1, 2, 3, 4])
