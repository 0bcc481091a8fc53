"""Frames as they really are: narrow, nested, categorical, with NaN and infinite numbers, lazy or not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import inf, nan
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import frame
from gramex_twisted.data.arguments import parse
from tests.data.backends import arguments


def ask(table: frame.FrameTable, url: str) -> frame.FrameResult:
    """The answer."""
    return frame.run(parse(arguments(url), table.schema), table)


def ids(table: frame.FrameTable, url: str) -> list[int]:
    """The ids of the answer."""
    return [row[0] for row in ask(table, f"{url}&_c=id").rows]


class KindTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.frame = pl.DataFrame(
            {
                "id": pl.Series([1, 2, 3], dtype=pl.UInt8),
                "u64": pl.Series([2**64 - 1, 1, None], dtype=pl.UInt64),
                "f32": pl.Series([0.5, nan, None], dtype=pl.Float32),
                "f64": [inf, -inf, nan],
                "dec": pl.Series([Decimal("1.10"), None, Decimal("-2.00")], dtype=pl.Decimal(10, 2)),
                "cat": pl.Series(["b", "a", None], dtype=pl.Categorical),
                "enum": pl.Series(["z", "a", None], dtype=pl.Enum(["z", "a"])),
                "none": pl.Series([None] * 3, dtype=pl.Null),
                "ms": pl.Series([datetime(2024, 1, 31, 8), None, None], dtype=pl.Datetime("ms")),
                "ns": pl.Series([datetime(2024, 1, 31, 8, 0, 0, 1), None, None], dtype=pl.Datetime("ns")),
                "oslo": pl.Series([datetime(2024, 1, 31, 8, tzinfo=UTC)] * 3).dt.convert_time_zone("Europe/Oslo"),
                "list": [[1, 2], [], None],
                "struct": [{"a": 1}, {"a": None}, None],
                "bytes": [b"\xff", b"", None],
                "span": [timedelta(hours=1), None, None],
            }
        )
        self.table = frame.table_of(self.frame)

    def test_every_type_is_of_a_kind(self) -> None:
        kinds = {
            "id": "INT",
            "u64": "INT",
            "f32": "FLOAT",
            "f64": "FLOAT",
            "dec": "DECIMAL",
            "cat": "TEXT",
            "enum": "TEXT",
        }
        kinds |= {
            "none": "TEXT",
            "ms": "DATETIME",
            "ns": "DATETIME",
            "oslo": "INSTANT",
            "list": "OTHER",
            "struct": "OTHER",
        }
        kinds |= {"bytes": "OTHER", "span": "OTHER"}
        self.assertEqual({field.name: field.kind.name for field in self.table.schema.fields}, kinds)

    def test_columns_of_every_type_are_filtered_and_sorted(self) -> None:
        found = {
            "u64>=1": [1],
            "u64=1": [2],
            "f32=0.5": [1],
            "f32!": [2, 3],
            "f64!": [3],
            "f64>=5": [1],
            "_sort=f64": [2, 1, 3],
            "_sort=-f64": [1, 2, 3],
            "dec=1.1": [1],
            "dec<=0": [3],
            "cat=b": [1],
            "cat~=^a": [2],
            "_sort=cat": [2, 1, 3],
            "_sort=enum": [2, 1, 3],
            "none!": [1, 2, 3],
            "none=x": [],
            "ms=2024-01-31T08:00": [1],
            "ns=2024-01-31T08:00:00.000001": [1],
            "oslo=2024-01-31T08:00": [1, 2, 3],
            "oslo=2024-01-31T09:00%2B01:00": [1, 2, 3],
            "list": [1, 2],
            "struct!": [3],
            "bytes!": [3],
            "span": [1],
        }
        self.assertEqual({url: ids(self.table, url) for url in found}, found)

    def test_the_answer_is_json_whatever_the_type(self) -> None:
        expected = {
            "id": 1,
            "u64": 2**64 - 1,
            "f32": 0.5,
            "f64": None,
            "dec": 1.1,
            "cat": "b",
            "enum": "z",
            "none": None,
            "ms": "2024-01-31T08:00:00",
            "ns": "2024-01-31T08:00:00.000001",
            "oslo": "2024-01-31T08:00:00+00:00",
            "list": [1, 2],
            "struct": {"a": 1},
            "bytes": "/w==",
            "span": 3600.0,
        }
        self.assertEqual(json.loads(ask(self.table, "_limit=1").json()), [expected])

    def test_a_lazy_frame_answers_the_same(self) -> None:
        lazy = frame.table_of(self.frame.lazy())
        for url in ("", "_limit=2", "_sort=-cat&_limit=1", "_by=&_c=dec|sum&_c=cat|max", "u64>=1&_c=id"):
            self.assertEqual(ask(lazy, url).json(), ask(self.table, url).json(), url)

    def test_pages_go_on_after_infinite_numbers(self) -> None:
        for sort, order in {"f64": [2, 1, 3], "-f64": [1, 2, 3]}.items():
            found, after = [], ""
            for _ in order:
                result = ask(self.table, f"_sort={sort}&_limit=1&_after={after}&_c=id")
                found += [row[0] for row in result.rows]
                after = result.after or ""
            self.assertEqual(found, order)

    def test_the_frame_itself_is_left_as_it_was(self) -> None:
        self.assertEqual(self.frame.columns[:3], ["id", "u64", "f32"])
        self.assertEqual(self.frame["cat"].dtype, pl.Categorical)

    def test_columns_that_polars_might_take_for_patterns(self) -> None:
        table = frame.table_of(pl.DataFrame({"^.*$": [1, 2], "*": [3, 4], "c0": [5, 6], "row": [7, 8], "": [9, 10]}))
        self.assertEqual(ask(table, "_limit=1").records(), [{"^.*$": 1, "*": 3, "c0": 5, "row": 7, "": 9}])
        self.assertEqual(ask(table, "*=4&_c=^.*$&_sort=-row&_limit=1").records(), [{"^.*$": 2}])


class JSONTests(SynchronousTestCase):
    def test_polars_writes_the_bytes_that_the_records_make(self) -> None:
        floats = st.floats(width=64)
        moments = st.datetimes(datetime(1000, 1, 1)) | st.datetimes().map(lambda moment: moment.replace(microsecond=0))
        texts = st.text(st.characters(blacklist_categories=["Cs"]), max_size=5)
        kinds: dict[str, tuple[Any, Any]] = {
            "f": (floats, pl.Float64),
            'quote"': (texts, pl.String),
            "b": (st.booleans(), pl.Boolean),
            "i": (st.integers(-(2**63), 2**63 - 1), pl.Int64),
            "d": (st.dates(date(1000, 1, 1)), pl.Date),
            "é": (moments.filter(lambda moment: moment.year >= 1000), pl.Datetime("us")),
            "t": (st.times(), pl.Time),
        }

        @settings(deadline=None, max_examples=100)
        @given(st.lists(st.tuples(*(st.none() | values for values, _ in kinds.values())), max_size=5))
        def check(rows: list[tuple[Any, ...]]) -> None:
            made = pl.DataFrame(rows, schema={name: dtype for name, (_, dtype) in kinds.items()}, orient="row")
            found = ask(frame.table_of(made), "")
            self.assertEqual(found.json(), found.result().json())

        check()

    def test_times_keep_their_microseconds(self) -> None:
        table = frame.table_of(
            pl.DataFrame({"t": [time(1, 2, 3), time(1, 2, 3, 4000)], "at": [datetime(2024, 1, 1), None]})
        )
        expected = b'[{"t":"01:02:03","at":"2024-01-01T00:00:00"},{"t":"01:02:03.004000","at":null}]'
        self.assertEqual(ask(table, "").json(), expected)


class ImportTests(SynchronousTestCase):
    def test_importing_the_package_imports_no_library(self) -> None:
        modules = "frame sql sqlite arguments distinct records cursor query regexparser framegroups framecolumns"
        code = f"import sys\nfrom gramex_twisted.data import {', '.join(modules.split())}\nprint(*sys.modules)"
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment)
        loaded = run.stdout.split()
        self.assertIn("gramex_twisted.data.sql", loaded)
        self.assertEqual(set(loaded) & {"polars", "sqlalchemy", "re2", "numpy", "twisted"}, set())
