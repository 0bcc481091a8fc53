"""Workbooks keep what is not changed, and are not written where something would be lost."""

from __future__ import annotations

import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import xlsxwriter
from openpyxl.styles import Font
from openpyxl.worksheet.table import Table

from gramex_twisted.data.errors import DataError, ReadOnly
from gramex_twisted.data.types import QueryError
from tests.data.changing import ChangesTestCase


class WorkbookTests(ChangesTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.root / "t.xlsx"
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Data"
        sheet.append(["id", "name", "price", "day", "at", "clock", "ok"])
        sheet.append([1, "Oslo", 1.5, date(2024, 1, 31), datetime(2024, 1, 31, 8, 30), time(8, 30), True])
        sheet.append([2, "Bergen", 2.25, date(2024, 2, 29), datetime(2024, 2, 29, 9, 0, 1), time(9, 0, 1), False])
        sheet["C3"].number_format = "0.00"
        sheet["B2"].font = Font(bold=True)
        sheet.column_dimensions["B"].width = 33
        sheet.add_table(Table(displayName="Prices", ref="A1:G3"))
        notes = book.create_sheet("Notes")
        notes["B7"] = "keep me"
        book.save(self.path)
        self.table: Any = self.source(url="t.xlsx")

    def book(self, path: Path | None = None) -> Any:
        """The workbook as it is now."""
        return openpyxl.load_workbook(path or self.path)

    def test_formulas_charts_pictures_and_macros_are_not_lost_since_nothing_is_written(self) -> None:
        formula = self.book()
        formula["Notes"]["A1"] = "=1+1"
        formula.save(self.root / "formula.xlsx")
        chart = xlsxwriter.Workbook(self.root / "chart.xlsx")
        sheet = chart.add_worksheet()
        sheet.write_row(0, 0, ["id", "x"])
        sheet.write_row(1, 0, [1, 2])
        made = chart.add_chart({"type": "line"})
        made.add_series({"values": "=Sheet1!$B$2:$B$2"})
        sheet.insert_chart("D1", made)
        chart.close()
        with zipfile.ZipFile(self.path) as old, zipfile.ZipFile(self.root / "macro.xlsx", "w") as new:
            for name in old.namelist():
                new.writestr(name, old.read(name))
            new.writestr("xl/vbaProject.bin", b"")
        for name, what in (("formula", "formulas"), ("chart", "charts"), ("macro", "macros")):
            before = (self.root / f"{name}.xlsx").read_bytes()
            with self.assertRaisesRegex(ReadOnly, f"cannot be written, since it has {what}"):
                self.post(self.source(url=f"{name}.xlsx"), "id=3")
            self.assertEqual((self.root / f"{name}.xlsx").read_bytes(), before)

    def test_workbooks_that_are_read_in_part_are_refused(self) -> None:
        for options in (
            {"range": "A1:B3"},
            {"table": "Prices"},
            {"header": None},
            {"skiprows": 1},
            {"usecols": ["id"]},
        ):
            before = self.path.read_bytes()
            with self.assertRaises(DataError):
                self.post(self.source(url="t.xlsx", **options), "id=3")
            self.assertEqual(self.path.read_bytes(), before)

    def test_a_broken_workbook_is_an_error_and_stays(self) -> None:
        content = self.path.read_bytes()[:-200]
        (self.root / "broken.xlsx").write_bytes(content)
        for call in (self.post, self.put, self.delete):
            with self.assertRaises(DataError):
                call(self.source(url="broken.xlsx"), "id=1&name=x")
        self.assertEqual((self.root / "broken.xlsx").read_bytes(), content)

    def test_values_that_no_cell_holds_are_refused(self) -> None:
        for row, text in (
            ({"name": "a\x07b"}, "holds a control character"),
            ({"name": "a\uffff"}, "holds a control character"),
            ({"name": "x" * 32_768}, "longer than the 32767 characters"),
            ({"id": 2**53 + 1}, "too large for a cell"),
            ({"day": "1899-12-31"}, "before 1900"),
        ):
            with self.assertRaisesRegex(QueryError, text):
                self.post(self.table, [row])
        self.assertEqual(self.ids(self.table), [1, 2])

    def test_other_sheets_formats_and_widths_stay_and_new_rows_look_like_the_last(self) -> None:
        self.post(self.table, "id=3&name==SUM(A1)&price=9&day=2024-03-01&at=2024-03-01T10:11:12&clock=10:11:12&ok=y")
        self.put(self.table, "id=2&name=x")
        book = self.book()
        sheet = book["Data"]
        self.assertEqual(book["Notes"]["B7"].value, "keep me")
        self.assertEqual((sheet["C4"].number_format, sheet["B2"].font.b), ("0.00", True))
        self.assertEqual(sheet.column_dimensions["B"].width, 33)
        self.assertEqual((sheet["B4"].value, sheet["B4"].data_type), ("=SUM(A1)", "s"))
        self.assertEqual(sheet.tables["Prices"].ref, "A1:G4")
        found = self.ask(self.table, "id=3")[0]
        wanted = {
            "id": 3,
            "name": "=SUM(A1)",
            "price": 9.0,
            "day": date(2024, 3, 1),
            "at": datetime(2024, 3, 1, 10, 11, 12),
            "clock": time(10, 11, 12),
            "ok": True,
        }
        self.assertEqual(found, wanted)

    def test_any_text_comes_back(self) -> None:
        texts = [
            "_x0041_",
            "a\rb",
            "a\r\nb",
            " lead ",
            "\u2028",
            "\ue000",
            "'=1",
            "+1",
            "@x",
            "1",
            "TRUE",
            "2024-01-01",
        ]
        self.post(self.table, [{"id": place, "name": text} for place, text in enumerate(texts, 10)])
        self.assertEqual([row["name"] for row in self.ask(self.table, "id>=9")], texts)

    def test_deleted_rows_leave_no_gap(self) -> None:
        self.post(self.table, "id=3&id=4&id=5&name=n")
        self.assertEqual(self.delete(self.table, "id=1&id=3&id=5").count, 3)
        self.assertEqual(self.ids(self.table), [2, 4])
        self.assertEqual(self.book()["Data"].tables["Prices"].ref, "A1:G3")

    def test_a_sheet_by_its_name(self) -> None:
        book = self.book()
        sheet = book.create_sheet("Second")
        for values in (("id", "x"), (1, "a"), (2, "b")):
            sheet.append(values)
        book.save(self.path)
        source = self.source(url="t.xlsx", sheet_name="Second")
        self.post(source, "id=3&x=c")
        self.delete(source, "id=1")
        self.assertEqual([row[0].value for row in self.book()["Second"].rows], ["id", 2, 3])
        self.assertEqual(self.ids(self.table), [1, 2])

    def test_a_sheet_whose_table_does_not_begin_in_the_corner_is_not_written(self) -> None:
        book = openpyxl.Workbook()
        for row, values in enumerate((("id", "x"), (1, "a"), (2, "b")), 4):
            for column, value in enumerate(values, 3):
                book.active.cell(row, column, value)
        path = self.root / "late.xlsx"
        book.save(path)
        before = path.read_bytes()
        self.assertRaises(DataError, self.post, self.source(url="late.xlsx"), "id=3")
        self.assertEqual(path.read_bytes(), before)
