"""Where a value of a gramex.yaml was written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""The keys and list indices that lead to a value: ``("url", "home", "kwargs", "path", 0)``."""


class Mark(NamedTuple):
    """A place in a file: ``str(mark) == "gramex.yaml:12:5"``.

    ``line`` and ``column`` count from 1. Line 0 means that no line is known: ``str`` is then the file alone, as for
    values that come from ``--set``.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


Marks = Mapping[KeyPath, Mark]


def nearest(marks: Marks, path: KeyPath) -> Mark:
    """The mark of ``path`` or of the closest parent that has one; an empty Mark when there is none at all."""
    for length in range(len(path), -1, -1):
        mark = marks.get(path[:length])
        if mark is not None:
            return mark
    return Mark("")


def dotted(path: KeyPath) -> str:
    """``("url", "home", "kwargs", 0)`` as people say it: ``url.home.kwargs[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else f"{part}"
    return text
