"""Expression: one expression of a configuration on its way to a Function."""

from __future__ import annotations

import ast
import builtins
import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.calls import choose_arguments
from gramex_twisted.functions.function import Function
from gramex_twisted.functions.modes import Mode, mode_of_callable, mode_of_expression, strictest
from gramex_twisted.functions.modules import ModuleSet
from gramex_twisted.functions.names import Extras, Reference, References, Scope, did_you_mean, dotted_name, shorten
from gramex_twisted.functions.parsing import UNPARSABLE, Literals, parse_expression, syntax_error

log = logging.getLogger("gramex_twisted")

ABSENT: Any = object()
"""For args: or kwargs: that are not given at all (an empty `args:` passes None, as any other value)."""


@dataclass(frozen=True)
class Place:
    """Where in the configuration a function is compiled, and with what."""

    where: str
    modules: ModuleSet
    extras: Extras
    defaults: tuple[Any, ...] = ()

    def error(self, message: str) -> ConfigError:
        return ConfigError(self.where, message)


class Expression:
    """The compilation of one expression: its tree, what its names stand for, what is passed to it."""

    def __init__(self, place: Place, text: str, variables: tuple[str, ...], slow: Sequence[str] = ()) -> None:
        """`slow` are the variables whose methods may block: results of steps that ran in threads."""
        self.place = place
        self.text = text
        self.variables = variables
        self.slow = slow
        readable = [name for name in variables if name.isidentifier()]
        self.scope = Scope(readable, place.extras, place.where)
        self.literals = Literals()
        self.found: dict[int, Reference] = {}
        self.imported: list[ast.Name] = []

    def build(self, args: Any, kwargs: Any) -> Function:
        tree = self.parse(self.text)
        dotted = dotted_name(tree)
        if dotted and dotted[1][0] not in self.variables:
            value = self.value_of(dotted[1])
            tree, mode = self.call_value(tree, value, args, kwargs)
        elif args is not ABSENT or kwargs is not ABSENT:
            if dotted:
                tree = ast.Call(tree, self.arguments(args), self.keywords(kwargs))
            else:
                text = shorten(self.text)
                log.warning(
                    '%s: "%s" is not the name of a function: args: and kwargs: are not used', self.place.where, text
                )
            mode = self.mode(tree)
        else:
            mode = self.mode(tree)
        return self.function(tree, mode)

    def parse(self, text: str) -> ast.expr:
        """The tree of `text`, with everything that it names imported."""
        tree = parse_expression(text, self.place.where)
        try:
            references = References.of(tree, [name for name in self.variables if name not in self.slow])
        except RecursionError as error:
            raise syntax_error(text, self.place.where, error) from None
        for reference in references:
            self.found[id(reference.node)] = reference
            root = reference.parts[0]
            if root not in self.slow:
                self.scope.resolve(reference.parts)
            if root in self.slow or self.scope.values.get(root, AttrDict) is not AttrDict:
                self.imported.append(reference.node)
        return tree

    def value_of(self, parts: tuple[str, ...]) -> Any:
        """What the dotted name stands for."""
        value = self.scope.values[parts[0]] if parts[0] in self.scope.values else getattr(builtins, parts[0])
        for done, attribute in enumerate(parts[1:], 1):
            try:
                value = getattr(value, attribute)
            except AttributeError:
                hint = did_you_mean(attribute, dir(value))
                raise self.place.error(f'{".".join(parts[:done])} has no attribute "{attribute}"{hint}') from None
        return value

    def call_value(self, tree: ast.expr, value: Any, args: Any, kwargs: Any) -> tuple[ast.expr, Mode]:
        """The call of a function that is only named, or the value when it is not callable."""
        if not callable(value):
            if args is not ABSENT or kwargs is not ABSENT:
                raise self.place.error(f'"{shorten(self.text)}" cannot be called: it is {describe(value)}')
            return tree, "reactor"
        keywords = self.keywords(kwargs)
        if args is ABSENT:
            given = [word.arg for word in keywords if word.arg]
            names = [name for name in self.variables if name.isidentifier()]
            passed = choose_arguments(value, names, given)
            if passed.missing:
                needs, have = ", ".join(passed.missing), ", ".join(names) or "none"
                raise self.place.error(f"{self.text.strip()} needs {needs}; the variables here are: {have}")
            positional = [variable(name) for name in passed.positional]
            keywords += [ast.keyword(name, variable(name)) for name in passed.keywords]
        else:
            positional = self.arguments(args)
        modes = [self.mode(tree) for tree in [*positional, *(word.value for word in keywords)]]
        call = ast.Call(self.literals.name(value), positional, keywords)
        return call, strictest([mode_of_callable(value), *modes])

    def arguments(self, args: Any) -> list[ast.expr]:
        if args is ABSENT:
            return []
        return [self.argument(arg) for arg in (args if isinstance(args, (list, tuple)) else [args])]

    def keywords(self, kwargs: Any) -> list[ast.keyword]:
        if kwargs is ABSENT or kwargs is None:
            return []
        if not isinstance(kwargs, Mapping):
            raise self.place.error(f"kwargs: must be a mapping of names to values, not {describe(kwargs)}")
        for name in kwargs:
            if not isinstance(name, str):
                raise self.place.error(f"kwargs: the name {name!r} must be text")
        return [ast.keyword(name, self.argument(value)) for name, value in kwargs.items()]

    def argument(self, value: Any) -> ast.expr:
        """`=expression`, `==text` for the text "=text", or a literal."""
        if isinstance(value, str) and value.startswith("=="):
            return ast.Constant(value[1:])
        if isinstance(value, str) and value.startswith("="):
            return self.parse(value[1:])
        return self.literals.tree(value)

    def mode(self, tree: ast.expr) -> Mode:
        return mode_of_expression(tree, self.imported, self.find)

    def find(self, node: ast.expr) -> Any:
        """The value that the dotted name `node` has by now, looked up without running anyone's code; else None."""
        dotted = dotted_name(node)
        if not dotted or id(dotted[0]) not in self.found:
            return None
        parts = dotted[1]
        value = self.scope.values.get(parts[0])
        for attribute in parts[1:]:
            look = getattr if isinstance(value, ModuleType) else inspect.getattr_static
            value = look(value, attribute, None)
        return value

    def function(self, tree: ast.expr, mode: Mode) -> Function:
        arguments = ast.arguments(
            posonlyargs=[], args=[ast.arg(name) for name in self.variables], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        names = {**self.scope.values, **self.literals.values, "__builtins__": builtins}
        try:
            module = ast.fix_missing_locations(ast.Expression(ast.Lambda(arguments, tree)))
            call: Callable[..., Any] = eval(compile(module, self.place.where, "eval"), names)
        except UNPARSABLE as error:
            raise syntax_error(self.text, self.place.where, error) from None
        call.__defaults__ = self.place.defaults or None
        source = shorten(self.text, 200)
        uses = frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)).intersection(self.variables)
        return Function(call, mode, source, self.place.where, self.user_modules(), (), self.place.defaults, uses)

    def user_modules(self) -> frozenset[str]:
        named = ((name, sys.modules.get(name)) for name in self.scope.modules)
        return frozenset(name for name, module in named if module and self.place.modules.is_user(module))


def variable(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def describe(value: object) -> str:
    """`value` as an error shows it: a short text, or what it is."""
    if value is None:
        return "empty"
    if isinstance(value, (dict, list)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    return shorten(repr(value))
