"""From the text of an expression, or a YAML value, to its syntax tree."""

from __future__ import annotations

import ast
from typing import Any

from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.names import shorten

ADVICE = "write an expression such as module.function(handler)"
UNPARSABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What Python raises for text that it cannot compile."""


def parse_expression(text: str, where: str) -> ast.expr:
    """The tree of the Python expression `text`, which may go over several lines. Raises ConfigError."""
    source = text.strip()
    if not source:
        raise ConfigError(where, f"the function is empty: {ADVICE}")
    try:
        return ast.parse(source, mode="eval").body
    except UNPARSABLE as error:
        tree = parse_lines(source)
        if tree is not None:
            return tree
        if is_statement(source):
            raise ConfigError(where, f'"{shorten(source)}" is a statement: {ADVICE}') from None
        raise syntax_error(source, where, error) from None


def parse_lines(source: str) -> ast.expr | None:
    """The tree of an expression whose lines need brackets to belong together; None when it is not that."""
    if "\n" not in source:
        return None
    try:
        return ast.parse(f"({source}\n)", mode="eval").body
    except UNPARSABLE:
        return None


def syntax_error(source: str, where: str, error: BaseException) -> ConfigError:
    """What is wrong with `source`, as Python put it in `error`."""
    reason = (error.msg if isinstance(error, SyntaxError) else str(error)) or "too complex"
    if isinstance(error, (RecursionError, MemoryError)):
        reason = "too deeply nested"
    return ConfigError(where, f'"{shorten(source)}" is not a Python expression: {reason}')


def is_statement(source: str) -> bool:
    try:
        ast.parse(source)
    except UNPARSABLE:
        return False
    return True


class Literals:
    """Turns YAML values into syntax trees. What has no literal is kept in `values`, by a name that no one can write."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def tree(self, value: Any) -> ast.expr:
        """An expression for `value`: lists and dicts are made anew at each evaluation, so a callee may change them."""
        if value is None or type(value) in (str, bytes, int, float, bool):
            return ast.Constant(value)
        if isinstance(value, (list, tuple)):
            return ast.List([self.tree(item) for item in value], ast.Load())
        if isinstance(value, dict):
            return ast.Dict([self.tree(key) for key in value], [self.tree(item) for item in value.values()])
        return self.name(value)

    def name(self, value: Any) -> ast.Name:
        """An expression for the very object `value`."""
        name = f"value {len(self.values)}"
        self.values[name] = value
        return ast.Name(name, ast.Load())
