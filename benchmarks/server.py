"""One server process under measurement: started on a free port, waited for, always killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 120.0
"""Seconds that a server gets to answer its first request. Gramex with 10,000 routes needs many."""

Command = Callable[[Path, int], list[str]]
"""Makes the command line that serves a folder on a port."""


class NotAnsweringError(Exception):
    """A server that died or stayed silent; the message ends with what it printed."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """A context manager: inside it the process runs and answers ``ready``, a path that gives 200.

    ``started`` is the time in seconds from starting the process to the end of the first response.
    """

    def __init__(self, command: Command, folder: Path, ready: str, environment: Mapping[str, str]) -> None:
        self.port = free_port()
        self.folder = folder
        self.command = command(folder, self.port)
        self.ready = ready
        # What the shell says to Python (no bytecode, no buffering) is not what is measured.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.environment = {**inherited, **environment}
        self.output = folder / f"server-{self.port}.log"
        self.started = 0.0

    def url(self, path: str) -> str:
        """The URL of ``path`` on this server."""
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def __enter__(self) -> Self:
        with self.output.open("wb") as output:
            begin = time.perf_counter()
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            while not self._answers():
                if self.process.poll() is not None or time.perf_counter() - begin > PATIENCE:
                    raise NotAnsweringError(f"{' '.join(self.command)} does not answer {self.ready}:\n{self._tail()}")
                time.sleep(0.002)
        except BaseException:
            self.stop()
            raise
        self.started = time.perf_counter() - begin
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the process and whatever it started. May be called twice."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        """Whether one request for ``ready`` gives 200. No connection and 503 are False, anything else is an error."""
        request = f"GET {self.ready} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nConnection: close\r\n\r\n"
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
                connection.sendall(request.encode())
                with connection.makefile("rb") as response:
                    status = response.readline()
                    response.read()
        except OSError:
            return False
        if b" 503 " in status:  # the server is starting
            return False
        if b" 200 " not in status:
            raise NotAnsweringError(f"{self.url(self.ready)} answers {status!r}:\n{self._tail()}")
        return True

    def _tail(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-20:])
