"""The shape of the package: which way imports point, how long files and functions get, what start-up imports."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import TestCase

from benchmarks.contestants import ours
from benchmarks.load import fetch
from benchmarks.server import Server

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "gramex_twisted"
MOST_LINES = 300
MOST_FUNCTION_LINES = 50
TWISTED = {"twisted", "klein", "treq", "autobahn", "zope", "automat", "constantly", "incremental"}


def module_name(path: Path) -> str:
    """``gramex_twisted.web.site`` for its file, ``gramex_twisted.web`` for its __init__.py."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def modules() -> Iterator[Path]:
    """The package's own files; init/ is an app that users get a copy of."""
    return (path for path in sorted(PACKAGE.rglob("*.py")) if path.relative_to(PACKAGE).parts[0] != "init")


MODULES = {module_name(path): ast.parse(path.read_text(), path) for path in modules()}


def imported(name: str, tree: ast.AST) -> Iterator[str]:
    """The full names of the modules that module ``name`` imports anywhere, `from package import module` resolved."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name.split(".") if _is_package(name) else name.split(".")[:-1]
                base = ".".join([*package[: len(package) - node.level + 1], *filter(None, [node.module])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield submodule if submodule in MODULES else base


def _is_package(name: str) -> bool:
    return (ROOT / Path(*name.split(".")) / "__init__.py").exists()


def layers() -> dict[str, int]:
    """The layers of docs/architecture.md, `a b -> c -> d`, as name -> height; the lowest is 0."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    [chain] = re.findall(r"^    (\w[\w ]*(?:(?: |\n    )*->[\w\n ]+)+)$", text, re.MULTILINE)
    names = [layer.split() for layer in chain.split("->")]
    return {name: height for height, layer in enumerate(reversed(names)) for name in layer}


def layer_of(module: str) -> str:
    """The word of architecture.md that stands for ``module``: the first below gramex_twisted."""
    return module.split(".")[1]


class DirectionTests(TestCase):
    def test_every_module_has_a_place_in_the_architecture(self) -> None:
        known = layers()
        homeless = sorted({layer_of(name) for name in MODULES if "." in name} - set(known))
        self.assertEqual(homeless, [], "name them in the line of layers in docs/architecture.md")

    def test_the_architecture_names_no_module_that_is_gone(self) -> None:
        self.assertEqual(set(layers()) - {layer_of(name) for name in MODULES if "." in name}, set())

    def test_imports_never_point_to_a_higher_layer(self) -> None:
        known = layers()
        wrong = [
            f"{name} imports {target}"
            for name, tree in MODULES.items()
            if "." in name
            for target in imported(name, tree)
            if target.startswith("gramex_twisted.") and known.get(layer_of(target), 0) > known.get(layer_of(name), 99)
        ]
        self.assertEqual(wrong, [])

    def test_no_module_imports_itself_through_others(self) -> None:
        graph = {name: set(_at_runtime(name, tree)) & set(MODULES) for name, tree in MODULES.items()}
        while graph:
            leaves = {name for name, targets in graph.items() if not targets & set(graph) - {name}}
            if not leaves:
                break
            graph = {name: targets for name, targets in graph.items() if name not in leaves}
        circle = {name: sorted(targets & set(graph)) for name, targets in graph.items()}
        self.assertEqual(circle, {})

    def test_config_data_functions_and_options_import_no_twisted(self) -> None:
        wrong = [
            f"{name} imports {target}"
            for name, tree in MODULES.items()
            if name.split(".")[1:2] in (["config"], ["data"], ["functions"], ["options"])
            for target in imported(name, tree)
            if target.split(".")[0] in TWISTED
        ]
        self.assertEqual(wrong, [])

    def test_handlers_import_only_the_handler_they_subclass(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        handlers = {target.split(":")[0] for target in project["entry-points"]["gramex_twisted.handlers"].values()}
        wrong = [
            f"{name} imports {target}"
            for name in handlers & set(MODULES)
            for target in imported(name, MODULES[name])
            if target in handlers and target != name and not _is_parent(target, MODULES[name])
        ]
        self.assertEqual(wrong, [])

    def test_the_reactor_is_never_imported_at_module_level(self) -> None:
        wrong = [
            f"{name}:{node.lineno}"
            for name, tree in MODULES.items()
            for node in tree.body
            if isinstance(node, ast.ImportFrom)
            and node.module == "twisted.internet"
            and any(alias.name == "reactor" for alias in node.names)
        ]
        self.assertEqual(wrong, [])


def _at_runtime(name: str, tree: ast.Module) -> Iterator[str]:
    """What importing ``name`` imports: statements of the module itself, not of functions or `if TYPE_CHECKING`."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(name, ast.Module([node], []))


def _is_parent(target: str, tree: ast.Module) -> bool:
    """Whether a class of ``tree`` subclasses a name that it imports from ``target``."""
    names = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module == target
        for alias in node.names
    }
    bases = {ast.unparse(base) for node in tree.body if isinstance(node, ast.ClassDef) for base in node.bases}
    return bool(names) and names <= bases | {"Options"}


class SizeTests(TestCase):
    def files(self) -> Iterator[Path]:
        for folder in ("gramex_twisted", "twisted", "benchmarks"):
            yield from sorted((ROOT / folder).rglob("*.py"))

    def test_no_file_is_longer_than_300_lines(self) -> None:
        sizes = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in self.files()}
        self.assertEqual({name: size for name, size in sizes.items() if size > MOST_LINES}, {})

    def test_no_function_is_longer_than_50_lines(self) -> None:
        long = {
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": size
            for path in self.files()
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (size := (node.end_lineno or 0) - node.lineno + 1) > MOST_FUNCTION_LINES
        }
        self.assertEqual(long, {})


MODULES_PY = """
import sys


def loaded(handler):
    return " ".join(sys.modules)
"""
GRAMEX_YAML = """
url:
  function: {pattern: /function, handler: FunctionHandler, kwargs: {function: str("hello")}}
  file: {pattern: /file, handler: FileHandler, kwargs: {path: $YAMLPATH/file.txt}}
  loaded: {pattern: /loaded, handler: FunctionHandler, kwargs: {function: listing.loaded}}
"""


class StartUpTests(TestCase):
    def test_serving_functions_and_files_imports_no_data_library(self) -> None:
        """A process of its own, since this one imports what other tests need; it tells what it has imported."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "file.txt").write_text("file")
        (folder / "listing.py").write_text(MODULES_PY)
        (folder / "gramex.yaml").write_text(GRAMEX_YAML)
        environment = {"PYTHONPATH": str(ROOT), "GRAMEXDATA": str(folder / "data")}
        with Server(ours, folder, "/function", environment) as server:
            bodies = [fetch(server.url(path)) for path in ("/function", "/file")]
            names = set(fetch(server.url("/loaded")).decode().split())
        loaded = {name.split(".")[0] for name in names}
        self.assertEqual(bodies, [b"hello", b"file"])
        self.assertIn("gramex_twisted", loaded)
        self.assertEqual(loaded & {"polars", "pandas", "sqlalchemy", "numpy", "klein", "treq", "autobahn"}, set())
        self.assertEqual(names & {"gramex", "gramex_twisted.compat", "tornado.web", "tornado.ioloop"}, set())
