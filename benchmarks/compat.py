"""What a coroutine of Tornado and a handler class that is derived from Gramex's BaseHandler cost."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.contestants import BARE, GRAMEX, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS

if TYPE_CHECKING:
    from benchmarks.bench import Bench

MODULE = """
import tornado.gen
from gramex.handlers import BaseHandler

@tornado.gen.coroutine
def later(handler):
    raise tornado.gen.Return("hello")

class Page(BaseHandler):
    @tornado.gen.coroutine
    def get(self):
        self.write("hello")
"""
CONFIG = """
url:
  function: {pattern: /function, handler: FunctionHandler, kwargs: {function: str("hello")}}
  coroutine: {pattern: /coroutine, handler: FunctionHandler, kwargs: {function: coroutines.later}}
  class: {pattern: /class, handler: coroutines.Page}
"""


def compat_folder(parent: Path) -> Path:
    """An app of Gramex 1.x."""
    folder = parent / "compat"
    folder.mkdir(exist_ok=True)
    (folder / "coroutines.py").write_text(MODULE)
    (folder / "gramex.yaml").write_text(CONFIG)
    shutil.copy(APPS / "bare.py", folder)
    return folder


def coroutines(bench: Bench) -> list[Figure]:
    """A coroutine function of Tornado, and a class with one, against the bare resource's `/function`."""
    folder = compat_folder(bench.folder)
    figures = []
    with ExitStack() as stack:
        names = bench.contestants.among(OURS, GRAMEX, BARE)
        servers = {name: stack.enter_context(bench.contestants.server(name, folder, "/function")) for name in names}
        for path, goal in (("/coroutine", 0.5), ("/class", 0.4)):
            urls = {name: server.url("/function" if name == BARE else path) for name, server in servers.items()}
            samples = in_turn(names, bench.rounds, partial(_rate, urls, bench.seconds))
            figures.append(Figure(path, "requests/s", samples, [Goal(goal, BARE)]))
    return figures


def _rate(urls: Mapping[str, str], seconds: float, name: str) -> float:
    return load(urls[name], seconds).rate
