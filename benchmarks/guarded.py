"""What guards cost: a signed-in user, a rate limit, a cached response, each beside the bare resource."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.contestants import BARE, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS

if TYPE_CHECKING:
    from benchmarks.cases import Bench

WARM_UP = 1.0
MODULE = """
def now(handler):
    return "hello"

def sign_in(handler):
    handler.session["user"] = {"id": "ann"}
"""
CONFIG = """
app:
  session: {{type: {store}}}
  ratelimit: {{type: {store}}}
url:
  in: {{pattern: /in, handler: FunctionHandler, kwargs: {{function: hello.sign_in}}}}
  function: {{pattern: /function, handler: FunctionHandler, kwargs: {{function: str("hello")}}}}
  signed-in: {{pattern: /signed-in, handler: FunctionHandler, kwargs: {{function: str("hello"), auth: true}}}}
  limited:
    pattern: /limited
    handler: FunctionHandler
    kwargs: {{function: str("hello"), ratelimit: {{keys: [hourly, ip], limit: 1000000000}}}}
  cached: {{pattern: /cached, handler: FunctionHandler, kwargs: {{function: hello.now, cache: true}}}}
"""


def guarded_folder(parent: Path, store: str) -> Path:
    """A folder whose app keeps its sessions and rate limits in ``store``."""
    folder = parent / f"guarded-{store}"
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG.format(store=store))
    (folder / "hello.py").write_text(MODULE)
    shutil.copy(APPS / "bare.py", folder)
    return folder


def _cookie(url: str) -> str:
    with urlopen(url, timeout=60) as response:
        cookie: str = response.headers["Set-Cookie"].partition(";")[0]
        return cookie


def guarded(path: str, store: str, least: float) -> Callable[[Bench], list[Figure]]:
    """A case: ``path`` with sessions and limits in ``store``, at ``least`` times the rate of the bare resource."""

    def case(bench: Bench) -> list[Figure]:
        with ExitStack() as stack:
            folder = guarded_folder(bench.folder, store)
            names = bench.contestants.among(OURS, BARE)
            servers = {name: stack.enter_context(bench.contestants.server(name, folder, "/function")) for name in names}
            signed_in = path == "/signed-in" and OURS in servers
            cookie = _cookie(servers[OURS].url("/in")) if signed_in else ""

            def rate(name: str) -> float:
                wanted = path if name == OURS else "/function"
                return load(servers[name].url(wanted), bench.seconds, cookie=cookie).rate

            for name in names:
                load(servers[name].url(path if name == OURS else "/function"), WARM_UP, cookie=cookie)
            samples = in_turn(names, bench.rounds, rate)
        return [Figure(f"{path}, {store}", "requests/s", samples, [Goal(least, BARE)])]

    return case
