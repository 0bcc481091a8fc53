"""Keys that say more than their name: `key if expression`, and `$*` for random letters."""

from __future__ import annotations

import ast
import builtins
import re
import secrets
import string
from collections.abc import Iterator
from typing import Any

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.variables import Scope
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import compile_function

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
    """The names that ``expression`` takes from outside (not those of a lambda or comprehension); True for those that
    can be modules, as in `os.sep`."""
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}  # compile_function says what is wrong
    own = set(own_names(tree))
    bases = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    reads = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    alone = {node.id for node in reads if id(node) not in bases}
    return {node.id: node.id not in alone for node in reads if node.id not in own}


def own_names(tree: ast.AST) -> Iterator[str]:
    """The names that an expression binds itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
