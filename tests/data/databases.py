"""PostgreSQL and MariaDB for the tests of data: one server of each for the whole run, started when first asked for."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from unittest import SkipTest

from tests.servers import MariaDBServer, PostgresServer


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
