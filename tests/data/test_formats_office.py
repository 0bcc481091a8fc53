"""Excel, PowerPoint, Parquet and Arrow, read back by others."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from importlib import import_module
from math import inf, nan
from typing import Any

import fastexcel
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import formats
from gramex_twisted.data.formats.download import download
from gramex_twisted.data.formats.xlsx import sheet_names
from gramex_twisted.data.records import Result
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind
from tests.data.formatcases import FRAME, answer, rows


def sheet(written: bytes, name: str | int = 0, **options: Any) -> pl.DataFrame:
    """A sheet as fastexcel reads it."""
    return fastexcel.read_excel(written).load_sheet(name, **options).to_polars()


def part(written: bytes, name: str) -> str:
    """One file of the zip archive that Office's files are."""
    return zipfile.ZipFile(io.BytesIO(written)).read(name).decode()


class ExcelTests(SynchronousTestCase):
    def test_values_have_their_types(self) -> None:
        for found in (answer(), rows()):
            read = sheet(formats.write("xlsx", {"data": found}, single=True))
            self.assertEqual(read.columns, FRAME.columns)
            self.assertEqual(read["id"].to_list(), [1, 2, 3])
            self.assertEqual(read["city"].to_list(), ["Oslo", 'a,"b"\n', None])
            self.assertEqual(read["sales"].to_list(), [10.5, None, 1e16])
            self.assertEqual(read["active"].to_list(), [True, None, False])
            self.assertEqual(
                read["at"].to_list(), [datetime(2024, 1, 31, 8), datetime(2024, 1, 31, 8, 0, 0, 500000), None]
            )
            self.assertEqual(read["naïve <b>"].to_list()[1:], ["=1+1", "東京 😀"])

    def test_what_excel_cannot_count_is_a_text(self) -> None:
        read = sheet(download(FRAME, "xlsx"), dtypes="string")
        self.assertEqual(read["big"].to_list(), [str(2**63 - 1), str(-(2**63)), "0"])
        self.assertEqual(read["day"].to_list(), ["2024-01-31 00:00:00", None, "1850-02-03"])

    def test_texts_are_neither_formulas_nor_links(self) -> None:
        written = download(pl.DataFrame({"=a": ["=1+1", "http://example.org", "=HYPERLINK(0)"]}), "xlsx")
        self.assertEqual(sheet(written)["=a"].to_list(), ["=1+1", "http://example.org", "=HYPERLINK(0)"])
        page = part(written, "xl/worksheets/sheet1.xml")
        self.assertNotIn("<f>", page)
        self.assertNotIn("hyperlink", page)

    def test_the_header_is_bold_and_stays_and_filters(self) -> None:
        page = part(download(FRAME, "xlsx"), "xl/worksheets/sheet1.xml")
        self.assertIn('<autoFilter ref="A1:I4"', page)
        self.assertIn('<pane ySplit="1" topLeftCell="A2"', page)
        self.assertIn('<c r="A1" s="1"', page)
        self.assertIn("customWidth", page)
        plain = part(download(FRAME, "xlsx", header=False), "xl/worksheets/sheet1.xml")
        self.assertNotIn("autoFilter", plain)
        self.assertNotIn("pane", plain)
        self.assertIn('<row r="3"', plain)
        self.assertNotIn('<row r="4"', plain)

    def test_each_dataset_has_a_sheet(self) -> None:
        written = formats.write("xlsx", {"a/b": answer({"_c": ["id"]}), "A?b": rows({"_c": ["city"]})}, single=False)
        book = fastexcel.read_excel(written)
        self.assertEqual(book.sheet_names, ["a b", "A b 2"])
        self.assertEqual(sheet(written, "A b 2")["city"].to_list()[0], "Oslo")
        self.assertEqual(fastexcel.read_excel(download(FRAME, "xlsx", sheet_name="Mine")).sheet_names, ["Mine"])
        self.assertEqual(fastexcel.read_excel(download(FRAME, "xlsx")).sheet_names, ["data"])

    def test_names_of_sheets(self) -> None:
        self.assertEqual(
            sheet_names(["", "'", "History", "x" * 40, "X" * 40, "a:b"]),
            ["data", "data 2", "History 2", "x" * 31, "X" * 29 + " 2", "a b"],
        )
        self.assertEqual(sheet_names(["😀" * 20]), ["😀" * 15])

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.text(max_size=40), min_size=1, max_size=4))
    def test_any_names_make_a_book(self, names: list[str]) -> None:
        made = sheet_names(names)
        self.assertEqual(len({name.lower() for name in made}), len(names))
        written = formats.write("xlsx", dict.fromkeys(made, Result((), [])), single=False)
        self.assertEqual(len(fastexcel.read_excel(written).sheet_names), len(names))

    def test_odd_values(self) -> None:
        fields = tuple(
            Field(name, kind)
            for name, kind in zip("abcde", (Kind.FLOAT, Kind.TEXT, Kind.INSTANT, Kind.OTHER, Kind.TIME), strict=True)
        )
        moment = datetime(2024, 1, 1, 12, tzinfo=UTC)
        found = Result(
            fields, [(inf, "x" * 40_000, moment, {"a": 1}, time(6)), (nan, "\x01_x0041_", None, Decimal("1.5"), None)]
        )
        read = sheet(formats.write("xlsx", {"d": found}, single=True), dtypes="string")
        self.assertEqual(read["a"].to_list(), ["inf", None])
        self.assertEqual(len(read["b"].to_list()[0]), 32_767)
        self.assertEqual(read["c"].to_list(), ["2024-01-01 12:00:00", None])
        self.assertEqual(read["d"].to_list(), ['{"a":1}', "1.5"])

    def test_no_rows_and_no_columns(self) -> None:
        self.assertEqual(sheet(download(FRAME.head(0), "xlsx")).columns, FRAME.columns)
        written = formats.write("xlsx", {"d": Result((), [])}, single=True)
        self.assertEqual(fastexcel.read_excel(written).sheet_names, ["d"])

    def test_more_than_a_sheet_holds_is_refused(self) -> None:
        found = Result((Field("a", Kind.INT),), [(1,)] * 1_048_576)
        with self.assertRaisesRegex(
            ValueError, "sales: 1,048,577 rows and 1 columns; a sheet of Excel holds 1,048,576"
        ):
            formats.write("xlsx", {"sales": found}, single=True)


