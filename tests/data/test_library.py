"""Tables for user functions."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pandas as pd  # type: ignore[import-untyped]
import polars as pl

from gramex_twisted import data
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.types import QueryError
from tests.data.sourcing import SourceCase

CSV = "city,sales,day\nOslo,1.5,2024-01-31\nRome,2.5,2024-02-29\nOslo,3.5,\n"


class FilterTests(SourceCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = str(self.write("x.csv", CSV))
        self.url = f"sqlite:///{self.folder}/x.db"
        data.alter(self.url, "t", columns={"city": "TEXT", "sales": "FLOAT"})
        data.insert(self.url, table="t", args={"city": ["Oslo", "Rome", "Oslo"], "sales": [1.5, 2.5, 3.5]})

    def test_what_goes_wrong(self) -> None:
        self.assertRaises(QueryError, data.filter, self.path, args={"sales": ["x"]})
        self.assertRaises(SourceError, data.filter, f"{self.path}.csv")
        self.assertRaises(ValueError, data.filter, self.path, engine="nonsense")
        self.assertRaises(ValueError, data.filter, self.url)
        self.assertRaises(SourceError, data.filter, 5)
        self.assertRaises(ValueError, data.insert, self.path)
        with self.assertRaises(AttributeError):
            _ = data.nothing

    def test_files_databases_and_frames(self) -> None:
        frame = pd.DataFrame({"city": ["Oslo", "Rome", "Oslo"], "sales": [1.5, 2.5, 3.5]})
        args = {"city": "Oslo", "sales>": [2], "_c": ["sales"]}
        for url, options in (
            (self.path, {}),
            (self.url, {"table": "t"}),
            (self.url, {"query": "SELECT * FROM {x}", "args": {**args, "x": ["t"]}}),
            (frame, {}),
            (pl.DataFrame({"city": ["Oslo", "Oslo"], "sales": [1.5, 3.5]}), {}),
        ):
            found = data.filter(url, **{"args": args, **options})
            self.assertEqual(found.to_dict("list"), {"sales": [3.5]})

    def test_columns_of_pandas_are_what_they_hold(self) -> None:
        found = data.filter(self.path)
        self.assertEqual(found["sales"].dtype.kind, "f")
        self.assertEqual(str(found["day"].iloc[0]), "2024-01-31")
        frame = pd.DataFrame({"at": pd.to_datetime(["2024-01-31 08:00", None]), "n": [1, None], "s": ["x", None]})
        found = data.filter(frame, args={"_sort": "-at"})
        self.assertEqual((found["at"].dtype.kind, found["n"].dtype.kind), ("M", "f"))
        self.assertTrue(found["at"].isna().tolist() == found["s"].isna().tolist() == [False, True])

    def test_meta(self) -> None:
        meta: dict[str, Any] = {}
        data.filter(self.path, {"city": ["Oslo"], "none": ["1"], "_limit": ["1"], "_sort": ["-sales"]}, meta)
        self.assertEqual(meta["filters"], [["city", "", ["Oslo"]]])
        self.assertEqual((meta["count"], meta["limit"], meta["sort"]), (2, 1, [["sales", False]]))
        self.assertEqual(meta["ignored"], [["none", ["1"]]])

    def test_a_transform_is_of_this_call_only(self) -> None:
        def ask(user: Any) -> Any:
            found = data.filter(self.path, transform=lambda frame: frame.assign(user=user.name), args={"_c": "user"})
            return found["user"].iloc[0]

        self.assertEqual([ask(type("H", (), {"name": name})()) for name in "ab"], ["a", "b"])
        calls: list[int] = []

        def counted(frame: Any, times: int) -> Any:
            calls.append(1)
            return frame.assign(sales=frame["sales"] * times)

        for times in (2, 2, 3):
            found = data.filter(self.path, transform=counted, transform_kwargs={"times": times}, args={"city": "Rome"})
            self.assertEqual(found["sales"].tolist(), [2.5 * times])

    def test_distinct_values(self) -> None:
        found = data.filtercols(self.path, args={"_c": ["city", "sales|range"], "city": ["Rome"]})
        self.assertEqual(sorted(found["city"]["city"]), ["Oslo", "Rome"])
        self.assertEqual(found["sales|range"].to_dict("list"), {"sales|min": [2.5], "sales|max": [2.5]})
        self.assertEqual(len(data.filtercols(self.url, table="t", args={"_c": ["city"]})["city"]), 2)

    def test_changes(self) -> None:
        path = str(self.folder / "new.csv")
        meta: dict[str, Any] = {}
        self.assertEqual(data.insert(path, args={"a": [1, 2], "b": ["x"]}, id=["a"]), 2)
        self.assertEqual(data.update(path, args={"a": [1], "b": ["z"]}, id=["a"]), 1)
        self.assertEqual(data.delete(path, {"a": ["2"]}, meta, id=["a"]), 1)
        self.assertEqual(data.filter(path).to_dict("list"), {"a": [1], "b": ["z"]})
        self.assertEqual(meta["filters"], [["a", "", [2]]])
        self.assertEqual(data.delete(self.url, table="t", args={"city": "Oslo"}, id="city"), 2)
        self.assertEqual(len(data.filter(self.url, table="t")), 1)

    def test_frames_are_changed_where_they_are(self) -> None:
        frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "y"], "c": [True, False, True]}, index=[7, 8, 9])
        meta: dict[str, Any] = {}
        self.assertEqual(data.insert(frame, {"a": [5, 6], "b": "z", "c": "no", "d": "1"}, meta, id=["a"]), 2)
        self.assertEqual((meta["inserted"], meta["ignored"]), ([{"a": 5}, {"a": 6}], [["d", ["1"]]]))
        self.assertEqual(data.update(frame, args={"b": ["y"], "a": ["9"]}, id="b"), 2)
        self.assertEqual(data.delete(frame, args={"a": ["1", "5"]}, id=["a"]), 2)
        self.assertEqual(frame.to_dict("list"), {"a": [9, 9, 6], "b": ["y", "y", "z"], "c": [False, True, False]})
        self.assertEqual(list(frame.index), [8, 9, 11])
        self.assertEqual(data.update(frame, args={"a": ["6"], "c": "", "b": "w"}, id="a"), 1)
        self.assertEqual(frame["c"].tolist(), [False, True, None])
        for wrong, said in (({"a": ["1.5"]}, "a=1.5: not a whole number"), ({"b": "x"}, "a: ")):
            with self.assertRaisesRegex(ValueError, said):
                data.update(frame, args=wrong, id="a")
        with self.assertRaisesRegex(ValueError, "can be changed, not Series"):
            data.insert(frame["a"], args={"a": "1"})
        with self.assertRaisesRegex(ValueError, "can be changed, not DataFrame"):
            data.insert(pl.DataFrame({"a": [1]}), args={"a": "1"})

    def test_frames_whose_rows_have_names_or_the_same_ones(self) -> None:
        named = pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
        self.assertEqual(data.delete(named, args={"a": ["1"]}, id="a"), 1)
        self.assertEqual(named.to_dict(), {"a": {"y": 2}})
        self.assertEqual(data.insert(named, args={"a": ""}), 1)
        self.assertEqual((list(named.index), named["a"].isna().tolist()), ([0, 1], [False, True]))
        twice = pd.DataFrame({"a": [1, 2, 3]}, index=[0, 0, 0])
        self.assertEqual(data.delete(twice, args={"a": ["2"]}, id="a"), 1)
        self.assertEqual(twice["a"].tolist(), [1, 3])
        empty = pd.DataFrame({"a": []})
        self.assertEqual(data.insert(empty, args={"a": ["1.5", "2"]}), 2)
        self.assertEqual(empty["a"].tolist(), [1.5, 2.0])

    def test_download(self) -> None:
        self.assertEqual(data.download(data.filter(self.path, {"_c": "city", "_limit": "1"})), b'[{"city":"Oslo"}]')


class ImportTests(SourceCase):
    def test_the_doors_import_nothing(self) -> None:
        code = (
            "import sys, gramex_twisted.data, gramex_twisted.cache\n"
            "print({'polars', 'pandas', 'sqlalchemy', 'numpy'} & set(sys.modules))"
        )
        found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(found.stdout.strip(), "set()")
