"""Who is compared: how each server is started on a folder and a port."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.server import Command, Server

CHECKOUT = Path(__file__).parent.parent
OURS = "gramex_twisted"
BARE = "twisted.web"
TORNADO = "Tornado"
GRAMEX = "Gramex"


def ours(folder: Path, port: int) -> list[str]:
    """This project, as a user starts it."""
    config = str(folder / "gramex.yaml")
    return [sys.executable, "-m", "twisted", "gramex", "--config", config, "--port", str(port)]


def bare(folder: Path, port: int) -> list[str]:
    """A bare twisted.web Resource on asyncio and uvloop; its access log is formatted and thrown away."""
    return [sys.executable, str(folder / "bare.py"), "--port", str(port), "--folder", str(folder)]


def twist_web(folder: Path, port: int) -> list[str]:
    """`twist web` as installed, for the time it takes to start."""
    listen = f"tcp:{port}:interface=127.0.0.1"
    return [sys.executable, "-m", "twisted", "web", "--listen", listen, "--path", str(folder)]


def tornado(folder: Path, port: int) -> list[str]:
    """The Tornado application of apps/tornado_app.py."""
    return [sys.executable, str(folder / "tornado_app.py"), f"--port={port}", f"--folder={folder}"]


@dataclass(frozen=True)
class Contestants:
    """The servers of one run, in the order in which they take turns.

    ``commands`` answer every URL of the benchmark app (``twisted.web`` only some); ``data`` is a folder for what they
    keep (GRAMEXDATA), so that neither reads nor leaves anything in the user's own.
    """

    commands: Mapping[str, Command]
    data: Path

    def server(self, name: str, folder: Path, ready: str, command: Command | None = None) -> Server:
        """A new process of contestant ``name`` (or ``command`` in its place) on ``folder``."""
        data = self.data / name
        data.mkdir(exist_ok=True)
        environment = {"GRAMEXDATA": str(data)}
        if name == OURS:
            environment["PYTHONPATH"] = str(CHECKOUT)
        return Server(command or self.commands[name], folder, ready, environment)

    def among(self, *names: str) -> list[str]:
        """Those of ``names`` that take part in this run."""
        return [name for name in names if name in self.commands]


def contestants(data: Path, gramex_python: Path | None) -> Contestants:
    """Everyone, and Gramex too when ``gramex_python``, the Python of its virtual environment, is given."""
    commands: dict[str, Command] = {OURS: ours, BARE: bare, TORNADO: tornado}
    if gramex_python is not None:
        python = str(gramex_python)
        commands[GRAMEX] = lambda folder, port: [python, "-m", "gramex", f"--listen.port={port}"]
    return Contestants(commands, data)
