"""compile_function: from what `function:` says to a Function."""

from __future__ import annotations

import ast
import builtins
import inspect
import keyword
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.calls import choose_arguments
from gramex_twisted.functions.function import Function, Step, run_and_await, run_in_place
from gramex_twisted.functions.modes import Mode, mode_of_callable, mode_of_expression, strictest
from gramex_twisted.functions.modules import ModuleSet
from gramex_twisted.functions.names import Extras, Reference, References, Scope, did_you_mean, dotted_name, shorten
from gramex_twisted.functions.parsing import UNPARSABLE, Literals, parse_expression, syntax_error

BASE_EXTRAS: Extras = {"AttrDict": lambda: AttrDict}
STEP_KEYS = ("name", "function", "args", "kwargs")
ABSENT: Any = object()

Variables = Sequence[str] | Mapping[str, Any]


def compile_function(
    spec: object,
    variables: Variables,
    where: str,
    *,
    modules: ModuleSet | None = None,
    extras: Extras | None = None,
) -> Function:
    """Compile `spec`: an expression, a dict of `function`, `args` and `kwargs`, or a list of steps (a pipeline).

    `variables` are the names that the Function gets values for, in this order (a mapping gives their defaults).
    `where` is the place in the configuration, for errors. `modules` tells user modules from others. `extras` are
    further names for the expression, each with a function that loads its value when the expression uses it.

    Imports the modules that the expression names. Raises ConfigError.
    """
    defaults = tuple(variables.values()) if isinstance(variables, Mapping) else ()
    compiler = Compiler(where, modules or ModuleSet(), {**BASE_EXTRAS, **(extras or {})}, defaults)
    return compiler.compile(spec, tuple(variables))


class Compiler:
    """Compiles the function at one place of the configuration."""

    def __init__(self, where: str, modules: ModuleSet, extras: Extras, defaults: tuple[Any, ...]) -> None:
        self.where = where
        self.modules = modules
        self.extras = extras
        self.defaults = defaults

    def compile(self, spec: object, variables: tuple[str, ...]) -> Function:
        args = kwargs = ABSENT
        if isinstance(spec, Mapping):
            if "function" not in spec:
                raise self.error(
                    f'"function" is missing: there is only {", ".join(map(str, spec)) or "an empty mapping"}'
                )
            args, kwargs = spec.get("args", ABSENT), spec.get("kwargs", ABSENT)
            spec = spec["function"]
        if isinstance(spec, list):
            if args is not ABSENT or kwargs is not ABSENT:
                raise self.error("args: and kwargs: belong to the steps of a pipeline, not beside it")
            return self.pipeline(spec, variables)
        if not isinstance(spec, str):
            raise self.error(f"a function is text such as module.function(handler), not {describe(spec)}")
        return self.single(spec, args, kwargs, variables, ())

    def single(self, text: str, args: Any, kwargs: Any, variables: tuple[str, ...], slow: Sequence[str]) -> Function:
        """Compile one expression. `slow` are the variables whose methods may block: results of steps in threads."""
        return Expression(self, text, variables, slow).build(args, kwargs)

    def pipeline(self, specs: list[Any], variables: tuple[str, ...]) -> Function:
        if not specs:
            raise self.error("a pipeline needs at least one step")
        names, slow, steps = variables, list[str](), list[Step]()
        for number, spec in enumerate(specs, 1):
            step = self.step(spec, number, names, slow)
            steps.append(step)
            slow = [name for name in slow if name != step.name]
            if step.name and step.function.mode != "reactor":
                slow.append(step.name)
            names = (
                *(f"{name} before {number}" if name == step.name else name for name in names),
                step.name or f"step {number}",
            )
        mode = strictest(step.function.mode for step in steps)
        runner = run_and_await if mode == "async" else run_in_place
        return Function(
            call=runner(tuple(steps), self.defaults),
            mode=mode,
            source=" | ".join(step.function.source for step in steps),
            where=self.where,
            modules=frozenset().union(*(step.function.modules for step in steps)),
            steps=tuple(steps),
            defaults=self.defaults,
        )

    def step(self, spec: Any, number: int, names: tuple[str, ...], slow: Sequence[str]) -> Step:
        """Compile step `number`, in which `names` are variables. Its errors say which step it is."""
        name, args, kwargs, text = "", ABSENT, ABSENT, spec
        if isinstance(spec, Mapping):
            for key in spec:
                if key not in STEP_KEYS:
                    hint = did_you_mean(str(key), STEP_KEYS)
                    raise self.error(f'step {number}: unknown key "{key}"{hint or "; known: " + ", ".join(STEP_KEYS)}')
            if "function" not in spec:
                raise self.error(f'step {number}: "function" is missing')
            name, text = spec.get("name", ""), spec["function"]
            args, kwargs = spec.get("args", ABSENT), spec.get("kwargs", ABSENT)
        if name != "" and not is_variable_name(name):
            raise self.error(f"step {number}: name: must be a Python name, not {describe(name)}")
        if not isinstance(text, str):
            raise self.error(
                f"step {number}: a function is text such as module.function(handler), not {describe(text)}"
            )
        try:
            return Step(
                name, Compiler(self.where, self.modules, self.extras, ()).single(text, args, kwargs, names, slow)
            )
        except ConfigError as error:
            raise self.error(f"step {number}: {error.message}") from error.__cause__

    def error(self, message: str) -> ConfigError:
        return ConfigError(self.where, message)


