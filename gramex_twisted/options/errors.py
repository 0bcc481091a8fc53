"""What is wrong with an argument, as it is told to the client."""

from __future__ import annotations

from typing import Any


class OptionError(ValueError):
    """An argument that does not do. ``info`` is what the error response says of it, in order."""

    def __init__(self, **info: Any) -> None:
        self.info = {name: value for name, value in info.items() if value or _is_number(value)}
        super().__init__(", ".join(f"{name}: {value}" for name, value in self.info.items()))


class ManyOptionsError(ValueError):
    """Every argument that does not do, in the order of the options."""

    def __init__(self, errors: list[OptionError]) -> None:
        self.errors = errors
        super().__init__("; ".join(map(str, errors)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
