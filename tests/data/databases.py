"""PostgreSQL and MariaDB for the tests of data: one server of each for the whole run, started when first asked for."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from unittest import SkipTest

from tests.servers import PostgresServer, PrivateServer


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


@cache
def url_of(kind: type[PostgresServer] | type[MariaDBServer]) -> str:
    """The URL of the one server of this kind. Where its program is missing tests are skipped; in CI they fail."""
    if shutil.which(kind.program) is None:
        reason = f"{kind.program} is missing: apt-get install {kind.package}"
        if os.environ.get("CI") == "true":
            raise AssertionError(reason)
        raise SkipTest(reason)
    folder = Path(tempfile.mkdtemp(prefix=f"{kind.program}-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = kind(folder)
    atexit.register(server.kill)
    server.start()
    return server.url()
