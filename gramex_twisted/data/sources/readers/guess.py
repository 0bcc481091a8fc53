"""What columns of text hold: numbers, booleans, ISO dates and times are recognised, where every value is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import polars as pl

Convert: TypeAlias = "Callable[[pl.Series], pl.Series]"

NOTHING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""What pandas takes for no value. Here only a column of numbers, booleans or times does: a text may be `NA`."""
FIRST: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = (
    (re.compile(r"\s*[+-]?\d+"), ("int", "unsigned", "fraction")),
    (re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|Infinity)"), ("float",)),
    (re.compile(r"(?i:true|false)"), ("bool",)),
    (re.compile(r"\d{4}-\d\d-\d\d"), ("date", "datetime")),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?"), ("datetime",)),
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?( ?[+-]\d\d:?\d\d|Z)"), ("instant",)),
    (re.compile(r"\d\d:\d\d:\d\d(\.\d+)?"), ("time",)),
)
"""How the first value of a column looks -> what the column may be, the narrowest first."""


@dataclass(frozen=True)
class Guess:
    """A column's values, as what they were found to be."""

    series: pl.Series
    exact: bool
    """Whether polars, told the type, would have read the same."""


def guess(series: pl.Series, nothing: frozenset[str] = NOTHING, plain: Convert | None = None) -> Guess:
    """`series` of text as the type that all its values have, `nothing` left out; as it is where there is none.

    `plain` makes usual ones of odd numbers, such as 1.000,50.
    """
    first = _first(series, nothing)
    if first is None:
        return Guess(series, exact=False)
    texts = series
    if plain is not None:
        texts = plain(series)
        first = plain(series.head(0).extend_constant(first, 1))[0]
    for name in next((names for pattern, names in FIRST if pattern.fullmatch(first)), ()):
        made = converters()[name](texts)
        if made.null_count() == series.null_count():
            return Guess(made, exact=plain is None and name in ("int", "float", "fraction", "bool", "date"))
        lost = series.filter(made.is_null() & series.is_not_null())
        if lost.is_in(list(nothing)).all():
            return Guess(made, exact=False)
    return Guess(series, exact=False)


def _first(series: pl.Series, nothing: frozenset[str]) -> str | None:
    """The first value that is one."""
    place = series.is_not_null().arg_max()
    value: str | None = None if place is None else series[place]
    if value is None or value not in nothing:
        return value
    known = series.filter(~series.is_in(list(nothing)) & series.is_not_null())
    found: str | None = known[0] if known.len() else None
    return found


def _cast(texts: pl.Series, dtype: Any) -> pl.Series:
    return texts.str.strip_chars(" ").cast(dtype, strict=False)


def _fraction(texts: pl.Series) -> pl.Series:
    """Numbers, not all whole: long whole numbers are identifiers, and stay text."""
    import polars as pl

    whole = texts.str.contains(r"^\s*[+-]?\d+\s*$")
    made = _cast(texts, pl.Float64)
    return made if (~whole & made.is_not_null()).any() else made.clear(len(made))


def _boolean(texts: pl.Series) -> pl.Series:
    import polars as pl

    words: dict[Any, Any] = {"true": True, "false": False}
    return texts.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.Boolean())


def _moments(texts: pl.Series, zone: str) -> pl.Series:
    """Date and time in one form: with a T, seconds, and a fraction."""
    import polars as pl

    form = r"^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d))?(:\d\d)?(\.\d{1,6})?\d*" + zone + "$"
    text = pl.col("text")
    last = text.str.extract(form, 5).str.replace("Z", "+0000").str.replace(":", "") if zone else pl.lit("")
    parts = [text.str.extract(form, place).fill_null(rest) for place, rest in ((2, "00:00"), (3, ":00"), (4, ".0"))]
    whole = text.str.extract(form, 1) + "T" + parts[0] + parts[1] + parts[2] + last
    return texts.alias("text").to_frame().select(whole).to_series()


def _datetime(texts: pl.Series) -> pl.Series:
    quick = _alike(texts, "")
    if quick is not None:
        return quick
    return _moments(texts, "").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us")


def _instant(texts: pl.Series) -> pl.Series:
    quick = _alike(texts, "%#z")
    if quick is not None:
        return quick
    made = _moments(texts, r" ?([+-]\d\d:?\d\d|Z)")
    return made.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", strict=False, time_unit="us")


def _alike(texts: pl.Series, zone: str) -> pl.Series | None:
    """Date and time of texts that are all written as the first one is, a fraction aside: twenty times as fast."""
    first = _first(texts, NOTHING) or ""
    seconds = ["%.f"] if "." in first else ["", "%.f"]
    ends = [f":%S{fraction}" for fraction in seconds] if first[16:17] == ":" else [""]
    for end in ends:
        made = texts.str.to_datetime(f"%Y-%m-%d{first[10:11]}%H:%M{end}{zone}", strict=False, time_unit="us")
        if made.null_count() == texts.null_count():
            return made
    return None


@cache
def converters() -> Mapping[str, Convert]:
    """name -> what makes that of texts, null where one is none."""
    import polars as pl

    return {
        "int": lambda texts: _cast(texts, pl.Int64),
        "unsigned": lambda texts: _cast(texts, pl.UInt64),
        "float": lambda texts: _cast(texts, pl.Float64),
        "fraction": _fraction,
        "bool": _boolean,
        "date": lambda texts: texts.str.to_date("%Y-%m-%d", strict=False),
        "datetime": _datetime,
        "instant": _instant,
        "time": lambda texts: texts.str.to_time("%H:%M:%S%.f", strict=False),
    }
