"""CSV files as people have them: broken ones first."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.data.errors import SourceError
from tests.data.sourcing import SourceCase


class BrokenTests(SourceCase):
    def said(self, content: str | bytes, name: str = "x.csv", **options: Any) -> str:
        self.write(name, content)
        return self.error(SourceError, name, **options)

    def test_missing_or_a_folder_or_not_to_be_read(self) -> None:
        self.assertEqual(self.error(SourceError, "no.csv"), "no file no.csv")
        self.assertEqual(self.error(SourceError, "no/such/file.csv"), "no file no/such/file.csv")
        (self.folder / "folder.csv").mkdir()
        self.assertEqual(self.error(SourceError, "folder.csv", ext="csv"), "folder.csv is no file")
        self.assertIn("null byte", self.error(SourceError, "a\0b.csv"))

    def test_empty(self) -> None:
        self.assertEqual(self.said(""), "x.csv is empty")
        self.assertEqual(self.said("\n \n"), "x.csv is empty")

    def test_more_columns_than_names(self) -> None:
        self.assertEqual(self.said("a,b\n1,2\n3,4,5\n"), "x.csv:3: has 3 columns, but the first line has 2")
        long = "a,b\n" + "1,2\n" * 3000 + '"two\nlines",2\n' + "1,2,3\n"
        self.assertEqual(self.said(long), "x.csv:3004: has 3 columns, but the first line has 2")

    def test_a_quote_that_is_never_closed(self) -> None:
        self.assertEqual(self.said('a,b\n1,2\n3,"half\n'), "x.csv:3: unexpected end of data")
        self.assertEqual(self.said("a,b\n" + "1,2\n" * 3000 + '3,"half'), "x.csv:3002: unexpected end of data")
        self.assertEqual(self.said('"a,b\n1,2\n'), "x.csv begins with a broken line: unexpected end of data")

    def test_another_encoding(self) -> None:
        said = self.said("a,b\nx,1\nZürich,2\n".encode("cp1252"))
        self.assertEqual(said, "x.csv:3: not UTF-8; say encoding:, such as cp1252")
        self.assertEqual(self.said("a\né\n", encoding="ascii"), "x.csv:2: not ascii: byte 0xc3")
        self.assertEqual(self.said("a\n1\n", encoding="nonsense"), "x.csv: encoding: there is no nonsense")

    def test_another_type_of_file(self) -> None:
        self.assertEqual(self.said(b"PK\x03\x04..."), "x.csv is not text, but a zip archive, as Excel workbooks are")
        self.assertEqual(self.said(b"PAR1..."), "x.csv is not text, but Parquet")
        self.assertEqual(self.said(b"SQLite format 3\0"), "x.csv is not text, but an SQLite database")
        self.assertEqual(self.said(b"\x01\x02" + b"\0" * 100), "x.csv is not text, but binary")
        self.assertIn("cannot read 'bin'; ext: is one of arrow, csv", self.said("a", name="x.bin"))
        self.assertIn("what is it? ext: is one of", self.said("a", name="x"))

    def test_wrong_options(self) -> None:
        self.assertEqual(self.said("a,b\n1,2\n", bogus=1), "x.csv: bogus: no such option of a CSV file")
        self.assertEqual(self.said("a,b\n1,2\n", usecols=["c"]), "x.csv: usecols: there is no column 'c'")
        self.assertEqual(self.said("a,b\n1,2\n", names=["c"]), "x.csv: names: has 1 of 2 columns")
        self.assertEqual(self.said("a,b\n1,2\n", skiprows=9), "x.csv ends before its header")

    @settings(deadline=None, max_examples=100)
    @given(st.binary(max_size=200))
    def test_any_bytes_are_a_table_or_an_error(self, content: bytes) -> None:
        self.write("any.csv", content)
        try:
            self.rows("any.csv")
        except SourceError as error:
            self.assertIn("any.csv", str(error))


class MeaningTests(SourceCase):
    def read(self, content: str | bytes, asked: str = "", **options: Any) -> list[object]:
        self.write("x.csv", content)
        return self.rows("x.csv", asked, **options)

    def columns(self, content: str, **options: Any) -> list[str]:
        self.write("x.csv", content)
        return list(self.open("x.csv", **options).schema.names)

    def test_numbers_booleans_dates_and_times_are_recognised(self) -> None:
        self.write("x.csv", "i,f,b,d,t,z,c,s\n1,1.5,True,2024-01-31,2024-01-31 08:00:00,2024-01-31T08:00Z,08:00:00,x\n")
        self.assertEqual(self.kinds("x.csv"), "INT FLOAT BOOL DATE DATETIME INSTANT TIME TEXT")
        at = datetime(2024, 1, 31, 8)
        expected = (1, 1.5, True, date(2024, 1, 31), at, at.replace(tzinfo=UTC), time(8), "x")
        self.assertEqual(self.rows("x.csv"), [expected])

    def test_one_value_that_is_other_makes_a_column_what_fits_all(self) -> None:
        self.assertEqual(self.read("a\n" + "1\n" * 5000 + "1.5\n", "_limit=1&_sort=-a"), [(1.5,)])
        self.assertEqual(self.read("a\n" + "1\n" * 5000 + "x\n", "a=x"), [("x",)])
        self.assertEqual(self.read("a\n" + "2024-01-31\n" * 5000 + "2024-02-30\n", "a=2024-02-30"), [("2024-02-30",)])
        self.assertEqual(self.read("a\n2024-01-31\n2024-01-31T08:00\n")[0], (datetime(2024, 1, 31),))

    def test_moments_are_the_same_written_alike_or_in_several_ways(self) -> None:
        day, at = "2024-01-31", datetime(2024, 1, 31, 8, 30, 5)
        alike = {
            "T08:30:05": at,
            " 08:30:05": at,
            "T08:30": at.replace(second=0),
            "T08:30:05.25": at.replace(microsecond=250_000),
            " 08:30:05.1234567": at.replace(microsecond=123_456),
            "T08:30:05Z": at.replace(tzinfo=UTC),
            "T10:30:05.5+02:00": at.replace(tzinfo=UTC, microsecond=500_000),
            "T10:30+0200": at.replace(tzinfo=UTC, second=0),
        }
        for text, moment in alike.items():
            other = " 00:00:01.5" + ("Z" if moment.tzinfo else "")
            self.assertEqual(self.read(f"a\n{day}{text}\n{day}{text}\nNA\n"), [(moment,), (moment,), (None,)], text)
            self.assertEqual(self.read(f"a\n{day}{text}\n{day}{other}\n")[0], (moment,), text)

    def test_rows_far_below_and_quotes_around_lines_are_read_whatever_the_first_million_bytes_tell(self) -> None:
        long = '"' + "line\n" * 300_000 + '"'
        self.assertEqual(self.read(f"a,b\n1,{long}\n2,x\n", "_c=a"), [(1,), (2,)])
        self.assertEqual(self.read(f"a,b\n1,{long}\nx,x\n", "_c=a"), [("1",), ("x",)])
        filler = "1,é\n" * 300_000
        self.assertEqual(self.read(f"a,b\n{filler}1.5,y\n", "b=y"), [(1.5, "y")])

    def test_what_means_nothing_is_null_among_numbers_and_text_among_texts(self) -> None:
        self.assertEqual(self.read("a,b\n1,NA\nNA,NO\n,\n"), [(1, "NA"), (None, "NO"), (None, None)])
        self.assertEqual(self.read("a\n" + "1\n" * 5000 + "NaN\n", "a!"), [(None,)])
        self.assertEqual(self.read("a,b\n1,NA\n-,NO\n", na_values=["-"]), [(1, "NA"), (None, "NO")])

    def test_long_numbers_keep_their_digits(self) -> None:
        self.assertEqual(self.read("a\n9223372036854775807\n1\n")[0], (2**63 - 1,))
        self.assertEqual(self.read("a\n99999999999999999999\n1\n")[0], ("99999999999999999999",))

    def test_byte_order_marks_and_utf_16(self) -> None:
        self.assertEqual(self.read("\ufeffa,b\n1,é\n"), [(1, "é")])
        self.assertEqual(self.columns("\ufeffa,b\n1,é\n"), ["a", "b"])
        self.assertEqual(self.read("a,b\n1,é\n".encode("utf-16")), [(1, "é")])
        self.assertEqual(self.read("a,b\n1,é\n".encode("cp1252"), encoding="cp1252"), [(1, "é")])

    def test_names_are_different_and_never_empty(self) -> None:
        self.assertEqual(
            self.columns('"a ""q""",a,a,,"l\nm"\n1,2,3,4,5\n'), ['a "q"', "a", "a.1", "Unnamed: 3", "l\nm"]
        )

    def test_blank_lines_and_short_lines(self) -> None:
        self.assertEqual(self.read("\n\na,b\n\n1,2\n\n\n3\n\n"), [(1, 2), (3, None)])
        self.assertEqual(self.read("a\r\n1\r\n\r\n2\r\n"), [(1,), (2,)])
        self.assertEqual(self.read("a,b\r1,2\r3,4\r"), [(1, 2), (3, 4)])
        self.assertEqual(self.read("a,b\n1,2\n,\n"), [(1, 2), (None, None)])

    def test_a_header_alone_is_a_table_without_rows(self) -> None:
        self.assertEqual((self.columns("a,b"), self.read("a,b")), (["a", "b"], []))
        self.assertEqual(self.read("a,b\n\n"), [])

    def test_options_by_the_names_of_pandas(self) -> None:
        self.assertEqual(self.read("a;b\n1.000,5;x\n", sep=";", decimal=",", thousands="."), [(1000.5, "x")])
        self.assertEqual(self.read("1,2\n", header=None), [(1, 2)])
        self.assertEqual(self.columns("1,2\n", header=None), ["0", "1"])
        self.assertEqual(self.columns("1,2\n", names=["p", "q"]), ["p", "q"])
        self.assertEqual(self.read("a,b\n1,2\n", names=["p", "q"], header=0), [(1, 2)])
        self.assertEqual(self.read("note\na,b\n1,2\n", skiprows=1), [(1, 2)])
        self.assertEqual(self.read("note\na,b\n1,2\n", header=1), [(1, 2)])
        self.assertEqual(self.read("a,b\n1,2\n3,4\n", usecols=["b"], nrows=1), [(2,)])
        self.assertEqual(self.read("a,b\n007,08\n", dtype={"a": "str"}), [("007", 8)])
        self.assertEqual(self.read("a,b\n007,08\n", dtype=str), [("007", "08")])
        self.assertEqual(self.read("#x\na,b\n#y\n1,2\n", comment="#"), [(1, 2)])
        self.assertEqual(self.read("a\tb\n1\t2\n", ext="tsv"), [(1, 2)])

    def test_options_that_only_pandas_has(self) -> None:
        found = self.read("a  b\n31/12/2024 2\n", sep=r"\s+", parse_dates=["a"], dayfirst=True)
        self.assertEqual(found, [(datetime(2024, 12, 31), 2)])
