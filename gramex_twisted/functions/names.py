"""Which names an expression takes from outside itself, and what they stand for.

A name is, in this order: one of the expression's variables, a builtin, an extra (`AttrDict`, ...), or a module that is
imported for it. `pkg.sub.fn` imports as many of its parts as are modules.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from difflib import get_close_matches
from types import ModuleType
from typing import Any

from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.importing import watched
from gramex_twisted.functions.modules import failure_location, forget_failed_bytecode

Extras = Mapping[str, Callable[[], Any]]


@dataclass(frozen=True)
class Reference:
    """A dotted name that an expression uses: `parts` of `os.path.sep` are ("os", "path", "sep"); `node` is its `os`."""

    node: ast.Name
    parts: tuple[str, ...]


class References(ast.NodeVisitor):
    """Collects the references of an expression to names that it does not bind itself."""

    def __init__(self, bound: Iterable[str]) -> None:
        self.bound = frozenset(bound)
        self.found: list[Reference] = []

    @classmethod
    def of(cls, tree: ast.expr, bound: Iterable[str]) -> list[Reference]:
        """The references of `tree`, where the names in `bound` mean something already."""
        walrus = {node.target.id for node in ast.walk(tree) if isinstance(node, ast.NamedExpr)}
        visitor = cls({*bound, *walrus})
        visitor.visit(tree)
        return visitor.found

    def visit_Name(self, node: ast.Name) -> None:
        if node.id not in self.bound:
            self.found.append(Reference(node, (node.id,)))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = dotted_name(node)
        if dotted is None:
            self.generic_visit(node)
        elif dotted[1][0] not in self.bound:
            self.found.append(Reference(*dotted))

    def visit_Lambda(self, node: ast.Lambda) -> None:
        spec = node.args
        for default in [*spec.defaults, *filter(None, spec.kw_defaults)]:
            self.visit(default)
        named = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, *filter(None, [spec.vararg, spec.kwarg])]
        self.visit_inside([node.body], {arg.arg for arg in named})

    def visit_comprehension_of(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        first = node.generators[0]
        self.visit(first.iter)  # outside the comprehension's scope, as Python has it
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        conditions = [condition for generator in node.generators for condition in generator.ifs]
        targets = [generator.target for generator in node.generators]
        names = {
            name.id
            for target in targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        iterables = [generator.iter for generator in node.generators[1:]]
        self.visit_inside([*targets, *results, *conditions, *iterables], names)

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_comprehension_of

    def visit_inside(self, nodes: Iterable[ast.AST], names: Collection[str]) -> None:
        outer, self.bound = self.bound, self.bound.union(names)
        for node in nodes:
            self.visit(node)
        self.bound = outer


def dotted_name(node: ast.expr) -> tuple[ast.Name, tuple[str, ...]] | None:
    """The first name and all the parts of `a`, `a.b`, `a.b.c`; None for another expression."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node, (node.id, *reversed(parts))) if isinstance(node, ast.Name) else None


