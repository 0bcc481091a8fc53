"""Any value that an API may return, as dicts, lists, text, numbers, booleans and None: what all formats can say."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from gramex_twisted.web.values import _default

#: Levels of lists and objects in each other, as orjson has it.
DEEPEST = 250
_LONGEST = 1 << 63


def one_level(value: Any) -> Any:
    """What orjson does not know by itself, in its terms.

    :raises TypeError: for a value that has none.
    """
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, (bytes, bytearray)):
        return as_text(bytes(value))
    return _default(value)


def as_text(octets: bytes) -> str:
    """UTF-8 as text.

    :raises TypeError: for what is none.
    """
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise TypeError("bytes that are no text; write them as text, in base64 say") from None


def in_utc(moment: datetime) -> datetime:
    """``moment``, which is UTC where it does not say otherwise."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def iso(moment: datetime) -> str | None:
    """``moment`` as text; None for the one of pandas that is none."""
    return in_utc(moment).isoformat() if moment == moment else None


def plain(
    value: Any,
    *,
    moment: Callable[[datetime], Any] = iso,
    octets: Callable[[bytes], Any] = as_text,
    long_numbers: Callable[[int], Any] = float,
    level: int = DEEPEST,
) -> Any:
    """``value`` in plain terms: keys are text, NaN and infinities None.

    :param moment: what becomes of a datetime; ``octets``: of bytes; ``long_numbers``: of a whole number that has more
        than 64 bits.
    :raises TypeError: for a value that cannot be said, and for one with more than ``level`` levels.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is int:
        return value if -_LONGEST <= value < 2 * _LONGEST else long_numbers(value)
    if kind is float:
        return value if math.isfinite(value) else None
    if level <= 0:
        raise TypeError(f"more than {DEEPEST} levels of lists and objects")

    def inner(item: Any) -> Any:
        return plain(item, moment=moment, octets=octets, long_numbers=long_numbers, level=level - 1)

    if isinstance(value, Mapping):
        return {key if type(key) is str else _key(key): inner(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner(item) for item in value]
    if isinstance(value, datetime):
        return moment(value) if value == value else None
    if isinstance(value, (bytes, bytearray)):
        return octets(bytes(value))
    if isinstance(value, (date, time)):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: inner(getattr(value, field.name)) for field in fields(value) if field.name[0] != "_"}
    return inner(one_level(value))


def _key(key: Any) -> str:
    """A key, as JSON has it."""
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    if isinstance(key, datetime):
        return in_utc(key).isoformat()
    if isinstance(key, (str, int, float, UUID, Decimal)):
        return str(key)
    if isinstance(key, (date, time)):
        return key.isoformat()
    raise TypeError(f"a {type(key).__name__} cannot be a key")
