"""What the API layer costs: six options and an answer of 2 KB beside a bare resource; a long list; options alone."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from timeit import timeit
from typing import TYPE_CHECKING

from benchmarks.contestants import BARE, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import fetch, load
from benchmarks.server import Command, Server
from benchmarks.sleepers import Sleepers
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS

if TYPE_CHECKING:
    from benchmarks.bench import Bench

WARM_UP = 1.0
BIOTHINGS = "BioThings"
#: The Python of a virtual environment with BioThings.
BIOTHINGS_PYTHON = os.environ.get("BIOTHINGS_PYTHON", "")
MODULE = """
DOCUMENT = {f"field{number}": "0123456789 abcdefghij " * 2 for number in range(36)}
ROWS = [{"number": number, "name": f"row {number}", "text": "x" * 50} for number in range(10_000)]


def echo(q, size, start, fields, sort, verbose):
    return {"q": q, "size": size, "start": start, "fields": fields, "sort": sort, "verbose": verbose, **DOCUMENT}


async def quick(q, size, start, fields, sort, verbose):
    return echo(q, size, start, fields, sort, verbose)


def many():
    return ROWS
"""
CONFIG = """
url:
  api:
    pattern: /api
    handler: APIHandler
    kwargs:
      function: echoes.quick
      options:
        GET:
          q: {required: true}
          size: {type: int, min: 0, max: 1000}
          start: {type: int, default: 0}
          fields: {type: list}
          sort: {enum: [name, number]}
          verbose: {type: bool}
  list: {pattern: /list, handler: APIHandler, kwargs: {function: echoes.many}}
  quiet: {pattern: /quiet, handler: FunctionHandler, kwargs: {function: str("quiet")}}
"""
QUESTION = "/api?q=cdk2&size=20&start=5&fields=name,symbol&sort=name&verbose=true"


def api_folder(parent: Path) -> Path:
    """A folder with the API, for both servers."""
    folder = parent / "api"
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG)
    (folder / "echoes.py").write_text(MODULE)
    for app in ("bare_api.py", "biothings_api.py"):
        shutil.copy(APPS / app, folder)
    return folder


def bare_api(folder: Path, port: int) -> list[str]:
    """The bare resource."""
    return [sys.executable, str(folder / "bare_api.py"), "--port", str(port)]


def biothings_api(folder: Path, port: int) -> list[str]:
    """The same on BioThings."""
    return [BIOTHINGS_PYTHON, str(folder / "biothings_api.py"), "--port", str(port)]


def echo(bench: Bench) -> list[Figure]:
    """Requests/s of an answer of 2 KB that six options decide, and of a list of 1 MB."""
    figures = []
    with ExitStack() as stack:
        folder = api_folder(bench.folder)
        commands: dict[str, Command | None] = {OURS: None, BARE: bare_api}
        servers = {
            name: stack.enter_context(bench.contestants.server(name, folder, QUESTION, commands[name]))
            for name in bench.contestants.among(*commands)
        }
        if BIOTHINGS_PYTHON:
            servers[BIOTHINGS] = stack.enter_context(Server(biothings_api, folder, QUESTION, {}))
        small, long = [Goal(0.5, BARE), Goal(3, BIOTHINGS)], [Goal(0.5, BARE)]
        for title, path, goals in (
            ("API, 2 KB, 6 options", QUESTION, small),
            ("API, a list of 1 MB", "/list", long),
        ):
            bodies = {fetch(server.url(path)) for server in servers.values()}
            if len(bodies) > 1:
                raise RuntimeError(f"the servers give different bodies for {path}")
            for server in servers.values():
                load(server.url(path), WARM_UP)
            urls = {name: server.url(path) for name, server in servers.items()}
            samples = in_turn(list(servers), bench.rounds, partial(_rate, urls, bench.seconds))
            figures.append(Figure(title, "requests/s", samples, goals))
    return figures


def _rate(urls: Mapping[str, str], seconds: float, name: str) -> float:
    return load(urls[name], seconds).rate


def beside_lists(bench: Bench) -> list[Figure]:
    """The p99 of another URL while 2 clients ask for lists of 1 MB, over its p99 without them."""
    with ExitStack() as stack:
        folder = api_folder(bench.folder)
        server = stack.enter_context(bench.contestants.server(OURS, folder, "/quiet"))
        url = server.url("/quiet")
        load(url, WARM_UP)

        def slowdown(_: str) -> float:
            quiet = load(url, bench.seconds)
            with Sleepers(server.url("/list"), 2):
                return load(url, bench.seconds).p99 / quiet.p99

        samples = in_turn([OURS], bench.rounds, slowdown)
    return [Figure("p99 of another URL beside lists of 1 MB", "x quiet p99", samples, [Goal(5, at_most=True)])]


def option_parsing(bench: Bench) -> list[Figure]:
    """Microseconds that one option takes."""
    from gramex_twisted.options import Arguments, OptionSet

    made = OptionSet(
        {
            "GET": {
                "q": {"required": True},
                "size": {"type": int, "min": 0, "max": 1000},
                "start": {"type": int, "default": 0},
                "fields": {"type": list},
                "sort": {"enum": ["name", "number"]},
                "verbose": {"type": bool},
            }
        }
    )
    query = {"q": ["cdk2"], "size": ["20"], "fields": ["name,symbol"], "sort": ["name"], "verbose": ["true"]}
    arguments, times = Arguments(query=query), 20_000
    samples = [
        timeit(lambda: made.parse("GET", arguments), number=times) / times / 6 * 1e6 for _ in range(bench.rounds)
    ]
    return [Figure("one option of six", "microseconds", {OURS: samples}, [Goal(20, at_most=True)])]