class Scope:
    """What the free names of one expression stand for. Imports the modules among them.

    `variables` are the names the expression is given; `extras` map further names to what loads their values.
    """

    def __init__(self, variables: Collection[str], extras: Extras, where: str) -> None:
        self.variables = variables
        self.extras = extras
        self.where = where
        self.values: dict[str, Any] = {}
        """Name to value, for the names that are not builtins: the globals of the expression."""
        self.modules: set[str] = set()
        """Full names of all the modules that the expression names."""

    def resolve(self, parts: tuple[str, ...]) -> None:
        """Load what `parts` begin with. Raises ConfigError when that is unknown, or a module lacks the next part."""
        root = parts[0]
        if self.is_builtin(parts):
            return
        if root in self.extras and not self.is_module(parts):
            self.values.setdefault(root, self.load_extra(root))
        else:
            self.values[root] = self.import_root(parts)
        self.import_rest(self.values[root], parts)

    def is_builtin(self, parts: tuple[str, ...]) -> bool:
        """True for `str` and `str.upper`; False for `input.run`, which can only be a module named like a builtin."""
        found = getattr(builtins, parts[0], None)
        return hasattr(builtins, parts[0]) and (len(parts) == 1 or hasattr(found, parts[1]))

    def is_module(self, parts: tuple[str, ...]) -> bool:
        """Whether `template.page` means a module of the app, and not an attribute of the extra `template`."""
        if len(parts) == 1 or parts[0] in ("AttrDict", "pd", "np"):
            return False
        return parts[0] in sys.modules or importlib.util.find_spec(parts[0]) is not None

    def load_extra(self, name: str) -> Any:
        try:
            return self.extras[name]()
        except ImportError as error:
            raise ConfigError(self.where, f'"{name}" needs a package that is not installed: {error}') from error

    def import_root(self, parts: tuple[str, ...]) -> ModuleType:
        module = self.import_module(parts[0])
        if module is None:
            raise ConfigError(self.where, self.unknown_root(parts))
        return module

    def import_module(self, name: str) -> ModuleType | None:
        """The module `name`, imported; None when there is none. Raises ConfigError with the place when it fails."""
        try:
            with nullcontext() if name in sys.modules else watched(name):
                module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name == name and not failure_location(error):
                return None
            raise self.broken(name, error) from error
        except (Exception, SystemExit) as error:  # any code may run on import
            raise self.broken(name, error) from error
        self.modules.add(module.__name__)
        return module

    def import_rest(self, value: Any, parts: tuple[str, ...]) -> None:
        """Follow `parts` from the module `value`, importing submodules, up to the first thing that is not a module."""
        for done, attribute in enumerate(parts[1:], 1):
            if not isinstance(value, ModuleType):
                return
            self.modules.add(value.__name__)
            value = self.member(value, attribute, dotted=".".join(parts[:done]))

    def member(self, module: ModuleType, attribute: str, dotted: str) -> Any:
        """`module.attribute`, imported when it is a submodule. Raises ConfigError when there is no such thing."""
        try:
            return getattr(module, attribute)
        except AttributeError:
            submodule = self.import_module(f"{module.__name__}.{attribute}") if hasattr(module, "__path__") else None
        except Exception as error:  # a module's __getattr__ may import
            raise self.broken(f"{dotted}.{attribute}", error) from error
        if submodule is not None:
            return submodule
        hint = did_you_mean(attribute, [*vars(module), *submodules(module)])
        raise ConfigError(self.where, f'module {dotted} has no function "{attribute}"{hint}')

    def broken(self, name: str, error: BaseException) -> ConfigError:
        forget_failed_bytecode(error)
        detail = str(error.msg if isinstance(error, SyntaxError) else error)
        text = f"{type(error).__name__}: {shorten(detail, 200)}" if detail else type(error).__name__
        place = failure_location(error)
        return ConfigError(self.where, f'cannot import "{name}": {text}' + (f" ({place})" if place else ""))

    def unknown_root(self, parts: tuple[str, ...]) -> str:
        root = parts[0]
        names = [*self.variables, *self.extras]
        modules = [found.name for found in pkgutil.iter_modules()] + list(sys.stdlib_module_names)
        if len(parts) > 1:
            return f'no module named "{root}"{did_you_mean(root, [*names, *modules])}'
        variables = ", ".join(self.variables) or "none"
        hint = did_you_mean(root, [*names, *vars(builtins), *modules])
        return f'"{root}" is not a variable here ({variables}), a builtin or a module that can be imported{hint}'


def submodules(module: ModuleType) -> Iterator[str]:
    return (found.name for found in pkgutil.iter_modules(getattr(module, "__path__", [])))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the one of `known` most like `name`, "" when none is."""
    near = get_close_matches(name, sorted({word for word in known if not word.startswith("_")}), 1, cutoff=0.7)
    return f'; did you mean "{near[0]}"?' if near else ""


def shorten(text: str, size: int = 60) -> str:
    """`text` on one line of at most `size` characters."""
    line = " ".join(text.split())
    return line if len(line) <= size else f"{line[: size - 3]}..."
