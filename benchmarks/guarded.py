"""What guards cost: a signed-in user, a rate limit, a cached response, each beside the bare resource."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.contestants import BARE, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.server import free_port
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


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """The URL of a Redis of our own, which keeps nothing."""
    port = free_port()
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                if process.poll() is not None:
                    raise
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def guarded_folder(parent: Path, store: str, url: str = "") -> Path:
    """A folder whose app keeps its sessions and rate limits in ``store``; ``url`` is that of a Redis."""
    folder = parent / f"guarded-{store}"
    folder.mkdir()
    written = f"{store}, url: '{url}'" if url else store
    (folder / "gramex.yaml").write_text(CONFIG.format(store=written))
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
            url = stack.enter_context(redis(bench.folder)) if store == "redis" else ""
            folder = guarded_folder(bench.folder, store, url)
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
