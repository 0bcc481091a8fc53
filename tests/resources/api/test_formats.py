"""Every format says the same, whatever a value is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgpack
import numpy as np
import orjson
import pandas as pd
import polars as pl
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.api.answers import is_light
from gramex_twisted.resources.api.caching import cache_control
from gramex_twisted.resources.api.formats.jsontext import to_json, to_lines
from gramex_twisted.resources.api.formats.msgpacked import to_msgpack
from gramex_twisted.resources.api.formats.plain import DEEPEST
from gramex_twisted.resources.api.formats.yamltext import to_yaml

LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text()
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


class Colour(Enum):
    RED = "r"


@dataclass
class Point:
    x: int
    when: date


def finite(value: Any) -> Any:
    """What JSON can say of it."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list) else value


class SameTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=100)
    @given(VALUES)
    def test_json_yaml_and_msgpack_read_back_as_what_was_written(self, value: Any) -> None:
        self.assertEqual(orjson.loads(to_json(value)), finite(value))
        self.assertEqual(yaml.safe_load(to_yaml(value)), finite(value))
        self.assertEqual(msgpack.unpackb(to_msgpack(value)), finite(value))

    def test_what_is_not_json_by_itself(self) -> None:
        for value, expected in (
            (Colour.RED, "r"),
            (Decimal("1.5"), 1.5),
            (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
            ({1}, [1]),
            (Point(1, date(2024, 1, 2)), {"x": 1, "when": "2024-01-02"}),
            (np.arange(3), [0, 1, 2]),
            (np.float64(1.5), 1.5),
            (pl.DataFrame({"a": [1, None]}), [{"a": 1}, {"a": None}]),
            (pd.DataFrame({"a": [1.5, float("nan")]}), [{"a": 1.5}, {"a": None}]),
            (pd.Timestamp("2024-01-02"), "2024-01-02T00:00:00+00:00"),
            (pd.NaT, None),
            (b"text", "text"),
            ({Colour.RED: 1, date(2024, 1, 2): 2, 1.5: 3, None: 4}, {"r": 1, "2024-01-02": 2, "1.5": 3, "null": 4}),
        ):
            self.assertEqual(orjson.loads(to_json({"v": value})), {"v": expected}, value)
            self.assertEqual(yaml.safe_load(to_yaml({"v": value})), {"v": expected}, value)
        self.assertEqual(msgpack.unpackb(to_msgpack(b"\xff")), b"\xff")
        self.assertEqual(to_json(datetime(2024, 1, 2)), b'"2024-01-02T00:00:00+00:00"')

    def test_what_cannot_be_said(self) -> None:
        loop: list[Any] = []
        loop.append(loop)
        deep: Any = 1
        for _ in range(DEEPEST + 10):
            deep = [deep]
        for write in (to_json, to_yaml, to_msgpack, to_lines):
            for value in (object(), [1, object()], {(1, 2): 3}, loop, deep, "\ud800"):
                self.assertRaises(TypeError, write, value)
            if write is not to_msgpack:
                self.assertRaises(TypeError, write, b"\xff\xfe")

    def test_lines(self) -> None:
        self.assertEqual(to_lines([{"a": 1}, "x\ny"]), b'{"a":1}\n"x\\ny"\n')
        self.assertEqual(to_lines({"a": 1}), b'{"a":1}\n')
        self.assertEqual(to_lines([]), b"")
        self.assertEqual(to_lines(pl.DataFrame({"a": [1, 2]})), b'{"a":1}\n{"a":2}\n')


class ChoiceTests(SynchronousTestCase):
    def test_what_is_written_on_the_reactor(self) -> None:
        for value in (None, 1, "x" * 100, {"a": [1, 2, {"b": None}]}, [0.5] * 99):
            self.assertTrue(is_light(value, 100), value)
        for value in ("x" * 10_000, list(range(101)), {"a": {"b": [[1] * 50, [2] * 50]}}, pl.DataFrame({"a": [1]})):
            self.assertFalse(is_light(value, 100), value)

    def test_ages(self) -> None:
        self.assertEqual(cache_control(5, None, None), ("max-age=5, public", "max-age=5, private"))
        self.assertEqual(cache_control(5, 6, None), ("max-age=6, public", "max-age=6, private"))
        self.assertEqual(cache_control(5, False, 7), ("max-age=7, public", "max-age=7, private"))
        self.assertEqual(cache_control(5, 6, 0), ("max-age=0", "max-age=0, private"))
        self.assertIsNone(cache_control(5, 6, False))
        self.assertIsNone(cache_control(False, None, None))
