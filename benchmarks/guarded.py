"""What guards cost: a signed-in user, a rate limit, a cached response, each beside the bare resource."""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING
from urllib.request import urlopen

from benchmarks.contestants import BARE, OURS
from benchmarks.figures import Figure, Goal
from benchmarks.load import load
from benchmarks.server import free_port
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS

if TYPE_CHECKING:
    from benchmarks.bench import Bench

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

LOG_IN = """
  log-in:
    pattern: /log-in
    handler: SimpleAuth
    kwargs: {{credentials: {{ann: '{hash}'}}, xsrf_cookies: false, delay: 0}}
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


def log_ins(bench: Bench) -> list[Figure]:
    """The p99 of another URL while 8 visitors sign in, each again at once, over its p99 without them."""
    with ExitStack() as stack:
        folder = guarded_folder(bench.folder, "memory")
        command = [sys.executable, "-m", "gramex_twisted.cli", "hash"]
        hashed = subprocess.run(command, input="secret\n", capture_output=True, text=True, check=True).stdout.strip()
        with (folder / "gramex.yaml").open("a") as file:
            file.write(LOG_IN.format(hash=hashed))
        server = stack.enter_context(bench.contestants.server(OURS, folder, "/function"))
        url = server.url("/function")
        load(url, WARM_UP)

        def slowdown(_: str) -> float:
            quiet = load(url, bench.seconds)
            with Visitors(server.port, 8):
                return load(url, bench.seconds).p99 / quiet.p99

        samples = in_turn([OURS], bench.rounds, slowdown)
    return [Figure("p99 of another URL beside 8 log-ins", "x quiet p99", samples, [Goal(3, at_most=True)])]


class Visitors:
    """A context manager: inside it ``count`` visitors sign in, each again as soon as it is done."""

    def __init__(self, port: int, count: int) -> None:
        self.port = port
        self.stopping = Event()
        self.threads = [Thread(target=self._sign_in, daemon=True) for _ in range(count)]

    def __enter__(self) -> None:
        for thread in self.threads:
            thread.start()

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def _sign_in(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        while not self.stopping.is_set():
            connection.request("POST", "/log-in", body="user=ann&password=secret", headers=form)
            response = connection.getresponse()
            response.read()
            if response.status != 302:
                raise RuntimeError(f"log-in: {response.status}")
