"""Keys that say more than their name: `key if expression`, and `$*` for random letters."""

from __future__ import annotations

import ast
import builtins
import re
import secrets
import string
from typing import Any

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.variables import Scope
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import compile_function
from gramex_twisted.functions.names import References

CONDITION = re.compile(r"(.*?)\s+if\s+(.*)", re.DOTALL)
RANDOM = "$*"
LETTERS = string.ascii_letters + string.digits


def actual_key(key: Any, scope: Scope, mark: Mark) -> tuple[Any, bool]:
    """The key without its condition and with `$*` filled in, and whether the condition holds."""
    if not isinstance(key, str):
        return key, True
    holds = True
    if " if " in key and (found := CONDITION.fullmatch(key)):
        key = found[1]
        holds = is_true(found[2], scope, mark)
    while RANDOM in key:
        key = key.replace(RANDOM, "".join(secrets.choice(LETTERS) for _ in range(5)), 1)
    return key, holds


def is_true(expression: str, scope: Scope, mark: Mark) -> bool:
    """Whether the Python ``expression`` over the variables is true.

    A name that is no variable is "" with a warning, as `$NAME` is. An expression that raises is false, with a warning;
    one that is no Python is an error.
    """
    used = names_of(expression)
    names = [name for name in used if name in scope.values or not (used[name] or name in vars(builtins))]
    for name in names:
        if name not in scope.values:
            scope.problems.warn(mark, f"variable {name} is not set, so it is empty in the condition '{expression}'")
    try:
        function = compile_function(expression, names, str(mark))
    except ConfigError as error:
        scope.problems.error(mark, f"condition: {error.message}")
        return False
    try:
        return bool(function(*(scope.values.get(name, "") for name in names)))
    except Exception as error:  # noqa: BLE001 - it is the user's expression
        reason = f"{type(error).__name__}: {error}"
        scope.problems.warn(mark, f"the condition '{expression}' is taken as false: it raised {reason}")
        return False


def names_of(expression: str) -> dict[str, bool]:
    """The names that ``expression`` takes from outside; True for those that can only be modules, as in `os.sep`."""
    try:
        references = References.of(ast.parse(expression.strip(), mode="eval").body, ())
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # compile_function says what is wrong
    names: dict[str, bool] = {}
    for reference in references:
        names[reference.parts[0]] = names.get(reference.parts[0], True) and len(reference.parts) > 1
    return names
