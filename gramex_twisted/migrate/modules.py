"""What an app's Python files do that is different here, from their syntax trees."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Collection, Iterator
from pathlib import Path

from gramex_twisted.compat.missing import text_of
from gramex_twisted.config.document import Config
from gramex_twisted.config.imports import display
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.alias import COMPAT
from gramex_twisted.functions.names import dotted_name

SKIPPED = {"node_modules", "site-packages", "__pycache__", "venv"}
HERE = {"gramex", "orderedattrdict"}
"""Packages that are found without being installed."""
LOOPS = ("IOLoop.current", "IOLoop.instance", "asyncio.get_event_loop")
HANDLERS = {
    "tornado.web.StaticFileHandler": "write `handler: FileHandler`",
    "StaticFileHandler": "write `handler: FileHandler`",
    "tornado.websocket.WebSocketHandler": "derive it from gramex.handlers.BaseWebSocketHandler",
}
"""Classes of Tornado that are not served -> what to do."""
ASKED = {"gramex.handlers": f"{COMPAT}.handlers", "gramex.services": f"{COMPAT}.services"}
"""Modules that are asked for their names."""


def module_findings(folders: Collection[Path], config: Config) -> Iterator[ConfigError]:
    """What is different for the Python files below ``folders``, each once."""
    files = sorted({file for folder in folders for file in _files(folder)})
    own = {part for file in files for part in (file.stem, file.parent.name)}
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), file)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            yield ConfigError(f"{display(file)}:{line}", f"is no Python 3: {getattr(error, 'msg', error)}")
            continue
        yield from sorted(Visitor(file, own).visited(tree), key=lambda found: int(found.where.rpartition(":")[2]))


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in SKIPPED or path.is_symlink():
            continue
        if path.is_dir() and not (path / "pyvenv.cfg").exists():
            yield from _files(path)
        elif path.suffix == ".py":
            yield path


def missing_text(name: str) -> str | None:
    """What to say of the dotted ``name``, if it is not here."""
    module, member = ".".join(name.split(".")[:2]), name.split(".")[2:3]
    if module in ASKED and member and not member[0].endswith("handler"):
        try:
            getattr(importlib.import_module(ASKED[module]), member[0])
        except AttributeError as error:
            return str(error)
        return None
    return text_of(name)


class Visitor(ast.NodeVisitor):
    """Collects the findings of one file. ``own``: names of the app's modules."""

    def __init__(self, file: Path, own: Collection[str]) -> None:
        self.file = file
        self.own = own
        self.found: dict[tuple[int, str], ConfigError] = {}
        self.functions: list[bool] = []  # the functions that the node is in, outermost first: is it a plain def?

    def visited(self, tree: ast.AST) -> list[ConfigError]:
        """The findings of ``tree``."""
        self.visit(tree)
        return list(self.found.values())

    def report(self, node: ast.AST, message: str) -> None:
        line: int = getattr(node, "lineno", 1)
        self.found.setdefault((line, message), ConfigError(f"{display(self.file)}:{line}", message))

    @property
    def in_thread(self) -> bool:
        """Whether the code is in a plain def, which runs in a thread."""
        return bool(self.functions) and self.functions[-1]

    # What is imported -------------------------------------------------------------------------------------------------

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.imported(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        if not self.imported(node, node.module):
            for alias in node.names:
                self.missing(node, f"{node.module}.{alias.name}")

    def imported(self, node: ast.AST, name: str) -> bool:
        """Report a module that is not here; whether it did."""
        root = name.partition(".")[0]
        if self.missing(node, name):
            return True
        if root in HERE or root in self.own or root in sys.stdlib_module_names or root in sys.modules:
            return False
        try:
            known = importlib.util.find_spec(root) is not None
        except (ImportError, ValueError):
            known = False
        if not known:
            self.report(node, f"{root} is not installed here: pip install it, if Gramex had brought it along")
        return not known

    def missing(self, node: ast.AST, name: str) -> bool:
        text = missing_text(name) if name.startswith("gramex.") else None
        if text is not None:
            self.report(node, text)
        return text is not None

    # What is done -----------------------------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        marks = " ".join(map(ast.unparse, node.decorator_list))
        self.inside(node, plain="coroutine" not in marks and "inlineCallbacks" not in marks)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.inside(node, plain=False)

    def inside(self, node: ast.AST, *, plain: bool) -> None:
        self.functions.append(plain)
        self.generic_visit(node)
        self.functions.pop()

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for base in node.bases:
            name = ast.unparse(base)
            if name in HANDLERS:
                self.report(node, f"class {node.name}: a {name} is not served: {HANDLERS[name]}")
        self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        dotted = dotted_name(node)
        if dotted is not None and dotted[1][0] == "gramex":
            name = ".".join(dotted[1])
            self.missing(node, name)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        if self.in_thread and name.endswith(LOOPS):
            self.report(
                node,
                f"{name}() in a plain def is not the server's event loop, since that runs in a thread: use "
                "gramex.service.main_ioloop, or make the function a coroutine",
            )
        if not self.functions and name == "sqlite3.connect" and "check_same_thread" not in ast.unparse(node):
            self.report(
                node, "plain functions run in threads, and a SQLite connection serves one: connect in each call"
            )
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        if self.in_thread:
            names = ", ".join(node.names)
            self.report(
                node,
                f"{names}: plain functions run in threads, several at once. Guard it with a threading.Lock, or write "
                "`thread: false` in the route",
            )

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if ast.unparse(node).endswith(("session['access_token']", "session['refresh_token']")):
            key = ast.unparse(node.slice)
            self.report(
                node, f"the token of OAuth2 is handler.current_user[{key}], unless access_token.session_key says so"
            )
        self.generic_visit(node)
