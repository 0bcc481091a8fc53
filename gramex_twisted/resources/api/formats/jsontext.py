"""JSON: compact, in the order of the value. Naive times are UTC, NaN and infinities null."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from gramex_twisted.resources.api.formats.plain import one_level, plain

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_NAIVE_UTC


def to_json(value: Any) -> bytes:
    """``value`` as JSON in UTF-8.

    :raises TypeError: for what JSON cannot say, and for more than 250 levels.
    """
    try:
        return orjson.dumps(value, default=one_level, option=_OPTIONS)
    except (orjson.JSONEncodeError, RecursionError) as error:
        if "64-bit" in str(error):
            return _with_long_numbers(value)
        raise TypeError(_reason(value, error)) from error


def to_lines(value: Any) -> bytes:
    """Each item of a list on a line of its own; anything else is one line."""
    return b"".join(map(to_line, value if isinstance(value, (list, tuple)) else _items(value)))


def to_line(value: Any) -> bytes:
    """``value`` as one line."""
    return to_json(value) + b"\n"


def _items(value: Any) -> Iterable[Any]:
    if not isinstance(value, (dict, str)) and hasattr(value, "to_dicts"):
        rows: Iterable[Any] = value.to_dicts()
        return rows
    return [value]


def _with_long_numbers(value: Any) -> bytes:
    """JSON with whole numbers of any size, which orjson refuses."""
    import json

    try:
        text = json.dumps(plain(value, long_numbers=int), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise TypeError(_reason(value, error)) from error


def _reason(value: Any, error: BaseException) -> str:
    return f"the API's answer, a {type(value).__name__}, cannot be written: {error.__cause__ or error}"
