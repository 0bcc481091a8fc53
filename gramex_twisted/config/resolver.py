"""One file of a configuration: its variables, conditions and imports applied, in that order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramex_twisted.config.conditions import actual_key
from gramex_twisted.config.imports import Import, display, import_nodes, merge_under, namespaced, parse_imports
from gramex_twisted.config.marks import Mark
from gramex_twisted.config.problems import GiveUp, Problems
from gramex_twisted.config.variables import Budget, Scope
from gramex_twisted.config.yamltree import Node, load, plain
from gramex_twisted.current import reading
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import compile_function

MAX_LEVELS = 128
MAX_CHAIN = 20
MAX_FILES = 10_000


@dataclass
class Reading:
    """What all files of one read have in common."""

    start: Path
    problems: Problems
    budget: Budget
    files: list[Path] = field(default_factory=list)

    def load(self, path: Path, mark: Mark) -> Node | None:
        """The tree of the file ``path``; None, with an error, when there is none. ``mark`` is where it is named."""
        if len(self.files) >= MAX_FILES:
            self.problems.error(mark, f"more than {MAX_FILES} files are imported")
            raise GiveUp
        try:
            data = path.read_bytes()
        except OSError as error:
            self.problems.error(mark, f"cannot read {display(path)}: {error.strerror}")
            return None
        return self.parse(path, data)

    def parse(self, path: Path, data: bytes) -> Node | None:
        """The tree of ``data``, read from ``path``; None, with an error, when it is no mapping."""
        self.files.append(path)
        try:
            root = load(data, display(path), self.problems)
        except GiveUp:
            return None
        if root.value is None:
            root.value = {}
        if not isinstance(root.value, dict):
            self.problems.error(root.at, "the file must hold `key: value` pairs")
            return None
        return root


class Resolver:
    """Resolves the file ``chain[-1]``, which the files before it in ``chain`` import."""

    def __init__(self, reading: Reading, scope: Scope, chain: tuple[Path, ...]) -> None:
        self.reading = reading
        self.problems = reading.problems
        self.scope = scope
        self.chain = chain

    def resolve_file(self, root: Node) -> Node:
        """The file's tree without its `variables:`, which are defined in the scope."""
        for key, node in root.value.items():
            name, holds = (key, True) if not is_variables(key) else actual_key(key, self.scope, node.mark)
            if name == "variables" and holds:
                self.define_variables(node)
        body = {key: node for key, node in root.value.items() if not is_variables(key)}
        return self.resolve(Node(body, root.mark, root.at), 0)

    def resolve(self, node: Node, level: int) -> Node:
        """``node`` with everything in it replaced."""
        value = node.value
        if isinstance(value, str):
            return self.scope.substitute(value, node.mark, node.at) if "$" in value or "{.}" in value else node
        if not isinstance(value, dict | list):
            return node
        if isinstance(value, list):
            return Node([self.resolve(item, level + 1) for item in value], node.mark, node.at)
        return Node(self.resolve_mapping(value, level), node.mark, node.at)

    def resolve_mapping(self, items: dict[Any, Node], level: int) -> dict[Any, Node]:
        """The items whose conditions hold, then those that are lifted or imported into this mapping."""
        result: dict[Any, Node] = {}
        lifted: list[Node] = []
        imports: list[Node] = []
        for key, node in items.items():
            name, holds = actual_key(key, self.scope, node.mark)
            if not holds:
                continue
            child = self.resolve(node, level + 1)
            if name == "import":
                imports.append(child)
            elif name == "import.merge":
                lifted.append(child)
            else:
                result[name] = child
        for node in lifted:
            self.lift(node, result)
        for node in imports:
            for imported in self.load_imports(node, level):
                merge_under(result, imported.value)
        return result

    def lift(self, node: Node, into: dict[Any, Node]) -> None:
        """`import.merge`: its keys go one level up, under what is there."""
        if isinstance(node.value, dict):
            merge_under(into, node.value)
        elif node.value not in (None, ""):
            self.problems.error(node.mark, "import.merge takes a mapping of the keys to merge")

    def load_imports(self, node: Node, level: int) -> list[Node]:
        """The trees that an `import:` names, in order."""
        found = []
        for wanted in parse_imports(node, self.problems):
            for path in import_nodes(wanted, self.chain[-1], self.problems):
                tree = self.load_import(wanted, path, level)
                if tree is not None:
                    found.append(tree)
        return found

    def load_import(self, wanted: Import, path: Path, level: int) -> Node | None:
        """The resolved tree of one imported file; None, with an error, when it cannot be had."""
        real = [file.resolve() for file in (*self.chain, path)]
        if real[-1] in real[:-1]:
            circle = " -> ".join(display(file) for file in (*self.chain[real.index(real[-1]) :], path))
            self.problems.error(wanted.mark, f"import goes in a circle: {circle}")
            return None
        if len(self.chain) >= MAX_CHAIN:
            self.problems.error(wanted.mark, f"imports go more than {MAX_CHAIN} files deep")
            return None
        root = self.reading.load(path, wanted.mark)
        if root is None:
            return None
        scope = self.scope.child(path, self.reading.start, wanted.variables)
        tree = Resolver(self.reading, scope, (*self.chain, path)).resolve_file(root)
        self.scope.adopt(scope)
        if level + height(tree) > MAX_LEVELS:
            self.problems.error(wanted.mark, f"imports nest more than {MAX_LEVELS} levels deep")
            raise GiveUp
        return namespaced(tree, wanted, path, self.chain[-1].parent)

    def define_variables(self, section: Node) -> None:
        """Evaluate `variables:` from top to bottom: each entry sees those before it."""
        if section.value is None:
            return
        if not isinstance(section.value, dict):
            self.problems.error(section.mark, "variables: takes `NAME: value` pairs")
            return
        for key, node in section.value.items():
            name, holds = actual_key(key, self.scope, node.mark)
            if holds and name in ("import", "import.merge"):
                self.import_variables(name, node)
            elif holds and not isinstance(name, str):
                self.problems.error(node.mark, f"variables: the name {name!r} must be text")
            elif holds:
                self.define_variable(name, node)

    def import_variables(self, key: str, node: Node) -> None:
        """`import:` inside `variables:`."""
        for name, child in self.resolve_mapping({key: node}, 1).items():
            if name not in self.scope.defined:
                self.scope.define(str(name), plain(child), child.mark)

    def define_variable(self, name: str, node: Node) -> None:
        """`NAME: value`, `NAME: {default: value}` or `NAME: {function: expression, default: value}`."""
        spec = node.value
        if not (isinstance(spec, dict) and ("function" in spec or "default" in spec)):
            self.scope.define(name, plain(self.resolve(node, 1)), node.mark)
        elif "function" in spec:
            self.scope.define(name, self.call(name, node), node.mark)
        elif name not in self.scope.values:
            self.scope.define(name, plain(self.resolve(spec["default"], 2)), node.mark)

    def call(self, name: str, node: Node) -> Any:
        """The result of a variable's function; its default when the function returns None or raises."""
        spec: Mapping[str, Any] = plain(self.resolve(node, 1))
        call = {key: value for key, value in spec.items() if key != "default"}
        mark = node.value["function"].mark
        try:
            with reading(self.scope.values):
                result = compile_function(call, ["key"], str(mark))(name)
        except Exception as error:  # noqa: BLE001 - it is the user's function
            reason = error.message if isinstance(error, ConfigError) else f"it raised {type(error).__name__}: {error}"
            text = f"variables.{name}: the function failed: {reason}"
            if "default" not in spec:
                self.problems.error(mark, f"{text}; add `default:` if it may")
                return None
            self.problems.warn(mark, f"{text}; its default is used")
            result = None
        return spec.get("default") if result is None else result


def is_variables(key: Any) -> bool:
    """Whether a top-level key is the `variables:` section, perhaps with a condition."""
    return isinstance(key, str) and (key == "variables" or key.startswith("variables if "))


def height(node: Node) -> int:
    """How many levels a tree has."""
    value = node.value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max((height(child) for child in children), default=0)
