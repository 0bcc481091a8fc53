"""Fills `{name}` in a URL, table or query with a request's arguments, which cannot become part of SQL or a path."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from gramex_twisted.data.types import QueryError

SAFE = re.compile(r"[A-Za-z0-9_.-]+", re.ASCII)
FIELD = re.compile(r"\{\{|\}\}|\{([A-Za-z_][\w.-]*)\}")
"""What is filled in. Other braces stay, such as those of '{}'::json."""


def fill(text: str, values: Mapping[str, Sequence[str]]) -> str:
    """`text` with `{name}` replaced by the first value of the argument `name`; `{{` is `{`.

    Raises QueryError for an argument that is missing, or holds more than letters, digits, `_`, `.` and single `-`.
    """

    def replaced(found: re.Match[str]) -> str:
        name = found[1]
        if name is None:
            return found[0][0]
        given = values.get(name) or ()
        if not given or given[0] == "":
            raise QueryError(name, "", "needed")
        value = str(given[0])
        if not SAFE.fullmatch(value) or set(value) == {"."} or "--" in value:  # which begins a comment of SQL
            raise QueryError(name, value, "may hold only letters, digits, _ . and single -")
        return value

    return FIELD.sub(replaced, text) if "{" in text else text


def names(text: str | None) -> tuple[str, ...]:
    """The arguments that `fill` needs for `text`."""
    return tuple(found[1] for found in FIELD.finditer(text or "") if found[1] is not None)
