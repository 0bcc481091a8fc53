"""Random tables and random questions: polars and every database agree with plain Python."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import date, datetime, time
from math import isclose, nan
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.arguments import parse
from gramex_twisted.data.types import Kind
from tests.data import model
from tests.data.backends import Data, FrameBackend, SQLBackend, Table, table_of

COLUMNS = (
    ("id", Kind.INT),
    ("t", Kind.TEXT),
    ("u v", Kind.TEXT),
    ("n", Kind.INT),
    ("f", Kind.FLOAT),
    ("b", Kind.BOOL),
    ("d", Kind.DATE),
    ("at", Kind.DATETIME),
    ("clock", Kind.TIME),
)
KINDS = dict(COLUMNS)
LETTERS = "aAbé Z%_\\.東"
texts = st.text(LETTERS, max_size=3)
numbers = st.integers(-3, 3) | st.sampled_from([2**62, -(2**62), 2**53 + 1])
floats = st.integers(-12, 12).map(lambda quarters: quarters / 4) | st.just(nan)
dates = st.dates(date(2024, 1, 1), date(2024, 1, 4))
moments = st.datetimes(datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 3)) | dates.map(
    lambda day: datetime.combine(day, time())
)
times = st.sampled_from([time(), time(8), time(23, 59, 59, 999999), time(0, 0, 0, 1)])
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "t": texts,
    "u v": texts,
    "n": numbers,
    "f": floats,
    "b": st.booleans(),
    "d": dates,
    "at": moments,
    "clock": times,
}


@st.composite
def tables(draw: st.DrawFn) -> Data:
    """A small table, with many equal values and nulls."""
    cells = st.tuples(*(st.none() | values for values in VALUES.values()))
    rows = draw(st.lists(cells, max_size=12))
    return Data(COLUMNS, tuple((number, *row) for number, row in enumerate(rows)))


def patterns() -> st.SearchStrategy[str]:
    """Regular expressions that Python, too, takes to mean what ours do."""
    atoms = st.sampled_from([*"aAbé東 .%_", r"\.", r"\\", "[aA]", "[^a]", "[a-c]", "[^é東]"])
    times = st.sampled_from(["", "", "*", "+", "?", "{2}", "*?"])
    quantified = st.builds(lambda atom, often: atom + often, atoms, times)
    series = st.lists(quantified, min_size=1, max_size=3).map("".join)
    grouped = st.builds(lambda a, b, times: f"({a}|{b}){times}", series, series, st.sampled_from(["", "?"]))
    return st.builds(
        lambda start, middle, end: start + middle + end,
        st.sampled_from(["", "^"]),
        series | grouped,
        st.sampled_from(["", "$"]),
    )


def written(value: Any) -> str:
    """A value as an argument."""
    return value.isoformat() if isinstance(value, date | time) else str(value)


@st.composite
def conditions(draw: st.DrawFn, grouped: bool) -> tuple[str, list[str]]:
    """One filter, or a condition on an aggregate."""
    name = draw(st.sampled_from(list(VALUES)))
    values, key = VALUES[name].filter(lambda value: value == value), name
    if grouped and draw(st.booleans()):
        function = draw(st.sampled_from(["count", "nunique", "min", "max", "first", "last"]))
        key = f"{name}|{function}"
        values = st.integers(0, 3) if function in ("count", "nunique") else values
    elif KINDS[name] is Kind.TEXT and draw(st.booleans()):
        op = draw(st.sampled_from(["~", "!~", "*", "!*"]))
        return f"{name}{op}", draw(st.lists(patterns(), min_size=1, max_size=2))
    op = draw(st.sampled_from(["", "!", ">", ">~", "<", "<~"]))
    return f"{key}{op}", [written(value) for value in draw(st.lists(values, max_size=3))]


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Sequence[str]]:
    """Arguments."""
    grouped = draw(st.booleans())
    args: dict[str, Sequence[str]] = dict(draw(st.lists(conditions(grouped), max_size=3)))
    names = ["id", *VALUES]
    if grouped:
        args["_by"] = draw(st.lists(st.sampled_from(names), max_size=2))
        sums = [f"{name}|{each}" for name in ("n", "f", "b") for each in ("sum", "avg", "median", "std", "var")]
        others = [f"{name}|{each}" for name in VALUES for each in ("min", "max", "count", "nunique", "first", "last")]
        shown = draw(st.lists(st.sampled_from(sums + others), max_size=4))
        # what floats are computed for differs in the last digit: no order by that
        sortable = [name for name in others + list(args["_by"]) if name]
        if shown:
            args["_c"] = shown
    else:
        sortable = names
        args["_c"] = draw(st.lists(st.sampled_from([*names, "-t", "-n"]), max_size=4))
    sorts = draw(st.lists(st.tuples(signs, st.sampled_from(sortable)), max_size=3))
    args["_sort"] = [sign + name for sign, name in sorts]
    if draw(st.booleans()):
        args["_limit"] = [str(draw(st.integers(0, 6)))]
        args["_offset"] = [str(draw(st.integers(0, 4)))]
    return args


signs = st.sampled_from(["", "-"])


def equal(one: Any, other: Any) -> bool:
    """The same, but for the last digits of floats."""
    if isinstance(one, float) and isinstance(other, float | int):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def same(found: Sequence[dict[str, Any]], expected: Sequence[dict[str, Any]]) -> bool:
    """The same records."""
    pairs = [zip(one.items(), other.items(), strict=False) for one, other in zip(found, expected, strict=False)]
    return [len(row) for row in found] == [len(row) for row in expected] and all(
        name == other and equal(value, wanted)
        for (name, value), (other, wanted) in itertools.chain.from_iterable(pairs)
    )


def holding(backend: str, data: Data) -> Table:
    """The backend's table of these columns, with the rows of `data`."""
    if backend == "frame":
        return FrameBackend(data.frame())
    table = table_of(backend, Data(COLUMNS, ()))
    assert isinstance(table, SQLBackend)
    table.replace(data)
    return table


def check(backend: str, examples: int) -> None:
    """Compare a backend with the model."""

    @settings(deadline=None, max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(tables(), st.lists(questions(), min_size=1, max_size=5))
    def compare(data: Data, asked: list[dict[str, Sequence[str]]]) -> None:
        table = holding(backend, data)
        for args in asked:
            query = parse(args, table.schema)
            found, expected = table.run(query).records(), model.answer(query, data)
            assert same(found, expected), f"{args}\n{found}\nis not\n{expected}"

    compare()


class ModelTests(SynchronousTestCase):
    def test_polars_agrees_with_plain_python(self) -> None:
        check("frame", 120)

    def test_sqlite_agrees_with_plain_python(self) -> None:
        check("sqlite", 80)

    def test_postgresql_agrees_with_plain_python(self) -> None:
        check("postgresql", 25)

    def test_mariadb_agrees_with_plain_python(self) -> None:
        check("mariadb", 25)
