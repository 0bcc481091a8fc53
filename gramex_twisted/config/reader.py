"""From a gramex.yaml to a Document: YAML, secrets, variables, conditions, imports, layers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gramex_twisted.config.document import Document
from gramex_twisted.config.imports import display
from gramex_twisted.config.layers import apply, flatten, overlay, parse_overrides
from gramex_twisted.config.marks import KeyPath, Mark
from gramex_twisted.config.problems import GiveUp, Problems
from gramex_twisted.config.resolver import Reading, Resolver
from gramex_twisted.config.variables import Budget, Scope, file_variables, predefined
from gramex_twisted.config.yamltree import Node, load, plain

DEFAULTS = Path(__file__).with_name("defaults.yaml")
FOLDER = Path(__file__).with_name("folder.yaml")
SECRETS = ".secrets.yaml"


def read(
    path: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    start: str | os.PathLike[str] | None = None,
    text: str | bytes | None = None,
    folder: bool = False,
) -> Document:
    """Read the configuration in ``path``.

    ``overrides`` are `--set` options such as ``app.listen.port=9000``. ``start`` is the folder that YAMLURL is relative
    to (default: the file's own). ``text`` is read in place of the file's content, as if it lay at ``path``. With
    ``folder``, the app's folder is served where no route is. Raises an ExceptionGroup of ConfigError with every error
    of every file.
    """
    problems = Problems()
    document = read_into(problems, path, overrides=overrides, environ=environ, start=start, text=text, folder=folder)
    problems.raise_errors(f"{path} has errors")
    assert document is not None
    return document


def read_into(
    problems: Problems,
    path: str | os.PathLike[str],
    *,
    overrides: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    start: str | os.PathLike[str] | None = None,
    text: str | bytes | None = None,
    folder: bool = False,
) -> Document | None:
    """As ``read``, but errors go to ``problems``: the Document is what could be read, None when that is nothing."""
    file = Path(os.path.abspath(path))
    try:
        reader = Reader(file, Path(start or file.parent).absolute(), environ, problems)
        return reader.read(overrides, text, folder=folder)
    except GiveUp:
        return None


class Reader:
    """Reads one configuration."""

    def __init__(self, file: Path, start: Path, environ: Mapping[str, str], problems: Problems) -> None:
        self.file = file
        self.problems = problems
        self.environ = environ
        self.budget = Budget(problems)
        self.reading = Reading(start, problems, self.budget)

    def read(self, overrides: Sequence[str], text: str | bytes | None, *, folder: bool = False) -> Document:
        """The Document; errors go to the Problems, GiveUp when there is nothing to go on with."""
        options = parse_overrides(overrides, self.problems)
        fixed = {o.path[1]: plain(o.node) for o in options if o.path[0] == "variables" and len(o.path) == 2}
        root = self.main_file(text)
        secrets = self.secrets()
        values = {**predefined(self.environ), **secrets, **fixed}
        scope = Scope({**values, **file_variables(self.file, self.reading.start)}, *self.scope_rest(fixed))
        tree = Resolver(self.reading, scope, (self.file,)).resolve_file(root)
        tree = overlay(self.layer(DEFAULTS, values), with_folder(tree, self.layer(FOLDER, values) if folder else None))
        if scope.defined:
            first = next(iter(scope.defined.values())).mark
            tree.value["variables"] = Node(dict(scope.defined), first, first)
        for option in options:
            apply(tree, option, self.problems)
        marks: dict[KeyPath, Mark] = {}
        return Document(
            tree=flatten(tree, (), marks),
            marks=marks,
            variables=scope.values,
            files=tuple(dict.fromkeys(self.reading.files)),
            warnings=tuple(self.problems.warnings),
            secrets=frozenset(secrets),
        )

    def scope_rest(self, fixed: Mapping[str, Any]) -> tuple[Problems, Budget, frozenset[str]]:
        """What all scopes have in common."""
        return self.problems, self.budget, frozenset(fixed)

    def main_file(self, text: str | bytes | None) -> Node:
        """The tree of the main file."""
        if text is None:
            root = self.reading.load(self.file, Mark(display(self.file)))
        else:
            data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            root = self.reading.parse(self.file, data)
        if root is None:
            raise GiveUp
        return root

    def secrets(self) -> dict[str, Any]:
        """The variables of `.secrets.yaml` beside the main file, taken literally."""
        path = self.file.with_name(SECRETS)
        if not path.is_file():
            return {}
        root = self.reading.load(path, Mark(display(path)))
        for key, node in root.value.items() if root else ():
            if not isinstance(key, str):
                self.problems.error(node.mark, f"the name {key!r} must be text")
        return dict(plain(root)) if root else {}

    def layer(self, path: Path, values: Mapping[str, Any]) -> Node:
        """The tree of a file of the package."""
        root = load(path.read_bytes(), f"gramex_twisted/config/{path.name}", self.problems)
        scope = Scope({**values, **file_variables(path, path.parent)}, *self.scope_rest({}))
        return Resolver(self.reading, scope, (path,)).resolve_file(root)


def with_folder(tree: Node, layer: Node | None) -> Node:
    """``tree`` over ``layer``, whose route `default` serves the app's folder. An app may have a whole route of that
    name, change ours, or say `default: null` or `compat: false`: then there is none."""
    url = tree.value.get("url")
    routes = url.value if url is not None and isinstance(url.value, dict) else {}
    own, compat = routes.get("default"), tree.value.get("compat")
    if own is not None and own.value is None:
        rest = {name: node for name, node in routes.items() if name != "default"}
        return Node({**tree.value, "url": Node(rest, url.mark, url.at)}, tree.mark, tree.at)
    whole = own is not None and not (
        isinstance(own.value, dict) and {"pattern", "handler", "service"}.isdisjoint(own.value)
    )
    broken = url is not None and url.value is not None and not isinstance(url.value, dict)
    if layer is None or whole or broken or (compat is not None and compat.value is False):
        return tree
    if url is not None and url.value is None:
        tree = Node({**tree.value, "url": Node({}, url.mark, url.at)}, tree.mark, tree.at)
    return overlay(layer, tree)
