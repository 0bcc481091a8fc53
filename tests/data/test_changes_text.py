"""CSV files keep the bytes of what is not changed, and get rows in the way that they are written."""

from __future__ import annotations

import csv
import io
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.data.errors import ReadOnly, SourceError
from gramex_twisted.data.types import QueryError
from tests.data.changing import ChangesTestCase

ODD = 'code,name,price,n\n007,"a, b",1.50,1\n010,c ""d,2,2\n0x1, e ,.5,3\n'


class TextTests(ChangesTestCase):
    def file(self, content: str | bytes, name: str = "t.csv", **options: Any) -> Any:
        """A source that holds `content`."""
        raw = content.encode() if isinstance(content, str) else content
        (self.root / name).write_bytes(raw)
        return self.source(url=name, **options)

    def bytes(self, name: str = "t.csv") -> bytes:
        """What it holds now."""
        return (self.root / name).read_bytes()

    def test_files_that_cannot_be_written_as_they_are_read_are_refused_and_stay(self) -> None:
        content = "a;b\n1;2\n"
        for options in ({"skiprows": 1}, {"header": None}, {"nrows": 5}, {"usecols": ["a"]}, {"comment": "#"}):
            with self.assertRaisesRegex(ReadOnly, f"cannot be written with the reader's option {next(iter(options))}"):
                self.post(self.file(content, sep=";", **options), "a=1")
        self.assertEqual(self.bytes(), content.encode())

    def test_broken_files_are_not_touched(self) -> None:
        for content in (b"a,b\n1,2,3\n", b"a,b\n\xff\xfe\xfa,1\n", b"PK\x03\x04\0\0", b'a,b\n1,"x\n'):
            source = self.file(content)
            for call in (self.put, self.delete):
                with self.assertRaises((SourceError, QueryError)):
                    call(source, "a=1&b=9", ("a",))
            self.assertEqual(self.bytes(), content)

    def test_text_that_the_encoding_lacks_is_refused(self) -> None:
        source = self.file("a,b\nZürich,1\n".encode("cp1252"), encoding="cp1252")
        with self.assertRaisesRegex(QueryError, r"a=東京: '東' cannot be written in cp1252 \(column a is text\)"):
            self.post(source, "a=東京")
        self.post(source, "a=Köln&b=2")
        self.assertEqual(self.bytes(), "a,b\nZürich,1\nKöln,2\n".encode("cp1252"))

    def test_an_insert_only_adds_lines(self) -> None:
        source = self.file(ODD)
        self.post(source, [{"code": "x", "name": 'y, "z"', "price": 3, "n": 4}, {"n": 5}])
        self.assertEqual(self.bytes().decode(), ODD + 'x,"y, ""z""",3.0,4\n,,,5\n')

    def test_rows_that_are_not_changed_keep_their_bytes(self) -> None:
        source = self.file(ODD)
        self.assertEqual(self.put(source, "n=2&price=9", ("n",)).count, 1)
        self.assertEqual(self.bytes().decode(), ODD.replace('010,c ""d,2,2', '010,c ""d,9.0,2'))
        self.assertEqual(self.delete(source, "n=2", ("n",)).count, 1)
        self.assertEqual(self.bytes().decode(), ODD.replace('010,c ""d,2,2\n', ""))

    def test_line_ends_mark_separator_and_quotes_stay(self) -> None:
        content = '\ufeff"a";"b"\r\n"1";"x"\r\n'
        source = self.file(content, sep=";")
        self.post(source, "a=2&b=y")
        self.put(source, "a=1&b=z;z", ("a",))
        self.assertEqual(self.bytes().decode(), '\ufeff"a";"b"\r\n"1";"z;z"\r\n"2";"y"\r\n')

    def test_utf_16_stays(self) -> None:
        source = self.file("a,b\n1,é\n".encode("utf-16"))
        self.post(source, "a=2&b=日")
        self.assertEqual(self.bytes(), "a,b\n1,é\n2,日\n".encode("utf-16"))

    def test_a_last_line_without_its_end(self) -> None:
        self.post(self.file("a,b\r\n1,2"), "a=3&b=4")
        self.assertEqual(self.bytes(), b"a,b\r\n1,2\r\n3,4\r\n")
        self.post(self.file("a,b"), "a=3&b=4")
        self.assertEqual(self.bytes(), b"a,b\n3,4\n")

    def test_lines_within_quotes_are_one_row(self) -> None:
        source = self.file('"a\nb",c\n"1\n2",x\n3,"y\n\n"\n4,z\n')
        self.assertEqual(self.delete(source, "a\nb=3", ("a\nb",)).count, 1)
        self.assertEqual(self.bytes(), b'"a\nb",c\n"1\n2",x\n4,z\n')

    def test_blank_lines_stay_with_the_row_before_them(self) -> None:
        source = self.file("a,b\n\n1,x\n\n\n2,y\n\n")
        self.put(source, "a=2&b=z", ("a",))
        self.assertEqual(self.bytes(), b"a,b\n\n1,x\n\n\n2,z\n")
        self.delete(source, "a=1", ("a",))
        self.assertEqual(self.ask(source), [{"a": 2, "b": "z"}])

    def test_short_rows_are_filled(self) -> None:
        source = self.file("a,b,c\n1\n2,x\n")
        self.put(source, "a=1&c=9", ("a",))
        self.assertEqual(self.bytes(), b"a,b,c\n1,,9\n2,x\n")

    def test_booleans_and_times_are_written_as_the_column_has_them(self) -> None:
        source = self.file(
            "a,yes,at,utc,clock\n1,TRUE,2024-01-31T08:00:00,2024-01-31T08:00:00Z,08:00:00\n"
            "2,FALSE,2024-01-31T09:00:00,2024-01-31T08:00:00Z,09:00:00\n"
        )
        row = "a=3&yes=n&at=2024-02-01 10:00:00.5&utc=2024-02-01T10:00:00%2B02:00&clock=10:30"
        self.post(source, row)
        added = self.bytes().decode().splitlines()[-1]
        self.assertEqual(added, "3,FALSE,2024-02-01T10:00:00.500000,2024-02-01T08:00:00Z,10:30:00")
        kinds = [field.kind.name for field in source.open({}).schema.fields]
        self.assertEqual(kinds, ["INT", "BOOL", "DATETIME", "INSTANT", "TIME"])

    def test_a_column_alone_holds_nulls(self) -> None:
        source = self.file("a\n1\n2\n")
        self.post(source, [{"a": 3}, {"a": None, "b": 1}])
        self.assertEqual(self.bytes(), b'a\n1\n2\n3\n""\n')
        self.assertEqual([row["a"] for row in self.ask(source)], [1, 2, 3, None])

    def test_without_quotes_a_value_cannot_hold_the_separator(self) -> None:
        source = self.file('a\tb\n1\t"x\n', "t.tsv", quotechar=None)
        with self.assertRaisesRegex(QueryError, "b=x\\\\x09y: holds what separates values"):
            self.post(source, [{"b": "x\ty"}])
        self.post(source, [{"a": 2, "b": '"y"'}])
        self.assertEqual(self.bytes("t.tsv"), b'a\tb\n1\t"x\n2\t"y"\n')

    def test_an_empty_file_gets_a_header(self) -> None:
        source = self.file("")
        self.post(source, [{"a": 1, "b, c": "x"}])
        self.assertEqual(self.bytes(), b'a,"b, c"\n1,x\n')

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(*[st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))] * 2),
            min_size=1,
            max_size=5,
        )
    )
    def test_any_text_comes_back(self, rows: list[tuple[str, str]]) -> None:
        source = self.file('id,a,b\n0,"x y",z\n')
        self.post(source, [{"id": place, "a": a, "b": b} for place, (a, b) in enumerate(rows, 1)])
        found = list(csv.reader(io.StringIO(self.bytes().decode(), newline="")))
        self.assertEqual(found[2:], [[str(place), a, b] for place, (a, b) in enumerate(rows, 1)])
        self.assertEqual([(row["a"] or "", row["b"] or "") for row in self.ask(source)][1:], rows)
        self.put(source, [{"id": place, "a": b, "b": a} for place, (a, b) in enumerate(rows, 1)])
        self.assertEqual([(row["b"] or "", row["a"] or "") for row in self.ask(source)][1:], rows)
        self.delete(source, "&".join(f"id={place}" for place in range(1, len(rows) + 1)))
        self.assertEqual(self.bytes(), b'id,a,b\n0,"x y",z\n')


