"""Real ``twist gramex`` processes for tests: with deadlines, logs printed when a test fails, killed at the end."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, UNIXClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.protocol import ProcessProtocol, Protocol
from twisted.trial.unittest import TestCase

ROOT = Path(__file__).parent.parent
#: Seconds that anything may take; a machine under load needs more than one that is idle.
DEADLINE = 20.0


class Server(ProcessProtocol):
    """A child process; ``output`` is what it wrote to stdout and stderr."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.output = ""
        self.code: int | None = None
        self._seen = 0
        self._waiting: list[tuple[re.Pattern[str], Deferred[re.Match[str]]]] = []
        self._exits: list[Deferred[int]] = []

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self.output += data.decode(errors="replace")
        self._look()

    def processEnded(self, reason: Any) -> None:
        value = reason.value
        self.code = value.exitCode if value.exitCode is not None else -value.signal
        self._look()
        for _, waiting in self._waiting:
            waiting.errback(AssertionError(f"{self.name} ended with {self.code}:\n{self.output}"))
        for exit_ in self._exits:
            exit_.callback(self.code)
        self._waiting, self._exits = [], []

    def _look(self) -> None:
        if self._waiting:
            pattern, waiting = self._waiting[0]
            found = pattern.search(self.output, self._seen)
            if found:
                self._seen = found.end()
                del self._waiting[0]
                waiting.callback(found)

    async def line(self, pattern: str) -> re.Match[str]:
        """The next place in the output, after the last one found, that ``pattern`` matches."""
        waiting: Deferred[re.Match[str]] = Deferred()
        self._waiting.append((re.compile(pattern), waiting))
        self._look()
        if not waiting.called and self.code is not None:
            self._waiting.pop()
            raise AssertionError(f"{self.name} ended with {self.code} and not {pattern!r}:\n{self.output}")
        return await self._deadline(waiting, f"{pattern!r} in its log")

    async def started(self) -> Server:
        """Wait until the server serves; sets ``port``, that of its first TCP address, if it has one."""
        found = await self.line(r"serving \S+ on (\S.*)")
        self.urls = found[1].split(", ")
        ports = [match[1] for url in self.urls if (match := re.search(r":(\d+)$", url))]
        self.port = int(ports[0]) if ports else 0
        return self

    async def exited(self) -> int:
        """Wait for the end; the exit status, or minus the signal that killed it."""
        if self.code is not None:
            return self.code
        waiting: Deferred[int] = Deferred()
        self._exits.append(waiting)
        return await self._deadline(waiting, "its exit")

    def signal(self, number: int) -> None:
        self.transport.signalProcess(signal.Signals(number).name[3:])

    async def stop(self) -> None:
        if self.code is None:
            self.signal(signal.SIGKILL)
            await self.exited()

    def _deadline(self, waiting: Deferred[Any], what: str) -> Deferred[Any]:
        def late(result: Any, timeout: float) -> Any:
            raise AssertionError(f"{self.name}: no {what} within {timeout} s:\n{self.output}")

        return waiting.addTimeout(DEADLINE, reactor, late)


@dataclass(frozen=True)
class Response:
    """One HTTP response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client(Protocol):
    """One connection. A response without Content-Length ends with the connection."""

    def __init__(self) -> None:
        self.buffer = b""
        self.closed: Deferred[None] = Deferred()
        self.is_closed = False
        self._waiting: Deferred[Response] | None = None

    @classmethod
    async def connect(cls, port: int = 0, *, path: str | None = None, tls: Any = None) -> Client:
        endpoint: Any = UNIXClientEndpoint(reactor, path) if path else TCP4ClientEndpoint(reactor, "127.0.0.1", port, 5)
        return await connectProtocol(wrapClientTLS(tls, endpoint) if tls else endpoint, cls())

    def send(self, path: str = "/", **headers: str) -> Deferred[Response]:
        """Send a GET; fires with its response."""
        return self._send("GET", path, b"", headers)

    def put(self, path: str, body: bytes) -> Deferred[Response]:
        """Send a PUT; fires with its response."""
        return self._send("PUT", path, body, {"Content-Length": str(len(body))})

    def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Deferred[Response]:
        self._waiting = Deferred()
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *(f"{key}: {value}" for key, value in headers.items())]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        return self._waiting.addTimeout(DEADLINE, reactor)

    async def get(self, path: str = "/", **headers: str) -> Response:
        return await self.send(path, **headers)

    def dataReceived(self, data: bytes) -> None:
        self.buffer += data
        self._parse(ended=False)

    def connectionLost(self, reason: Any = None) -> None:
        self.is_closed = True
        self._parse(ended=True)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.errback(AssertionError(f"connection lost before a whole response: {self.buffer!r}"))
        self.closed.callback(None)

    def _parse(self, *, ended: bool) -> None:
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator or self._waiting is None:
            return
        first, *lines = head.decode().split("\r\n")
        headers = {key.lower(): value for key, value in (line.split(": ", 1) for line in lines)}
        length = int(headers["content-length"]) if "content-length" in headers else None
        if len(rest) >= length if length is not None else ended:
            length = len(rest) if length is None else length
            self.buffer = rest[length:]
            waiting, self._waiting = self._waiting, None
            waiting.callback(Response(int(first.split()[1]), headers, rest[:length]))


class ProcessTestCase(TestCase):
    """Runs servers in a folder of its own."""

    timeout = 90

    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.servers: list[Server] = []

    def run(self, result: Any) -> Any:
        before = len(getattr(result, "failures", ())) + len(getattr(result, "errors", ()))
        outcome = super().run(result)
        if len(getattr(result, "failures", ())) + len(getattr(result, "errors", ())) > before:
            for server in getattr(self, "servers", ()):
                sys.stderr.write(f"\n--- {self.id()}: {server.name} (exit {server.code})\n{server.output}\n")
        return outcome

    def write(self, files: Mapping[str, str]) -> None:
        """Write dedented ``files`` into the folder."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def spawn(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        fds: Mapping[int, int] | None = None,
        twist: tuple[str, ...] = (),
        program: tuple[str, ...] = ("-m", "twisted"),
    ) -> Server:
        """Start ``twist [twist] gramex [args]`` in the folder.

        ``fds`` maps the child's descriptors to ours; ``program`` is what Python runs instead of ``twist``.
        """
        server = Server(f"server {len(self.servers) + 1}")
        self.servers.append(server)
        command = [sys.executable, *program, *twist, "gramex", *args]
        if fds:  # only the process itself knows the pid that LISTEN_PID must be
            command = ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command]
        environ = {
            **{
                key: value
                for key, value in os.environ.items()
                if not key.startswith(("LISTEN_", "NOTIFY_", "WATCHDOG_"))
            },
            "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "GRAMEXDATA": str(self.folder / "data"),
            "PYTHONUNBUFFERED": "1",
            **(env or {}),
        }
        reactor.spawnProcess(  # type: ignore[attr-defined]
            server, command[0], command, environ, str(self.folder), childFDs={0: "w", 1: "r", 2: "r", **(fds or {})}
        )
        self.addCleanup(lambda: Deferred.fromCoroutine(server.stop()))
        return server

    async def serve(self, *args: str, **kwargs: Any) -> Server:
        """Start a server on a free port and wait until it serves."""
        return await self.spawn("--port", "0", *args, **kwargs).started()


def short_folder(test: TestCase) -> Path:
    """A temporary folder whose path leaves room for the 107 bytes that a unix socket's may have."""
    folder = tempfile.mkdtemp(prefix="gramex-")
    test.addCleanup(shutil.rmtree, folder)
    return Path(folder).resolve()


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
