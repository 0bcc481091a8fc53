"""What user functions return, as bytes: text as it is, everything else as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Set
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, NamedTuple
from uuid import UUID

import orjson

HTML = "text/html; charset=UTF-8"
JSON = "application/json; charset=UTF-8"
BINARY = "application/octet-stream"

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_SUBCLASS


class Encoded(NamedTuple):
    """A body and its default Content-Type; None where there is nothing to say."""

    body: bytes
    content_type: str | None


_NOTHING = Encoded(b"", None)


def encode(value: object) -> Encoded:
    """``value`` as a response body.

    Text and bytes stay as they are, None is nothing; numbers, bools, lists, dicts, dates, dataclasses, numpy arrays,
    DataFrames (a list of records) and whatever else JSON can say becomes JSON.

    :raises TypeError: for a value that is none of these.
    """
    if isinstance(value, str):
        return Encoded(value.encode("utf-8"), HTML)
    if value is None:
        return _NOTHING
    if isinstance(value, (bytes, bytearray, memoryview)):
        return Encoded(bytes(value), HTML)
    return Encoded(dump_json(value), JSON)


def dump_json(value: object) -> bytes:
    """``value`` as compact JSON in UTF-8; NaN and infinities are null, dates ISO 8601."""
    try:
        return orjson.dumps(value, default=_default, option=_OPTIONS)
    except (orjson.JSONEncodeError, RecursionError) as error:
        if "64-bit" in str(error):
            return _dump_wide(value)
        cause = error.__cause__ or error
        raise TypeError(
            f"the function returned a {type(value).__name__} that is no text and no JSON: {cause}"
        ) from error


def _dump_wide(value: object) -> bytes:
    """JSON with whole numbers of any size, which orjson refuses."""
    try:
        return json.dumps(value, default=_default, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise TypeError(f"the function returned a {type(value).__name__} that is no JSON: {error}") from error


def _default(value: Any) -> Any:
    """What orjson does not know by itself."""
    if isinstance(value, Mapping):
        return {_key(key): item for key, item in value.items()}
    for kinds, convert in _CONVERSIONS:
        if isinstance(value, kinds):
            return convert(value)
    if hasattr(value, "to_dicts"):
        return value.to_dicts()  # polars
    if hasattr(value, "to_dict"):
        return _frame(value)
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _key(key: Any) -> Any:
    return key if isinstance(key, (str, int, float, bool, type(None))) else str(key)


def _whole_seconds(value: timedelta) -> float:
    return value.total_seconds()


_CONVERSIONS: tuple[tuple[Any, Any], ...] = (
    (str, lambda v: str.__str__(v)),
    (Enum, lambda v: v.value),
    (bool, bool),
    (int, int),
    (float, float),
    ((list, tuple, Set), list),
    ((datetime, date, time), lambda v: v.isoformat()),
    (timedelta, _whole_seconds),
    (Decimal, float),
    ((UUID, PurePath), str),
    ((bytes, bytearray), lambda v: bytes(v).decode("utf-8")),
)


def _frame(value: Any) -> Any:
    """A pandas DataFrame as records, a Series as its dict; dates as ISO text, missing values as null."""
    return _without_nat(value.to_dict(orient="records") if hasattr(value, "columns") else value.to_dict())


def _without_nat(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nat(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _without_nat(item) for key, item in value.items()}
    if hasattr(value, "isoformat"):
        return None if value != value else value.isoformat()  # NaT is not equal to itself
    return value