class OtherFileTests(ChangesTestCase):
    def test_lines_of_json_keep_the_bytes_of_other_lines(self) -> None:
        path = self.root / "t.jsonl"
        path.write_text('{"id":1,  "x":1.50}\n\n{"id":2,"x":2}\n')
        source = self.source(url="t.jsonl")
        self.put(source, "id=2&x=7")
        self.post(source, "id=3&x=1")
        self.assertEqual(path.read_text(), '{"id":1,  "x":1.50}\n{"id":2,"x":7.0}\n{"id":3,"x":1.0}\n')

    def test_json_keeps_its_indentation_its_escapes_and_what_lies_deeper(self) -> None:
        path = self.root / "t.json"
        path.write_text(
            '[\n    {\n        "id": 1,\n        "tags": ["a", {"b": null}],\n        "n": "\\u00e9"\n    }\n]\n'
        )
        source = self.source(url="t.json")
        self.put(source, "id=1&n=ü")
        wanted = path.read_text()
        self.assertIn('    {\n        "id": 1,\n        "tags": [\n            "a"', wanted)
        self.assertIn('"n": "\\u00fc"\n    }\n]\n', wanted)
        self.post(source, [{"id": 2, "tags": ["x"]}])
        self.assertEqual(self.ask(source, "id=2")[0]["tags"], ["x"])

    def test_documents_of_other_shapes_are_refused(self) -> None:
        for name, text in (("a.json", '{"id": [1], "x": [2]}'), ("b.yaml", "# mine\n- {id: 1, x: 2}\n")):
            (self.root / name).write_text(text)
            with self.assertRaisesRegex(ReadOnly, "cannot be written, since it"):
                self.post(self.source(url=name), "id=2")
            self.assertEqual((self.root / name).read_text(), text)

    def test_columns_of_parquet_keep_their_types_and_refuse_what_they_do_not_hold(self) -> None:
        path = self.root / "t.parquet"
        frame = pl.DataFrame(
            {"id": [1, 2], "small": [1, None], "price": ["1.50", None], "kind": ["a", "b"], "more": [[1], None]},
            schema={
                "id": pl.UInt32(),
                "small": pl.Int8(),
                "price": pl.String(),
                "kind": pl.Categorical(),
                "more": pl.List(pl.Int64()),
            },
        ).with_columns(pl.col("price").cast(pl.Decimal(6, 2)))
        frame.write_parquet(path)
        source = self.source(url="t.parquet")
        for body in ("small=128", "id=-1", "price=12345.5", "more=[1]"):
            with self.assertRaisesRegex(QueryError, body.partition("=")[0]):
                self.post(source, body)
        self.assertEqual(pl.read_parquet(path).rows(), frame.rows())
        self.post(source, "id=3&small=-128&price=9.25&kind=c")
        self.put(source, "id=1&small=")
        self.delete(source, "id=2")
        found = pl.read_parquet(path)
        self.assertEqual(found.schema, frame.schema)
        self.assertEqual(found["more"].to_list(), [[1], None])
        self.assertEqual([str(each) for each in found["price"]], ["1.50", "9.25"])
        self.assertEqual(found.select("id", "small", "kind").rows(), [(1, None, "a"), (3, -128, "c")])
