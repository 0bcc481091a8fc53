"""From a route's pattern back to a path."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

_GROUP = re.compile(r"\((?:\?P<\w+>)?(?:[^()\\]|\\.)*\)")


def reversed_pattern(pattern: str, values: Sequence[object]) -> str:
    """A path that ``pattern`` matches: its groups are ``values``, percent-encoded.

    :raises ValueError: where there are more or fewer of them, or the path does not match.
    """
    parts = _GROUP.split(pattern)
    if len(parts) != len(values) + 1:
        raise ValueError(f"{pattern} has {len(parts) - 1} groups, not {len(values)}")
    texts = [re.sub(r"\\(.)", r"\1", part) for part in parts]
    filled = [quote(str(value), safe="/") for value in values]
    path = "".join(text + value for text, value in zip(texts, [*filled, ""], strict=True))
    if not re.fullmatch(pattern, path):
        raise ValueError(f"{path} is not matched by {pattern}")
    return path
