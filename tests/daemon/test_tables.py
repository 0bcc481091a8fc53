"""Tables that are served without a gramex.yaml."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import xlsxwriter

from gramex_twisted.daemon.source import Source
from gramex_twisted.testing import AppTestCase


class TablesTests(AppTestCase):
    def serve(self, name: str) -> None:
        """Serve a file of the folder, or (".") all of it."""
        (self.folder / "gramex.yaml").unlink(missing_ok=True)
        source = Source.find(str(self.folder / name), ())
        text = source._text()
        assert text is not None
        self.app = self.make_app(text)
        (self.folder / "gramex.yaml").unlink()
        self.assertEqual([str(error) for error in self.app.gramex.errors], [])

    def database(self, name: str) -> None:
        with closing(sqlite3.connect(self.folder / name)) as connection:
            connection.execute("CREATE TABLE cities (id INTEGER PRIMARY KEY, city TEXT)")
            connection.execute("INSERT INTO cities (city) VALUES ('Oslo'), ('Rome')")
            connection.execute('CREATE TABLE "Odd, $name {x} <b>" (n INTEGER)')
            connection.execute("CREATE VIEW south AS SELECT * FROM cities WHERE city = 'Rome'")
            connection.commit()

    def test_the_table_of_a_file_is_the_home_page(self) -> None:
        self.write("My Sales.csv", "city,sales\nOslo,5\nRome,7\n")
        self.serve("My Sales.csv")
        page = self.get("/").text
        self.assertIn("<title>My Sales</title>", page)
        self.assertIn("<td>Rome", page)
        self.assertEqual(self.get("/?_format=json&city=Rome").json(), [{"city": "Rome", "sales": 7}])
        self.assertEqual(self.get("/my-sales?_format=json&_limit=1").json(), [{"city": "Oslo", "sales": 5}])

    def test_the_tables_of_a_database_are_listed_and_views_too(self) -> None:
        self.database("data.db")
        self.serve("data.db")
        page = self.get("/").text
        self.assertIn('<a href="/cities">cities</a>', page)
        self.assertIn('<a href="/odd-name-x-b">Odd, $name {x} &lt;b&gt;</a>', page)
        self.assertNotIn("<small", page)  # all are of one file
        self.assertEqual(self.get("/south?_format=json").json(), [{"id": 2, "city": "Rome"}])
        self.assertEqual(self.get("/odd-name-x-b?_format=json").json(), [])

    def test_nothing_can_be_changed(self) -> None:
        self.database("data.db")
        self.serve("data.db")
        response = self.request("DELETE", "/cities?id=1")
        self.assertEqual(response.status, 400)
        self.assertEqual(len(self.get("/cities?_format=json").json()), 2)

    def test_the_sheets_of_a_workbook(self) -> None:
        with xlsxwriter.Workbook(self.folder / "book.xlsx") as book:
            for name in ("North", "South East"):
                book.add_worksheet(name).write_column(0, 0, ["city", name])
        self.serve("book.xlsx")
        self.assertIn('<a href="/book-south-east">book South East</a>', self.get("/").text)
        self.assertEqual(self.get("/book-north?_format=json").json(), [{"city": "North"}])

    def test_a_folder_has_its_tables_and_its_files(self) -> None:
        self.write("a.csv", "x\n1\n")
        self.write("b/c.txt", "text")
        self.database("a.db")
        (self.folder / "broken.db").write_bytes(b"x" * 2000)
        self.serve(".")
        page = self.get("/").text
        self.assertIn('<a href="/a">a</a>', page)
        self.assertIn('<a href="/cities">cities</a>', page)
        self.assertIn('<a href="/files/">All files</a>', page)
        self.assertIn('<a href="/a">a</a><small aria-hidden="true">a.csv</small>', page)
        self.assertIn("broken.db", self.get("/files/").text)
        self.assertEqual(self.get("/b/c.txt").text, "text")
        self.assertEqual(self.get("/a.csv").text, "x\n1\n")

    def test_a_folder_with_a_page_of_its_own_or_without_tables_is_just_files(self) -> None:
        self.write("a.csv", "x\n1\n")
        self.write("index.html", "<h1>Mine</h1>")
        self.serve(".")
        self.assertEqual(self.get("/").text, "<h1>Mine</h1>")

    def test_a_table_does_not_hide_a_file_of_its_name(self) -> None:
        self.write("a.csv", "x\n1\n")
        self.write("a", "a file")
        self.serve(".")
        self.assertEqual(self.get("/a").text, "a file")
        self.assertEqual(self.get("/a-2?_format=json").json(), [{"x": 1}])

    def test_the_source_is_named_by_the_file(self) -> None:
        path = self.write("a.csv", "x\n1\n")
        self.assertEqual(str(Source.find(str(path))), str(path))
        self.assertEqual(Source.find(str(path)).home, Path(self.folder))
