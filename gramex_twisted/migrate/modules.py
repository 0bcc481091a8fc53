"""What an app's Python files do that is different here, from their syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from pathlib import Path

from gramex_twisted.config.document import Config
from gramex_twisted.config.imports import display
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.names import dotted_name
from gramex_twisted.migrate.names import missing_attribute, missing_text, not_installed
from gramex_twisted.migrate.places import files_below

LOOPS = ("IOLoop.current", "IOLoop.instance", "asyncio.get_event_loop")
HANDLERS = {
    "tornado.web.StaticFileHandler": "write `handler: FileHandler`",
    "StaticFileHandler": "write `handler: FileHandler`",
    "tornado.websocket.WebSocketHandler": "derive it from gramex.handlers.BaseWebSocketHandler",
}
"""Classes of Tornado that are not served -> what to do."""


def module_findings(folders: Collection[Path], config: Config) -> Iterator[ConfigError]:
    """What is different for the Python files below ``folders``, each once."""
    files = sorted(set(files_below(folders, (".py",))))
    own = {part for file in files for part in (file.stem, file.parent.name)}
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), file)
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None) or 1
            yield ConfigError(f"{display(file)}:{line}", f"is no Python 3: {getattr(error, 'msg', error)}")
            continue
        yield from sorted(Visitor(file, own).visited(tree), key=lambda found: int(found.where.rpartition(":")[2]))


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
        if self.missing(node, name):
            return True
        told = not_installed(name, self.own)
        if told is not None:
            self.report(node, told)
        return told is not None

    def missing(self, node: ast.AST, name: str) -> bool:
        text = missing_text(name)
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
            self.missing(node, ".".join(dotted[1]))
        elif dotted is not None and dotted[1][0] == "handler" and len(dotted[1]) > 1:
            told = missing_attribute(dotted[1][1])
            if told is not None:
                self.report(node, told)
        if ast.unparse(node).endswith("current_user.password"):
            self.report(node, "no password is in handler.current_user")
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
