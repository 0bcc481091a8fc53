"""WebSockets: echoes to 1,000 clients, and what an idle client costs, beside Tornado."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import memory
from benchmarks.contestants import CHECKOUT, OURS, TORNADO
from benchmarks.figures import Figure, Goal
from benchmarks.turns import in_turn
from benchmarks.workspace import APPS
from benchmarks.wsload import upgrade

if TYPE_CHECKING:
    from benchmarks.bench import Bench

CLIENTS = 1000
WARM_UP = 1.0
FUNCTIONS = {"/echo": "an expression", "/echo-async": "async def", "/echo-def": "def, in a thread"}

CONFIG = """
url:
  function: {pattern: /function, handler: FunctionHandler, kwargs: {function: str("hello")}}
  echo: {pattern: /echo, handler: WebSocketHandler, kwargs: {on_message: handler.write_message(message)}}
  echo-async: {pattern: /echo-async, handler: WebSocketHandler, kwargs: {on_message: echoes.later}}
  echo-def: {pattern: /echo-def, handler: WebSocketHandler, kwargs: {on_message: echoes.now}}
"""
ECHOES = """
def now(handler, message):
    handler.write_message(message)

async def later(handler, message):
    await handler.write_message(message)
"""


def socket_folder(parent: Path) -> Path:
    """A folder whose app echoes."""
    folder = parent / "sockets"
    folder.mkdir()
    (folder / "gramex.yaml").write_text(CONFIG)
    (folder / "echoes.py").write_text(ECHOES)
    shutil.copy(APPS / "tornado_app.py", folder)
    return folder


def allow_files() -> None:
    """A thousand clients are a thousand open files, in this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 8 * CLIENTS), hard), hard))


def messages(port: int, path: str, seconds: float) -> float:
    """Messages a second that ``CLIENTS`` clients have echoed to them, each waiting for its last one."""
    command = [sys.executable, "-m", "benchmarks.wsload", str(port), f"--path={path}"]
    command += [f"--connections={CLIENTS}", f"--seconds={seconds}"]
    output = subprocess.run(
        command,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 120,
    ).stdout
    rate: float = json.loads(output)["rate"]
    return rate


def echo(path: str, *goals: Goal) -> Callable[[Bench], list[Figure]]:
    """A case: ``path`` of ours, whose function is of that kind, against Tornado's ``on_message``."""

    def case(bench: Bench) -> list[Figure]:
        allow_files()
        with ExitStack() as stack:
            folder = socket_folder(bench.folder)
            names = bench.contestants.among(OURS, TORNADO)
            servers = {name: stack.enter_context(bench.contestants.server(name, folder, "/function")) for name in names}
            paths = {OURS: path, TORNADO: "/echo"}
            for name in names:
                messages(servers[name].port, paths[name], WARM_UP)
            samples = in_turn(
                names, bench.rounds, lambda name: messages(servers[name].port, paths[name], bench.seconds)
            )
        return [Figure(f"WebSocket echo, 1,000 clients: {FUNCTIONS[path]}", "messages/s", samples, goals)]

    return case


def idle(bench: Bench) -> list[Figure]:
    """What 1,000 clients that say nothing add to a server's memory, in KB for each."""
    allow_files()
    folder = socket_folder(bench.folder)

    def cost(name: str) -> float:
        with bench.contestants.server(name, folder, "/function") as server:
            clients = [upgrade(server.port, "/echo")]  # what is made once is not counted
            before = memory.resident(server.pid)
            clients += [upgrade(server.port, "/echo") for _ in range(CLIENTS)]
            time.sleep(0.5)
            after = memory.resident(server.pid)
            for client in clients:
                client.close()
        return (after - before) / CLIENTS / 1024

    samples = in_turn(bench.contestants.among(OURS, TORNADO), bench.rounds, cost)
    return [Figure("WebSocket, idle: memory a client", "KB", samples, [Goal(40, at_most=True)])]
