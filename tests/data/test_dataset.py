"""What the kwargs of a dataset mean."""

from __future__ import annotations

import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.sources.dataset import Dataset, parse


class DatasetTests(SynchronousTestCase):
    def test_known_keys_and_options(self) -> None:
        found = parse({"url": "x.csv", "sep": ";", "id": "a", "argstype": {"x": "int"}, "table": None})
        expected = Dataset("x.csv", id=("a",), argstype={"x": {"type": "int"}}, options={"sep": ";"})
        self.assertEqual(found, expected)

    def test_a_list_of_tables_is_the_state_of_a_query(self) -> None:
        found = parse({"url": "sqlite:///x.db", "query": "SELECT 1", "table": ["a", "b"]})
        self.assertEqual((found.table, found.state), (None, ["a", "b"]))

    def test_names_of_columns_without_types_make_no_table(self) -> None:
        self.assertEqual(parse({"url": "x", "columns": ["a"]}), parse({"url": "x"}))

    def test_what_cannot_be(self) -> None:
        for kwargs, key in (
            ({"url": 5}, "url: must be text, not 5"),
            ({"url": " "}, "url: must be text"),
            ({"url": "x", "table": {}}, "table: must be text"),
            ({"url": "x", "columns": 5}, "columns: must be a mapping"),
            ({"url": "x", "argstype": 1}, "argstype: must be a mapping"),
            ({"url": "x", "id": [1]}, "id: must be a name or a list of names"),
            (
                {"url": "postgresql://u:secret@h/d"},
                "url: postgresql://u:***@h/d is a database, and needs table:",
            ),
        ):
            with self.assertRaises(ValueError) as caught:
                parse(kwargs)
            self.assertTrue(str(caught.exception).startswith(key), str(caught.exception))

    def test_what_reading_takes_can_be_imported_before(self) -> None:
        code = (
            "import sys\nfrom gramex_twisted.data.sources import preload\n"
            "from gramex_twisted.data.sources.dataset import Dataset\n"
            "for url in sys.argv[1:]: preload(Dataset(url))\n"
            "print('polars' in sys.modules, 'sqlalchemy' in sys.modules)"
        )

        def loaded(*urls: str) -> str:
            return subprocess.run(
                [sys.executable, "-c", code, *urls], capture_output=True, text=True, check=True
            ).stdout

        self.assertEqual(loaded(), "False False\n")
        self.assertEqual(loaded("x.csv", "x.nonsense"), "True False\n")
        self.assertEqual(loaded("sqlite:///x.db"), "False True\n")

    def test_which_urls_are_databases(self) -> None:
        for url in ("x.csv", "C:/x.csv", "C:\\x.csv", "http://h/x.csv", "dir:///x", "file:///x.csv", "a:b.csv"):
            self.assertFalse(Dataset(url).is_database, url)
        for url in ("sqlite:///x.db", "postgresql+psycopg://h/d", "mysql://h/d"):
            self.assertTrue(Dataset(url).is_database, url)
