"""Converters give what plain Python would, and fail where it fails."""

import collections.abc
import datetime
import decimal
import enum
import math
import pathlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Optional, Union

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from twisted.trial.unittest import TestCase

from gramex_twisted.converters import FAILURES, converter_for


class Colour(enum.Enum):
    RED = "r"
    BLUE = 2


class Point(BaseModel):
    x: int
    y: int = 0


@dataclass
class Size:
    width: int


def outcome(function: Callable[[Any], Any], value: Any) -> Any:
    """The result, or FAILURES when it fails."""
    try:
        return function(value)
    except FAILURES:
        return FAILURES


class Conversions(TestCase):
    def check(self, hint: Any, cases: dict[Any, Any]) -> None:
        convert = converter_for(hint).convert
        for value, expected in cases.items():
            got = outcome(convert, value)
            self.assertEqual((hint, value, got, type(got)), (hint, value, expected, type(expected)))

    def test_numbers(self) -> None:
        self.check(
            int, {"0010": 10, " 7 ": 7, "-1": -1, "1.5": FAILURES, "": FAILURES, "x": FAILURES, 3: 3, 2.5: FAILURES}
        )
        self.check(int, {2.0: 2, True: FAILURES, None: FAILURES, math.inf: FAILURES, "9" * 5000: FAILURES})
        self.check(float, {"1.5": 1.5, "1e3": 1000.0, 2: 2.0, True: FAILURES, "1,5": FAILURES})
        self.check(decimal.Decimal, {"1.10": decimal.Decimal("1.10"), "x": FAILURES})

    def test_booleans(self) -> None:
        for word in ("true", "True", "YES", "y", "t", "on", "1", "2", " on ", 1, True, 0.5):
            self.check(bool, {word: True})
        for word in ("false", "FALSE", "no", "n", "f", "off", "0", "-1", 0, False):
            self.check(bool, {word: False})
        self.check(bool, {"": FAILURES, "maybe": FAILURES, "nan": FAILURES})

    def test_text_and_dates(self) -> None:
        self.check(str, {"x": "x", 5: "5", "": ""})
        self.check(bytes, {"λ": "λ".encode()})
        self.check(datetime.date, {"2024-02-29": datetime.date(2024, 2, 29), "2023-02-29": FAILURES, "": FAILURES})
        utc = datetime.UTC
        self.check(datetime.datetime, {"2024-01-02T03:04:05Z": datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=utc)})
        self.check(datetime.datetime, {"2024-01-02": datetime.datetime(2024, 1, 2), "yesterday": FAILURES, 5: FAILURES})
        self.check(datetime.time, {"23:59": datetime.time(23, 59)})
        number = uuid.uuid4()
        self.check(uuid.UUID, {str(number): number, "x": FAILURES, 5: FAILURES})
        self.check(pathlib.PurePosixPath, {"a/b": pathlib.PurePosixPath("a/b")})

    def test_choices(self) -> None:
        self.check(Literal["a", 1], {"a": "a", "1": 1, 1: 1, "b": FAILURES, "": FAILURES})
        self.check(Colour, {"r": Colour.RED, "2": Colour.BLUE, 2: Colour.BLUE, "BLUE": Colour.BLUE, "b": FAILURES})
        self.assertEqual(converter_for(Colour).expected, "one of r, 2")

    def test_unions_take_the_first_that_fits(self) -> None:
        self.check(Optional[int], {"1": 1, "": None, "x": FAILURES})  # noqa: UP045
        self.check(int | None, {"1": 1, "": None})
        self.check(str | None, {"": ""})
        self.check(Union[int, float, str], {"1": 1, "1.5": 1.5, "x": "x"})  # noqa: UP007
        self.assertEqual(converter_for(int | float | None).expected, "int or float")

    def test_lists(self) -> None:
        for hint, expected in (
            (list[int], [1, 2]),
            (list[int], [1, 2]),
            (collections.abc.Sequence[int], [1, 2]),
            (tuple[int, ...], (1, 2)),
            (set[int], {1, 2}),
            (frozenset[int], frozenset({1, 2})),
            (tuple[int, str], (1, "2")),
            (list, ["1", "2"]),
            (list[int] | None, [1, 2]),
            (int | list[int], [1, 2]),
            (list[int | str], [1, 2]),
        ):
            converter = converter_for(hint)
            self.assertTrue(converter.many)
            self.assertEqual((hint, converter.convert(["1", "2"])), (hint, expected))
        self.assertEqual(converter_for(int | list[int]).convert(["1"]), 1)
        self.assertIs(outcome(converter_for(tuple[int, str]).convert, ["1"]), FAILURES)
        self.assertIs(outcome(converter_for(list[int]).convert, ["1", "x"]), FAILURES)
        self.assertEqual(converter_for(list[float]).expected, "list of float")

    def test_objects(self) -> None:
        self.assertEqual(converter_for(dict).convert('{"a": 1}'), {"a": 1})
        self.assertEqual(converter_for(dict[str, int]).convert({"a": 1}), {"a": 1})
        self.assertIs(outcome(converter_for(dict).convert, "[1]"), FAILURES)
        self.assertEqual(converter_for(Point).convert({"x": "1"}), Point(x=1))
        self.assertEqual(converter_for(Point).convert('{"x": 1, "y": 2}'), Point(x=1, y=2))
        self.assertEqual(converter_for(Size).convert({"width": 3}), Size(3))
        self.assertIs(outcome(converter_for(Point).convert, {}), FAILURES)

    def test_annotated_checks_hold(self) -> None:
        converter = converter_for(Annotated[int, Field(ge=1, le=9), "a remark"])
        self.assertEqual(converter.expected, "int (at least 1, at most 9)")
        self.assertEqual(converter.convert("9"), 9)
        self.assertIs(outcome(converter.convert, "10"), FAILURES)
        self.assertEqual(converter_for(Annotated[str, "a remark"]).convert("x"), "x")
        self.assertIs(outcome(converter_for(Annotated[str, Field(pattern="^a")]).convert, "b"), FAILURES)

    def test_without_a_type_the_value_stays(self) -> None:
        for hint in (Any, object):
            self.assertEqual(converter_for(hint).convert("1"), "1")

    @settings(deadline=None, max_examples=200)
    @given(st.sampled_from([int, float, str]), st.text() | st.integers().map(str) | st.floats().map(str))
    def test_text_converts_as_in_python(self, kind: type, text: str) -> None:
        self.assertEqual(repr(outcome(converter_for(kind).convert, text)), repr(outcome(kind, text)))

    @settings(deadline=None, max_examples=100)
    @given(st.lists(st.text(max_size=3) | st.integers().map(str)))
    def test_a_list_converts_as_its_items(self, texts: list[str]) -> None:
        expected = outcome(lambda values: [int(value) for value in values], texts)
        self.assertEqual(outcome(converter_for(list[int]).convert, texts), expected)

    @settings(deadline=None, max_examples=200)
    @given(
        st.sampled_from(
            [int, float, bool, bytes, datetime.date, datetime.datetime, uuid.UUID, Colour, Point, Size, dict]
        )
        | st.sampled_from([Literal["a", 1], int | None, Annotated[int, Field(ge=1)], decimal.Decimal, int | str]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda s: st.lists(s), max_leaves=4
        ),
    )
    def test_no_value_fails_in_another_way(self, hint: Any, value: Any) -> None:
        outcome(converter_for(hint).convert, value)
