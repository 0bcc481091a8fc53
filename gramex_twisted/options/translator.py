"""Regular expressions that rewrite the text of an argument."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

Translation = tuple[re.Pattern[str], str]


def translations(written: Mapping[str, str] | Sequence[Any]) -> tuple[Translation, ...]:
    """The pairs of a mapping, or of a list of pairs, pattern -> replacement; a pattern may be ``[pattern, flags]``.

    :raises ValueError: for what is none, and for a pattern that is no regular expression.
    """
    pairs = written.items() if isinstance(written, Mapping) else written
    found = []
    for pair in pairs:
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2 or not isinstance(pair[1], str):
            raise ValueError(f"translations are pairs of a pattern and its replacement, not {pair!r}")
        found.append((_compiled(pair[0]), pair[1]))
    return tuple(found)


def _compiled(pattern: Any) -> re.Pattern[str]:
    if isinstance(pattern, re.Pattern):
        return pattern
    text, flags = (*pattern, 0)[:2] if isinstance(pattern, (list, tuple)) and pattern else (pattern, 0)
    if not isinstance(text, str):
        raise ValueError(f"a pattern is text, not {text!r}")
    try:
        return re.compile(text, _flags(flags))
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from None


def _flags(flags: Any) -> int:
    if isinstance(flags, str):
        names = flags.upper()
        if set(names) <= set("AIMSUX"):
            return int(sum(re.RegexFlag[name] for name in names))
    elif isinstance(flags, int):
        return int(flags)
    raise ValueError(f"the flags of a pattern are letters of AIMSUX or Python's number for them, not {flags!r}")


def translated(value: Any, pairs: Sequence[Translation]) -> Any:
    """``value`` with every pair applied, in order, to its text or to each text in a list."""
    if isinstance(value, (list, tuple, set)):
        return type(value)(translated(item, pairs) for item in value)
    if isinstance(value, str):
        for pattern, replacement in pairs:
            value = pattern.sub(replacement, value)
    return value
