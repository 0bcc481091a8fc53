"""What SQLite lacks and a connection of ours brings: REGEXP, by an engine that takes linear time, and a square root."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlalchemy as sa

MOST_PATTERNS = 100
SQRT = "gramex_sqrt"


def prepare(engine: sa.Engine) -> None:
    """Give the connections that `engine` makes from now on what `sql` needs. Other databases need nothing."""
    import sqlalchemy as sa

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", lambda connection, record: register(connection))


def register(connection: Any) -> None:
    """The same for one connection of the driver's."""
    connection.create_function("regexp", 2, matcher(), deterministic=True)
    connection.create_function(SQRT, 1, _root, deterministic=True)


def matcher() -> Callable[[str, object], bool | None]:
    """The function behind `value REGEXP pattern`. Patterns are those that `regex.Pattern.write` wrote."""
    import re2  # type: ignore[import-untyped]

    options = re2.Options()
    options.log_errors = False
    compiled: dict[str, Any] = {}

    def matches(pattern: str, value: object) -> bool | None:
        if value is None:
            return None
        found = compiled.get(pattern)
        if found is None:
            if len(compiled) >= MOST_PATTERNS:
                compiled.clear()
            found = compiled[pattern] = re2.compile(pattern, options)
        return found.search(value if isinstance(value, str) else str(value)) is not None

    return matches


def _root(value: float | None) -> float | None:
    return None if value is None or value < 0 else sqrt(value)