class ColumnarTests(SynchronousTestCase):
    def test_values_have_their_types(self) -> None:
        for found in (answer(), rows()):
            parquet = pl.read_parquet(formats.write("parquet", {"data": found}, single=True))
            arrow = pl.read_ipc(formats.write("arrow", {"data": found}, single=True))
            self.assertTrue(parquet.equals(FRAME), parquet)
            self.assertEqual(parquet.schema, FRAME.schema)
            self.assertTrue(arrow.equals(FRAME), arrow)

    def test_compressions(self) -> None:
        for name, options in (("parquet", {"compression": "snappy"}), ("arrow", {"compression": "lz4"})):
            written = formats.write(name, {"data": answer()}, single=True, options=options)
            self.assertTrue((pl.read_parquet if name == "parquet" else pl.read_ipc)(written).equals(FRAME))
            with self.assertRaisesRegex(ValueError, "compression 'zip' is not one of"):
                formats.write(name, {"data": answer()}, single=True, options={"compression": "zip"})

    def test_columns_without_a_type_are_texts(self) -> None:
        fields = (Field("o", Kind.OTHER), Field("n", Kind.INT))
        found = Result(fields, [({"a": 1}, 1), (b"\xff", "many"), (None, None)])
        read = pl.read_parquet(formats.write("parquet", {"d": found}, single=True))
        self.assertEqual(read["n"].to_list(), ["1", "many", None])
        self.assertEqual(read["o"].to_list()[2], None)

    def test_nothing(self) -> None:
        for name, read in (("parquet", pl.read_parquet), ("arrow", pl.read_ipc)):
            self.assertEqual(read(download(FRAME.head(0), name)).schema, FRAME.schema)
            self.assertEqual(read(formats.write(name, {"d": Result((), [])}, single=True)).shape, (0, 0))


class SlidesTests(SynchronousTestCase):
    def slides(self, written: bytes) -> list[tuple[str, list[list[str]]]]:
        """The title and the cells of each slide."""
        deck = import_module("pptx").Presentation(io.BytesIO(written))
        return [
            (
                slide.shapes.title.text,
                [
                    [cell.text for cell in row.cells]
                    for shape in slide.shapes
                    if shape.has_table
                    for row in shape.table.rows
                ],
            )
            for slide in deck.slides
        ]

    def test_a_slide_has_a_table(self) -> None:
        [(title, cells)] = self.slides(formats.write("pptx", {"sales": answer()}, single=True))
        self.assertEqual((title, cells[0]), ("sales", FRAME.columns))
        self.assertEqual(cells[1][:6], ["1", "Oslo", "10.5", str(2**63 - 1), "true", "2024-01-31"])
        self.assertEqual(cells[3][1], "")

    def test_long_tables_have_more_slides(self) -> None:
        long = pl.DataFrame({"n": range(40)})
        found = self.slides(formats.write("pptx", {"a": long, "b": answer()}, single=False))
        self.assertEqual([title for title, _ in found], ["a (1-15 of 40)", "a (16-30 of 40)", "a (31-40 of 40)", "b"])
        self.assertEqual(found[2][1][1:], [[str(n)] for n in range(30, 40)])
        [(title, cells)] = self.slides(download(long.head(30), "pptx", rows=30, title="All"))
        self.assertEqual((title, len(cells)), ("All", 31))

    def test_what_is_left_out_is_said(self) -> None:
        wide = pl.DataFrame({f"c{n}": range(510) for n in range(30)})
        found = self.slides(download(wide, "pptx", rows=30))
        self.assertEqual(len(found), 17)
        self.assertEqual(found[-1][0], "data (481-500 of 510), without 10 more rows and 10 more columns")
        self.assertEqual(len(found[-1][1][0]), 20)

    def test_nothing_and_odd_texts(self) -> None:
        self.assertEqual(self.slides(download(FRAME.head(0), "pptx")), [("data", [FRAME.columns])])
        self.assertEqual(self.slides(formats.write("pptx", {"d": Result((), [])}, single=True)), [("d", [])])
        [(_, cells)] = self.slides(download([{"a\0": "x\x01<b>&"}], "pptx"))
        self.assertEqual(cells, [["a "], ["x <b>&"]])

    def test_wrong_options(self) -> None:
        options: Mapping[str, Any]
        for options, said in (
            ({"rows": 0}, "rows 0 is not a whole number from 1 to 30"),
            ({"font_size": "x"}, "font_size 'x'"),
        ):
            with self.assertRaisesRegex(ValueError, said):
                download(FRAME, "pptx", **options)
