"""Real servers for tests: private, on a free port, in a temporary folder, to be killed and started again."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from twisted.trial.unittest import SynchronousTestCase

#: Seconds that a server may take to start.
START = 20.0

for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]:  # where Debian keeps it: not on PATH
    os.environ["PATH"] += f"{os.pathsep}{folder}"


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def runs(pid: int) -> bool:
    """Whether the process lives: one that has ended but that nobody waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


class PrivateServer:
    """A process that listens on ``port`` of 127.0.0.1 and keeps its data in ``folder``, also when it is killed.

    Use ``of(test)``: it starts one and removes it, with its folder, when the test ends.
    """

    #: The program, and the Debian package that it comes in.
    program, package = "", ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, test: SynchronousTestCase) -> Self:
        """A server that runs as long as ``test``."""
        if shutil.which(cls.program) is None:
            raise AssertionError(f"{cls.program} is missing: apt-get install {cls.package}")
        folder = Path(tempfile.mkdtemp(prefix=f"{Path(cls.program).name}-"))
        test.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        server = cls(folder)
        test.addCleanup(server.kill)
        server.start()
        return server

    def command(self) -> list[str]:
        """What starts the server."""
        raise NotImplementedError

    def start(self) -> None:
        """Start it, on the same port and data as before, and wait until it answers."""
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + START
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.program} did not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.01)

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """kill -9 it and its children, as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)  # it makes no more children
            children = self._children()
            for pid in [self.process.pid, *children]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
            self.process = None
            deadline = time.monotonic() + START
            while any(map(runs, children)) and time.monotonic() < deadline:
                time.sleep(0.01)

    def _children(self) -> list[int]:
        """Its child processes: PostgreSQL refuses to start again while one of them lives."""
        assert self.process is not None
        pid = self.process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:  # it has ended, or this is no Linux
            return []

    def freeze(self) -> None:
        """Stop it from answering; its port stays open."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class RedisServer(PrivateServer):
    """Redis that has on disk what it has confirmed."""

    program, package = "redis-server", "redis-server"

    def command(self) -> list[str]:
        durable = ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
        address = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder)]
        return [self.program, *address, *durable]

    def answers(self) -> bool:
        """Whether it has read its data: it says LOADING before."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                sock.sendall(b"PING\r\n")
                return sock.recv(100).startswith((b"+PONG", b"-NOAUTH"))
        except OSError:
            return False

    def url(self, user: str = "", database: int = 0) -> str:
        """Its URL; ``user`` may be ``name:password``."""
        return f"redis://{user and user + '@'}127.0.0.1:{self.port}/{database}"


class PostgresServer(PrivateServer):
    """PostgreSQL with a user ``gramex``, who needs no password. Root, whom it refuses, runs it as another user."""

    program, package = "postgres", "postgresql"

    def command(self) -> list[str]:
        return [*self._as_user(), self.program, "-D", str(self._data), "-p", str(self.port), "-k", str(self.folder)]

    def start(self) -> None:
        """See ``PrivateServer.start``; the first time its data is made."""
        if not self._data.exists():
            if self._as_user():
                shutil.chown(self.folder, "nobody")
            make = ["initdb", "-D", str(self._data), "-U", "gramex", "-A", "trust", "-E", "UTF8", "--no-sync"]
            subprocess.run([*self._as_user(), *make], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # of one that was killed
        super().start()

    def answers(self) -> bool:
        """Whether it takes queries: it refuses them while it recovers."""
        ready = subprocess.run(
            ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], cwd=self.folder, check=False
        )
        return ready.returncode == 0

    def url(self, driver: str = "psycopg") -> str:
        """Its URL for SQLAlchemy."""
        return f"postgresql+{driver}://gramex@127.0.0.1:{self.port}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _as_user(self) -> list[str]:
        return ["setpriv", "--reuid=nobody", "--clear-groups"] if os.geteuid() == 0 else []


class MariaDBServer(PrivateServer):
    """MariaDB, whose user root needs no password."""

    program, package = "mariadbd", "mariadb-server"

    def command(self) -> list[str]:
        """What starts it: small, and without the care for power cuts that tests do not need."""
        address = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.folder}/socket"]
        small = ["--innodb-buffer-pool-size=32M", "--innodb-flush-log-at-trx-commit=0", "--skip-log-bin"]
        return [self.program, "--no-defaults", f"--datadir={self._data}", *self._user, *address, *small]

    def start(self) -> None:
        """See ``PrivateServer.start``; the first time its data is made."""
        if not self._data.exists():
            make = ["mariadb-install-db", "--no-defaults", f"--datadir={self._data}", *self._user]
            options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
            subprocess.run([*make, *options], cwd=self.folder, check=True, stdout=subprocess.DEVNULL)
        super().start()
        create = "CREATE DATABASE IF NOT EXISTS tests CHARACTER SET utf8mb4"
        subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.folder}/socket", "-u", "root", "-e", create], check=True
        )

    def url(self, driver: str = "pymysql") -> str:
        """Its URL for SQLAlchemy."""
        return f"mariadb+{driver}://root@127.0.0.1:{self.port}/tests"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _user(self) -> list[str]:
        return ["--user=root"] if os.geteuid() == 0 else []
