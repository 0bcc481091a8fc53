"""Files of all types, what is kept of them, and for how long."""

from __future__ import annotations

import io
import os
from functools import partial
from threading import Thread
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from gramex_twisted.data.arguments import parse as asked
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.query import Query
from gramex_twisted.data.sources import files, readers, source_of
from gramex_twisted.data.sources.base import Frame, Shared, Table
from gramex_twisted.data.sources.dataset import parse
from gramex_twisted.data.sources.readers import columnar
from tests.data.sourcing import SourceCase

FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", None]})


def parquet(frame: pl.DataFrame) -> bytes:
    """A file's bytes."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()


class KeptTests(SourceCase):
    def frame(self, url: str, **options: Any) -> Frame:
        found = self.open(url, **options)
        assert isinstance(found, Frame)
        return found

    def test_a_file_is_read_once_until_it_changes(self) -> None:
        path = self.write("x.csv", "a\n1\n")
        first = self.frame("x.csv")
        self.assertIs(self.frame("x.csv").table, first.table)
        self.assertEqual(self.open("x.csv").version, first.version)
        self.assertIsNot(self.frame("x.csv", dtype="str").table, first.table)
        self.write("x.csv", "a\n2\n")
        self.assertEqual(self.rows("x.csv"), [(2,)])
        self.assertNotEqual(self.open("x.csv").version, first.version)
        path.unlink()
        self.assertEqual(self.error(SourceError, "x.csv"), "no file x.csv")

    def test_a_file_of_the_same_size_and_time_that_takes_its_place(self) -> None:
        path = self.write("x.csv", "a\n1\n")
        self.assertEqual(self.rows("x.csv"), [(1,)])
        before = path.stat()
        other = self.write("new", "a\n2\n")
        os.utime(other, ns=(before.st_mtime_ns, before.st_mtime_ns))
        other.rename(path)
        self.assertEqual(self.rows("x.csv"), [(2,)])

    def test_a_file_that_has_just_changed_is_not_kept(self) -> None:
        self.patch(files, "YOUNG", 10**9 * 600)
        path = self.folder / "x.csv"
        path.write_text("a\n1\n")
        os.utime(path)
        stamp = path.stat()
        with open(path, "r+") as file:  # the same size and inode, and time
            self.assertIsNone(self.open("x.csv").version)
            file.write("a\n2\n")
        os.utime(path, ns=(stamp.st_mtime_ns, stamp.st_mtime_ns))
        self.assertEqual(self.rows("x.csv"), [(2,)])

    def test_a_file_that_is_replaced_while_it_is_read_is_read_again(self) -> None:
        self.write("x.csv", "a\n1\n")
        reading = readers.read
        contents = ["a\n2\n", "a\n3\n"]

        def slow(*args: object) -> object:
            found = reading(*args)  # type: ignore[arg-type]
            if contents:
                self.write("x.csv", contents.pop(0))
            return found

        self.patch(files, "read", slow)
        self.assertEqual(self.rows("x.csv"), [(3,)])

    def test_a_file_that_never_rests(self) -> None:
        self.write("x.csv", "a\n1\n")
        reading = readers.read

        def slow(*args: object) -> object:
            self.write("x.csv", "a\n1\n")
            return reading(*args)  # type: ignore[arg-type]

        self.patch(files, "read", slow)
        self.assertEqual(self.error(SourceError, "x.csv"), "x.csv changes all the time")

    def test_an_error_in_a_file_that_has_been_mended_meanwhile_is_no_error(self) -> None:
        self.write("x.csv", "")
        reading = readers.read

        def slow(*args: object) -> object:
            try:
                return reading(*args)  # type: ignore[arg-type]
            finally:
                self.write("x.csv", "a\n1\n")

        self.patch(files, "read", slow)
        self.assertRaises(SourceError, self.rows, "x.csv")
        self.patch(files, "read", reading)
        self.assertEqual(self.rows("x.csv"), [(1,)])

    def test_many_threads_read_a_cold_file_once(self) -> None:
        self.write("x.csv", "a\n1\n")
        reading, calls = readers.read, []

        def counted(*args: object) -> object:
            calls.append(1)
            return reading(*args)  # type: ignore[arg-type]

        self.patch(files, "read", counted)
        found: list[object] = []
        threads = [Thread(target=lambda: found.append(self.rows("x.csv"))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual((len(calls), found), (1, [[(1,)]] * 8))

    def test_a_file_far_larger_than_the_memory_is_not_read(self) -> None:
        self.write("x.csv", "a\n" + "1\n" * 1000)
        small = Shared(Memory(100), self.shared.engines, self.folder)
        source = source_of(parse({"url": "x.csv"}), small)
        said = str(self.assertRaises(SourceError, source.open, {}))
        self.assertIn("x.csv has more bytes than can be read into memory (400)", said)

    def test_names_are_filled_in_from_safe_values_only(self) -> None:
        self.write("sales-2024.csv", "a\n1\n")
        self.assertEqual(self.rows("sales-{year}.csv", "", {"year": ["2024"]}), [(1,)])
        for value in ("../x", "..", "a/b", "", "2024\n", "2024 "):
            with self.assertRaises(ValueError) as caught:
                self.rows("sales-{year}.csv", "", {"year": [value]})
            self.assertTrue(str(caught.exception).startswith("year"), str(caught.exception))


class TypeTests(SourceCase):
    def test_parquet_and_arrow(self) -> None:
        self.write("x.parquet", parquet(FRAME))
        buffer = io.BytesIO()
        FRAME.write_ipc(buffer)
        for name in ("x.feather", "x.arrow"):
            self.write(name, buffer.getvalue())
        for name in ("x.parquet", "x.feather", "x.arrow"):
            self.assertEqual(self.rows(name), [(1, "x"), (2, None)])
            self.assertEqual(self.rows(name, columns=None), [(1, "x"), (2, None)])

    def test_a_large_parquet_file_stays_where_it_is(self) -> None:
        self.patch(columnar, "LARGE", 1)
        self.write("x.parquet", parquet(FRAME))
        table = self.open("x.parquet")
        self.assertIsInstance(table, files.ScannedFrame)
        self.assertEqual(self.rows("x.parquet", "a=2"), [(2, None)])
        self.assertEqual(self.shared.memory.used, 1000)
        self.write("x.parquet", parquet(FRAME.reverse()))
        self.assertIn("replaced", str(self.assertRaises(SourceError, table.run, asked({}, table.schema))))
        self.assertEqual(self.rows("x.parquet")[0], (2, None))

    def test_broken_files_of_every_type(self) -> None:
        whole = {"x.parquet": parquet(FRAME), "x.json": b'[{"a": 1}, {"a": 2}]', "x.yaml": b"- {a: 1, b: [1, 2, 3]}"}
        buffer = io.BytesIO()
        FRAME.write_ipc(buffer)
        whole["x.feather"] = buffer.getvalue()
        buffer = io.BytesIO()
        FRAME.write_excel(buffer)
        whole["x.xlsx"] = buffer.getvalue()
        for name, content in whole.items():
            for broken in (b"", b"\x00\xff" * 50, content[: len(content) // 2]):
                self.write(name, broken)
                self.assertIn(name, self.error(SourceError, name), broken)

    def test_json_of_several_forms(self) -> None:
        for text in (
            '[{"a":1,"b":"x"},{"a":2,"b":null}]',
            '{"a":[1,2],"b":["x",null]}',
            '{"a":{"0":1,"1":2},"b":{"0":"x"}}',
        ):
            self.write("x.json", text)
            self.assertEqual(self.rows("x.json"), [(1, "x"), (2, None)])
        self.write("x.jsonl", '{"a":1,"b":"x"}\n\n{"a":2}\n')
        self.assertEqual(self.rows("x.jsonl"), [(1, "x"), (2, None)])
        self.write("x.json", '[{"a":1},{"a":"x"}]')
        self.assertEqual(self.kinds("x.json"), "TEXT")

    def test_json_and_yaml_that_are_no_tables(self) -> None:
        self.write("x.json", '[1, {"a": 1}]')
        self.assertEqual(
            self.error(SourceError, "x.json"), "x.json: not a list of records, but a list whose item 0 is int"
        )
        self.write("x.json", '{"a": 1}')
        self.assertEqual(self.error(SourceError, "x.json"), "x.json: not a list of records, but dict")
        self.write("x.json", '[{"a": 1},\n{"a": }]')
        self.assertIn("x.json:2: not JSON", self.error(SourceError, "x.json"))
        self.write("x.jsonl", '{"a": 1}\n[1]\n')
        self.assertEqual(self.error(SourceError, "x.jsonl"), "x.jsonl:2: not an object")
        self.write("x.yaml", "a: [1\nb: 2\n")
        self.assertIn("x.yaml:2: not YAML", self.error(SourceError, "x.yaml"))
        self.write("x.yaml", "- {a: 2024-01-31}\n")
        self.assertEqual(self.kinds("x.yaml"), "DATE")

    def test_yaml_that_holds_itself_or_very_much(self) -> None:
        bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
        bomb += "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
        for text, said in (
            ("a: &a [*a]", "a value holds itself"),
            ("- &a {x: *a}", "a value holds itself"),
            (bomb, "has more than 20000000 values, as its aliases name them"),
            ("[" * 100_000, "more than 100 lists and mappings within each other"),
            ("- " * 200_000 + "a", "more than 100 lists and mappings within each other"),
            ("a: !!python/object:os.system x", "not YAML"),
        ):
            self.write("x.yaml", text)
            self.assertIn(said, self.error(SourceError, "x.yaml"))

    def test_json_that_is_very_deep(self) -> None:
        for start, end in (("[", "]"), ('{"x":', "}")):
            for name in ("x.json", "x.jsonl"):
                text = f'{{"a":{start * 900}1{end * 900}}}'
                self.write(name, f"[{text}]" if name == "x.json" else text)
                self.assertIn("more than 100 lists and objects within", self.error(SourceError, name))
        self.write("x.json", '[{"a":[[1]],"b":{"c":{"d":1}}},{"a":[],"b":null}]')
        self.assertEqual(self.kinds("x.json"), "OTHER OTHER")

    def test_files_of_statistics_programs(self) -> None:
        path = self.folder / "x.dta"
        pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}).to_stata(path, write_index=False)
        self.age(path)
        self.assertEqual(self.rows("x.dta"), [(1, "x"), (2, "y")])
        self.write("x.sas7bdat", b"nonsense")
        self.assertIn("x.sas7bdat: cannot be read as sas", self.error(SourceError, "x.sas7bdat"))

    def test_the_tables_of_a_page(self) -> None:
        page = (
            "<table id=none></table><p>x</p>"
            "<table><tr><th>City<th>Sales<tr><td>Oslo &amp; co<td>1.5<tr><td>Rome</table>"
            "<table id=second><tr><td>a</td><td colspan=2>b</td></tr><tr><td>1</td><td>2</td><td>x</td></tr></table>"
        )
        self.write("x.html", page)
        self.assertEqual(self.rows("x.html"), [("Oslo & co", 1.5), ("Rome", None)])
        self.assertEqual(self.rows("x.html", table="second"), [(1, 2, "x")])
        self.assertEqual(self.rows("x.html", table="1"), [(1, 2, "x")])
        self.assertIn("table: no 'third'; there are 2", self.error(SourceError, "x.html", table="third"))
        self.write("x.html", "<p>nothing")
        self.assertEqual(self.error(SourceError, "x.html"), "x.html has no table")


class WorkbookTests(SourceCase):
    def setUp(self) -> None:
        super().setUp()
        path = self.folder / "x.xlsx"
        with xlsxwriter.Workbook(path) as book:
            sheet = book.add_worksheet("My sheet")
            sheet.write_row("B3", ["id", "price", "name", "name"])
            for place in range(4):
                sheet.write_row(3 + place, 1, [place, place + 0.5, f"n{place}", "x"])
            sheet.write_row("H1", ["p", "q"])
            sheet.write_row("H2", [1, "x"])
            sheet.add_table("H1:I2", {"name": "Things", "columns": [{"header": "p"}, {"header": "q"}]})
            book.define_name("Ids", "='My sheet'!$B$3:$C$5")
            book.define_name("Odd", "=1+1")
            book.add_worksheet("Empty")
        self.age(path)

    def test_ranges_names_and_tables(self) -> None:
        self.assertEqual(self.rows("x.xlsx", range="B3:C5"), [(0, 0.5), (1, 1.5)])
        self.assertEqual(self.rows("x.xlsx", range="$B$4:C5", header=None), [(0, 0.5), (1, 1.5)])
        self.assertEqual(self.rows("x.xlsx", name="Ids"), [(0, 0.5), (1, 1.5)])
        self.assertEqual(self.rows("x.xlsx", table="Things"), [(1, "x")])
        self.assertEqual(self.rows("x.xlsx", range="B3:E4", sheet_name="My sheet"), [(0, 0.5, "n0", "x")])
        self.assertEqual(list(self.open("x.xlsx", range="D3:E4").schema.names), ["name", "name_1"])
        self.assertEqual(self.rows("x.xlsx", skiprows=2, usecols="B:C", nrows=1), [(0, 0.5)])
        self.assertEqual(self.rows("x.xlsx", sheet_name="Empty"), [])

    def test_what_is_not_there(self) -> None:
        said: dict[str, dict[str, Any]] = {
            "sheet_name: no 'No'; there is My sheet, Empty": {"sheet_name": "No"},
            "sheet_name: no 7; there is My sheet, Empty": {"sheet_name": 7},
            "table: no 'No'; there is Things": {"table": "No"},
            "name: no 'No'; there is Ids, Odd": {"name": "No"},
            "name: Odd is not a range of cells": {"name": "Odd"},
            "range: 'A1-B2' is not like A1:C20": {"range": "A1-B2"},
            "range: 'C5:A1' ends before it begins": {"range": "C5:A1"},
            "bogus: no such option of a workbook": {"bogus": 1},
        }
        for text, options in said.items():
            self.assertIn(f"x.xlsx: {text}", self.error(SourceError, "x.xlsx", **options))


class FolderTests(SourceCase):
    def test_a_row_for_each_file_and_folder(self) -> None:
        inner = self.folder / "sub" / "inner"
        inner.mkdir(parents=True)
        (self.folder / "a.txt").write_text("abc")
        (inner / "b.csv").write_text("a\n1\n")
        (self.folder / "gone").symlink_to("nothing")
        for url in (".", f"dir:///{self.folder}", f"dir:{self.folder}"):
            rows = self.rows(url, "_c=type&_c=dir&_c=name&_c=level")
            expected = [("dir", "/", "sub", 1), (".txt", "/", "a.txt", 1), ("dir", "/sub/", "inner", 2)]
            self.assertEqual(rows, [*expected, (".csv", "/sub/inner/", "b.csv", 3)])
        [found] = self.rows(".", "name=a.txt&_c=path&_c=size&_c=mtime")
        self.assertEqual(found, (str(self.folder / "a.txt"), 3, (self.folder / "a.txt").stat().st_mtime))
        self.assertEqual(self.error(SourceError, "dir:nothing"), "no folder nothing")


class FunctionTests(SourceCase):
    def test_frames_of_every_kind(self) -> None:
        made = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
        for data in (made, FRAME, FRAME.lazy(), pd.DataFrame(made), {"a": [1, 2], "b": ["x", None]}):
            table = source_of(parse({}), self.shared, partial(lambda made: made, data)).open({})
            self.assertEqual(list(table.run(self.asked(table)).rows), [(1, "x"), (2, None)])
            self.assertIsNone(table.version)

    def test_what_is_no_frame(self) -> None:
        source = source_of(parse({}), self.shared, lambda: 5)
        self.assertEqual(
            str(self.assertRaises(SourceError, source.open, {})), "a frame or a list of dicts is needed, not int"
        )
        self.assertRaises(ValueError, source_of, parse({}), self.shared)

    def test_a_table_can_be_transformed(self) -> None:
        self.write("x.csv", "a\n1\n2\n")
        table = self.open("x.csv").transformed(lambda frame: frame.with_columns(b=pl.col("a") * 10))
        self.assertEqual(list(table.run(self.asked(table)).rows), [(1, 10), (2, 20)])
        self.assertEqual(list(table.batches(self.asked(table), 1)), [[(1, 10)], [(2, 20)]])

    def asked(self, table: Table) -> Query:
        return asked({}, table.schema)
