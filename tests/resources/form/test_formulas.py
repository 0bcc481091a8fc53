"""Texts that a spreadsheet would take for formulas, in the files that FormHandler makes."""

from __future__ import annotations

import csv
import io
import sqlite3
from contextlib import closing

import polars as pl

from gramex_twisted.testing import AppTestCase

TEXTS = ("=1+2", '=HYPERLINK("http://example.org")', "+47 22", "-x", "@me", "plain", "1-2")


class FormulaTests(AppTestCase):
    config = """
        url:
          kept: {pattern: /kept, handler: FormHandler, kwargs: {url: $YAMLPATH/a.csv}}
          escaped: {pattern: /escaped, handler: FormHandler, kwargs: {url: $YAMLPATH/a.csv, formulas: escape}}
          database:
            pattern: /database
            handler: FormHandler
            kwargs: {url: "sqlite:///$YAMLPATH/a.db", table: t, formulas: escape}
          format:
            pattern: /format
            handler: FormHandler
            kwargs:
              url: $YAMLPATH/a.csv
              formats: {safe: {format: csv, formulas: escape, bom: false}}
    """

    def setUp(self) -> None:
        super().setUp()
        with open(self.folder / "a.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["n", "text"], *enumerate(TEXTS)])
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
            connection.executemany("INSERT INTO t VALUES (?, ?)", enumerate(TEXTS))
            connection.commit()

    def texts(self, url: str) -> list[str]:
        """The column of a CSV file."""
        response = self.get(url)
        self.assertEqual(response.status, 200, response.text)
        return [row["text"] for row in csv.DictReader(io.StringIO(response.body.decode("utf-8-sig")))]

    def test_in_csv_they_stay_unless_the_route_says_otherwise_also_where_rows_are_streamed(self) -> None:
        escaped = [f"'{text}" for text in TEXTS[:5]] + list(TEXTS[5:])
        self.assertEqual(self.texts("/kept?_format=csv"), list(TEXTS))
        for url in ("/escaped?_format=csv", "/format?_format=safe", "/database?_format=csv"):
            self.assertEqual(self.texts(url), escaped, url)
        self.assertEqual(self.texts("/database?_format=csv&_limit=1000000"), escaped)
        self.assertEqual(self.texts("/format?_format=csv"), list(TEXTS))

    def test_in_xlsx_they_are_texts_and_json_has_them_as_they_are(self) -> None:
        for url in ("/kept", "/escaped", "/database"):
            book = pl.read_excel(io.BytesIO(self.get(f"{url}?_format=xlsx").body))
            self.assertEqual(book["text"].to_list(), list(TEXTS), url)
            self.assertEqual([row["text"] for row in self.get(url).json()], list(TEXTS), url)
