"""What user functions return, as bytes."""

from __future__ import annotations

import json
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.web.values import HTML, JSON, encode


class Color(Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: float


class Text(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")


class EncodeTests(SynchronousTestCase):
    def test_text_and_bytes_stay_as_they_are(self) -> None:
        self.assertEqual(encode("é"), ("é".encode(), HTML))
        self.assertEqual(encode(b"\xff"), (b"\xff", HTML))
        self.assertEqual(encode(Text("x")), (b"x", HTML))

    def test_none_is_nothing(self) -> None:
        self.assertEqual(encode(None), (b"", None))

    def test_everything_else_is_json(self) -> None:
        cases: list[tuple[Any, str]] = [
            (1, "1"),
            (1.5, "1.5"),
            (True, "true"),
            (float("nan"), "null"),
            ([1, "a", None], '[1,"a",null]'),
            ((1, 2), "[1,2]"),
            ({"a": {1: 2}}, '{"a":{"1":2}}'),
            ({1}, "[1]"),
            (AttrDict(a=AttrDict(b=1)), '{"a":{"b":1}}'),
            (OrderedDict(a=1), '{"a":1}'),
            (MappingProxyType({"a": 1}), '{"a":1}'),
            (Pair(1, 2), "[1,2]"),
            (datetime(2026, 1, 2, 3, 4), '"2026-01-02T03:04:00"'),
            (date(2026, 1, 2), '"2026-01-02"'),
            (timedelta(minutes=1), "60.0"),
            (Decimal("1.25"), "1.25"),
            (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
            (Path("/a/b"), '"/a/b"'),
            (Color.RED, '"red"'),
            (Point(1, 2.0), '{"x":1,"y":2.0}'),
            ({"b": b"bytes"}, '{"b":"bytes"}'),
            (2**70, f"{2**70}"),
            ({"a": [2**70, 1]}, f'{{"a":[{2**70},1]}}'),
            ([Text("x")], '["x"]'),
        ]
        for value, text in cases:
            self.assertEqual(encode(value), (text.encode(), JSON), repr(value))

    def test_what_json_cannot_say_is_a_type_error(self) -> None:
        error = self.assertRaises(TypeError, encode, object())
        self.assertEqual(
            str(error),
            "the function returned a object that is no text and no JSON: object cannot be written as JSON",
        )

    def test_a_value_that_contains_itself_is_a_type_error(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        self.assertRaises(TypeError, encode, loop)

    @settings(deadline=None, max_examples=200)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers(-(2**63), 2**63)
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(st.characters(exclude_categories=["Cs"])),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        )
    )
    def test_json_values_survive_the_trip(self, value: Any) -> None:
        if isinstance(value, (str, type(None))):
            return
        self.assertEqual(json.loads(encode(value).body), value)


class FrameTests(SynchronousTestCase):
    def test_numpy_is_json(self) -> None:
        try:
            import numpy as np
        except ImportError:
            self.skipTest("numpy is not installed")
        self.assertEqual(encode(np.int64(3)).body, b"3")
        self.assertEqual(encode({"a": np.arange(3)}).body, b'{"a":[0,1,2]}')
        self.assertEqual(encode(np.array(["a", "b"])).body, b'["a","b"]')

    def test_a_data_frame_is_a_list_of_records(self) -> None:
        try:
            import pandas as pd
        except ImportError:
            self.skipTest("pandas is not installed")
        frame = pd.DataFrame({"d": [pd.Timestamp("2026-01-02"), pd.NaT], "x": [1.5, float("nan")], "n": ["a", None]})
        self.assertEqual(
            json.loads(encode(frame).body),
            [{"d": "2026-01-02T00:00:00", "x": 1.5, "n": "a"}, {"d": None, "x": None, "n": None}],
        )
        self.assertEqual(encode(pd.Series([1, 2])).body, b'{"0":1,"1":2}')

    def test_a_polars_frame_is_a_list_of_records(self) -> None:
        try:
            import polars as pl
        except ImportError:
            self.skipTest("polars is not installed")
        self.assertEqual(encode(pl.DataFrame({"x": [1, 2]})).body, b'[{"x":1},{"x":2}]')
