"""What a `function:` that only names something stands for, for who calls it with arguments of their own choice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gramex_twisted.functions.compiler import BASE_EXTRAS
from gramex_twisted.functions.expression import Expression, Place
from gramex_twisted.functions.modes import Mode, mode_of_callable
from gramex_twisted.functions.modules import ModuleSet
from gramex_twisted.functions.names import dotted_name


@dataclass(frozen=True, slots=True)
class Named:
    """A callable. `mode`: where it must run; `modules`: the user modules that its name names."""

    value: Callable[..., Any]
    mode: Mode
    source: str
    where: str
    modules: frozenset[str]


def named(text: str, where: str, modules: ModuleSet) -> Named | None:
    """The function that `text`, such as `module.fn`, names; None for any other expression, or what cannot be called.

    Raises ConfigError.
    """
    expression = Expression(Place(where, modules, BASE_EXTRAS), text, ())
    dotted = dotted_name_of(text)
    if dotted is None or dotted[0] in ("handler", "args"):
        return None
    expression.parse(text)
    value = expression.value_of(dotted)
    if not callable(value):
        return None
    return Named(value, mode_of_callable(value), text.strip(), where, expression.user_modules())


def dotted_name_of(text: str) -> tuple[str, ...] | None:
    """The parts of a dotted name; None for any other text."""
    import ast

    try:
        found = dotted_name(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return None if found is None else found[1]
