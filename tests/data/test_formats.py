"""JSON, lines and CSV: values, and that frames, rows and batches of rows give the same bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from math import inf, nan

import pandas as pd
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import formats, frame
from gramex_twisted.data.records import Result, Row
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind
from tests.data.cases import EXACT, ODD, SALES
from tests.data.formatcases import FRAME, answer, read_csv, rows, text, write

STREAMED = ("json", "jsonl", "csv")


def batches(found: Result, size: int) -> Iterator[list[Row]]:
    """The rows, some at a time."""
    return (list(found.rows[start : start + size]) for start in range(0, len(found.rows), size))


class ValueTests(SynchronousTestCase):
    def test_json_has_dates_nulls_and_all_digits(self) -> None:
        found = json.loads(write("json", answer()))
        self.assertEqual(found[0]["big"], 2**63 - 1)
        self.assertEqual(
            [found[0][name] for name in ("day", "at", "clock")], ["2024-01-31", "2024-01-31T08:00:00", "08:30:00"]
        )
        self.assertEqual(found[1]["at"], "2024-01-31T08:00:00.500000")
        self.assertEqual(found[2]["clock"], "23:59:59.000010")
        self.assertIsNone(found[2]["city"])
        self.assertEqual(found[2]["naïve <b>"], "東京 😀")

    def test_several_datasets_are_an_object_of_lists(self) -> None:
        written = formats.write("json", {'a"': answer({"_c": ["id"]}), "b": rows({"_c": ["id"]})}, single=False)
        self.assertEqual(
            json.loads(written), {'a"': [{"id": 1}, {"id": 2}, {"id": 3}]} | {"b": [{"id": n} for n in (1, 2, 3)]}
        )

    def test_one_of_several_is_still_an_object(self) -> None:
        self.assertEqual(formats.write("json", {"a": [1]}, single=False), b'{"a":[1]}')

    def test_json_writes_whatever_json_can(self) -> None:
        frame = pd.DataFrame({"x": [1.5, nan]})
        given = {"a": [None, inf, nan, 2**70, time(0, 0, 0, 10000)], 5: frame, "s": {3}, "b": b"\xff"}
        self.assertEqual(
            json.loads(write("json", given)),
            {
                "a": [None, None, None, 2**70, "00:00:00.010000"],
                "5": [{"x": 1.5}, {"x": None}],
                "s": [3],
                "b": "/w==",
            },
        )
        self.assertEqual(write("json", "é"), '"é"'.encode())
        self.assertEqual(write("json", None), b"null")
        self.assertEqual(json.loads(write("json", "\ud800")), "\ud800")

    def test_lines_of_records_in_records(self) -> None:
        found = Result((Field("o", Kind.OTHER),), [([{"a": 1}, {"a": 2}],), (None,)])
        self.assertEqual(write("jsonl", found), b'{"o":[{"a":1},{"a":2}]}\n{"o":null}\n')

    def test_json_lines_are_one_record_a_line(self) -> None:
        lines = write("jsonl", answer()).splitlines()
        self.assertEqual([json.loads(line)["id"] for line in lines], [1, 2, 3])

    def test_shapes_of_pandas_and_indent(self) -> None:
        found = answer({"_c": ["id", "clock"], "_limit": ["1"]})
        self.assertEqual(
            json.loads(write("json", found, orient="split")),
            {"columns": ["id", "clock"], "index": [0], "data": [[1, "08:30:00"]]},
        )
        self.assertEqual(
            json.loads(write("json", found, orient="columns")), {"id": {"0": 1}, "clock": {"0": "08:30:00"}}
        )
        self.assertEqual(json.loads(write("json", found, orient="index")), {"0": {"id": 1, "clock": "08:30:00"}})
        self.assertEqual(write("json", found, orient="values"), b'[[1,"08:30:00"]]')
        self.assertIn('\n  {\n    "id": 1,', text("json", found, indent=2))

    def test_csv_is_read_back(self) -> None:
        header, first, second, third = read_csv(write("csv", answer()))
        self.assertEqual(header, FRAME.columns)
        self.assertEqual(
            first, ["1", "Oslo", "10.5", str(2**63 - 1), "true", "2024-01-31", "2024-01-31 08:00:00", "08:30:00", ""]
        )
        self.assertEqual(second[1], 'a,"b"\n')
        self.assertEqual(second[2:6], ["", str(-(2**63)), "", ""])
        self.assertEqual(second[6], "2024-01-31 08:00:00.500000")
        self.assertEqual(third[2], "1e+16")

    def test_csv_begins_with_a_byte_order_mark_and_tells_null_from_nothing(self) -> None:
        written = write("csv", pl.DataFrame({"a": ["", None], "b": [1, 2]}))
        self.assertEqual(written, b'\xef\xbb\xbfa,b\n"",1\n,2\n')

    def test_a_lone_null_is_not_an_empty_line(self) -> None:
        found = answer(table=frame.table_of(pl.DataFrame({"a": [1, None]})))
        self.assertEqual(text("csv", found), 'a\n1\n""\n')
        self.assertEqual(text("csv", found.result()), 'a\n1\n""\n')

    def test_csv_of_several_has_their_names_and_empty_lines(self) -> None:
        written = formats.write("csv", {"a,b": answer({"_c": ["id"]}), "c": rows({"_c": ["id"]})}, single=False)
        self.assertEqual(written.decode("utf-8-sig"), '"a,b"\nid\n1\n2\n3\n\nc\nid\n1\n2\n3\n')

    def test_csv_options(self) -> None:
        found = answer({"_c": ["id", "city"]})
        wanted = '1;Oslo\n2;"a,""b""\n"\n3;NA\n'
        for each in (found, found.result()):
            self.assertEqual(write("csv", each, sep=";", header=False, na_rep="NA", bom=False), wanted.encode())

    def test_formulas_are_kept_unless_they_are_to_be_escaped(self) -> None:
        given = pl.DataFrame({"=a": ["=1", "+47 22", "-x", "@me", "\tx", "1-2", None], "n": [-1, 2, 3, 4, 5, 6, 7]})
        kept = read_csv(write("csv", given))
        self.assertEqual([row[0] for row in kept], ["=a", "=1", "+47 22", "-x", "@me", "\tx", "1-2", ""])
        escaped = read_csv(write("csv", given, formulas="escape"))
        self.assertEqual([row[0] for row in escaped], ["'=a", "'=1", "'+47 22", "'-x", "'@me", "'\tx", "1-2", ""])
        self.assertEqual(escaped[1][1], "-1")

    def test_infinite_numbers_are_null_in_json_and_said_in_csv(self) -> None:
        given = pl.DataFrame({"a": [inf, -inf, nan, 1.0]})
        for found in (answer(table=frame.table_of(given)), rows(table=frame.table_of(given))):
            self.assertEqual(json.loads(write("json", found)), [{"a": None}, {"a": None}, {"a": None}, {"a": 1.0}])
            self.assertEqual(text("csv", found), 'a\ninf\n-inf\n""\n1.0\n')

    def test_what_has_another_type_than_its_column_is_written_as_it_is(self) -> None:
        fields = (Field("n", Kind.INT), Field("d", Kind.DATE), Field("t", Kind.TEXT), Field("o", Kind.OTHER))
        found = Result(
            fields, [("many", "soon", 5, {"a": [1]}), (1, date(2024, 1, 1), "x", b"\xff"), (True, None, 1.5, 2)]
        )
        self.assertEqual(
            read_csv(write("csv", found))[1:],
            [["many", "soon", "5", '{"a":[1]}'], ["1", "2024-01-01", "x", "/w=="], ["true", "", "1.5", "2"]],
        )

    def test_sums_are_rounded_alike(self) -> None:
        found = answer({"_by": ["active"], "_c": ["sales|sum"]})
        for name in STREAMED:
            self.assertEqual(write(name, found), write(name, found.result()), name)


class SameBytesTests(SynchronousTestCase):
    def same(self, table: pl.DataFrame) -> None:
        """Frames, rows and batches give the same bytes."""
        found = answer(table=frame.table_of(table))
        plain = found.result()
        for name in STREAMED:
            wanted = write(name, found)
            self.assertEqual(write(name, plain), wanted, name)
            for size in (1, 2, 1000):
                self.assertEqual(b"".join(formats.stream(name, plain.fields, batches(plain, size))), wanted, name)

    def test_of_the_tables_that_backends_are_held_to(self) -> None:
        for data in (SALES, ODD, EXACT):
            self.same(pl.DataFrame(data.rows, [name for name, _ in data.columns], orient="row"))
        self.same(FRAME)

    def test_of_nothing(self) -> None:
        self.same(FRAME.head(0))
        self.assertEqual(write("json", answer(table=frame.table_of(FRAME.head(0)))), b"[]")
        none = Result((), [])
        self.assertEqual([write(name, none) for name in STREAMED], [b"[]", b"", b""])
        self.assertEqual([b"".join(formats.stream(name, (), iter([]))) for name in STREAMED], [b"[]", b"", b""])

    @settings(deadline=None, max_examples=80)
    @given(
        st.lists(
            st.tuples(
                st.none() | st.text(st.characters(exclude_categories=["Cs"])),
                st.none() | st.floats(),
                st.none() | st.integers(-(2**63), 2**63 - 1),
                st.none() | st.booleans(),
                st.none() | st.dates(),
                st.none() | st.datetimes(datetime(1000, 1, 1)),
                st.none() | st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)),
                st.none() | st.times(),
                st.none() | st.sampled_from(["", "a,b", '"', "\r", "x\ny", "\0", " ", '},{"c0":', "},{", '},{"c']),
            ),
            max_size=4,
        )
    )
    def test_of_anything(self, found: Sequence[Row]) -> None:
        dtypes = [pl.String, pl.Float64, pl.Int64, pl.Boolean, pl.Date, pl.Datetime("us"), pl.Datetime("us", "UTC")]
        schema = {f"c{place}": dtype for place, dtype in enumerate([*dtypes, pl.Time, pl.String])}
        self.same(pl.DataFrame(found, schema, orient="row"))

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"])), max_size=5), st.sampled_from(",;\t"))
    def test_python_reads_back_every_text(self, texts: list[str | None], sep: str) -> None:
        found = Result((Field("a", Kind.TEXT), Field("b", Kind.INT)), [(text, 1) for text in texts])
        written = write("csv", found, sep=sep).decode("utf-8-sig")
        again = list(csv.reader(io.StringIO(written, newline=""), delimiter=sep))
        self.assertEqual([row[0] for row in again[1:]], [text or "" for text in texts])