class Expression:
    """The compilation of one expression: its tree, what its names stand for, what is passed to it."""

    def __init__(self, compiler: Compiler, text: str, variables: tuple[str, ...], slow: Sequence[str]) -> None:
        self.compiler = compiler
        self.text = text
        self.variables = variables
        self.slow = slow
        readable = [name for name in variables if name.isidentifier()]
        self.scope = Scope(readable, compiler.extras, compiler.where)
        self.literals = Literals()
        self.found: dict[int, Reference] = {}
        self.imported: list[ast.Name] = []

    def build(self, args: Any, kwargs: Any) -> Function:
        tree = self.parse(self.text)
        dotted = dotted_name(tree)
        if dotted and dotted[1][0] not in self.variables:
            value = self.value_of(dotted[1], tree)
            tree, mode = self.call_value(tree, value, args, kwargs)
        elif args is not ABSENT or kwargs is not ABSENT:
            if not dotted:
                raise self.error(f'"{shorten(self.text)}" is not the name of a function: args: and kwargs: need one')
            tree = self.call(tree, self.arguments(args, ()), self.keywords(kwargs))
            mode = self.mode(tree)
        else:
            mode = self.mode(tree)
        return self.function(tree, mode)

    def parse(self, text: str) -> ast.expr:
        """The tree of `text`, with everything that it names imported."""
        tree = parse_expression(text, self.compiler.where)
        try:
            references = References.of(tree, [name for name in self.variables if name not in self.slow])
        except RecursionError as error:
            raise syntax_error(text, self.compiler.where, error) from None
        for reference in references:
            self.found[id(reference.node)] = reference
            root = reference.parts[0]
            if root not in self.slow:
                self.scope.resolve(reference.parts)
            if root in self.slow or self.scope.values.get(root, AttrDict) is not AttrDict:
                self.imported.append(reference.node)
        return tree

    def value_of(self, parts: tuple[str, ...], tree: ast.expr) -> Any:
        """What the dotted name stands for."""
        value = self.scope.values[parts[0]] if parts[0] in self.scope.values else getattr(builtins, parts[0])
        for done, attribute in enumerate(parts[1:], 1):
            try:
                value = getattr(value, attribute)
            except AttributeError:
                hint = did_you_mean(attribute, dir(value))
                raise self.error(f'{".".join(parts[:done])} has no attribute "{attribute}"{hint}') from None
        return value

    def call_value(self, tree: ast.expr, value: Any, args: Any, kwargs: Any) -> tuple[ast.expr, Mode]:
        """The call of a function that is only named, or the value when it is not callable."""
        if not callable(value):
            if args is not ABSENT or kwargs is not ABSENT:
                raise self.error(f'"{shorten(self.text)}" cannot be called: it is {describe(value)}')
            return tree, "reactor"
        keywords = self.keywords(kwargs)
        if args is ABSENT:
            given = [word.arg for word in keywords if word.arg]
            names = [name for name in self.variables if name.isidentifier()]
            passed = choose_arguments(value, names, given)
            if passed.missing:
                needs, have = ", ".join(passed.missing), ", ".join(names) or "none"
                raise self.error(f"{self.text.strip()} needs {needs}; the variables here are: {have}")
            positional = [variable(name) for name in passed.positional]
            keywords += [ast.keyword(name, variable(name)) for name in passed.keywords]
        else:
            positional = self.arguments(args, ())
        modes = [self.mode(tree) for tree in [*positional, *(word.value for word in keywords)]]
        call = self.call(self.literals.name(value), positional, keywords)
        return call, strictest([mode_of_callable(value), *modes])

    def call(self, function: ast.expr, args: list[ast.expr], keywords: list[ast.keyword]) -> ast.Call:
        return ast.Call(function, args, keywords)

    def arguments(self, args: Any, default: Sequence[Any]) -> list[ast.expr]:
        if args is ABSENT:
            args = default
        return [self.argument(arg) for arg in (args if isinstance(args, (list, tuple)) else [args])]

    def keywords(self, kwargs: Any) -> list[ast.keyword]:
        if kwargs is ABSENT or kwargs is None:
            return []
        if not isinstance(kwargs, Mapping):
            raise self.error(f"kwargs: must be a mapping of names to values, not {describe(kwargs)}")
        for name in kwargs:
            if not isinstance(name, str):
                raise self.error(f"kwargs: the name {name!r} must be text")
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
            call: Callable[..., Any] = eval(compile(module, self.compiler.where, "eval"), names)
        except UNPARSABLE as error:
            raise syntax_error(self.text, self.compiler.where, error) from None
        call.__defaults__ = self.compiler.defaults or None
        source = shorten(self.text, 200)
        return Function(call, mode, source, self.compiler.where, self.user_modules(), (), self.compiler.defaults)

    def user_modules(self) -> frozenset[str]:
        named = ((name, sys.modules.get(name)) for name in self.scope.modules)
        return frozenset(name for name, module in named if module and self.compiler.modules.is_user(module))

    def error(self, message: str) -> ConfigError:
        return ConfigError(self.compiler.where, message)


def variable(name: str) -> ast.expr:
    return ast.Name(name, ast.Load())


def is_variable_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)


def describe(value: object) -> str:
    """`value` as an error shows it: a short text, or what it is."""
    if value is None:
        return "empty"
    if isinstance(value, (dict, list)):
        return f"a {'mapping' if isinstance(value, dict) else 'list'}"
    return shorten(repr(value))
