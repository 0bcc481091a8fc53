"""The user log: a row in a database for every log-in, log-out and failure (``storelocations.userlog``).

A row is committed before the request is answered, so that not even a kill -9 loses it. Rows that come while others are
written share the next transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.errors import ConfigError, HTTPError
from gramex_twisted.resources.auth.located import names_of, opened, quoted
from gramex_twisted.services.logkeys import build_keys
from gramex_twisted.services.storelocations import OWN, SQLITE, location_of

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

log = Logger()

Row = dict[str, Any]


class UserLog:
    """Writes to the table that ``storelocations.userlog`` names: ``{url, table, columns}``."""

    def __init__(self, services: Services) -> None:
        location = location_of(services.conf.get("storelocations") or {}, services.data_dir, "userlog")
        self.url, self.table, self.columns = str(location["url"]), str(location["table"]), location["columns"]
        self.keys = _known(name for name in self.columns if name not in OWN["userlog"][2])
        self._values = build_keys(self.keys)
        self.threads = services.threads
        self.clock = services.sessions.clock
        self._waiting: list[tuple[Row, Deferred[None]]] = []
        self._writing = False

    async def record(self, event: str, context: Context, user: str = "") -> None:
        """Add a row; returns when it is durable.

        :param event: login, logout, fail, or another word.
        :raises HTTPError: 503 when it cannot be written.
        """
        done: Deferred[None] = Deferred()
        self._waiting.append(({"event": event, "user": user, **self._facts(context)}, done))
        if not self._writing:
            self._writing = True
            Deferred.fromCoroutine(self._write_all())
        await done

    def _facts(self, context: Context) -> Row:
        request, now = context.request, self.clock()
        host = context.native.getHost()
        return {
            "port": getattr(host, "port", None),
            "uri": request.path,  # without its query, which may hold a token
            "name": context.name,
            "class": type(context.route.resource).__name__,
            "datetime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M:%SZ"),
            "ip": request.remote_ip,
            "browser": request.headers.get("User-Agent", "")[:500],
            **dict(zip(self.keys, self._values(context), strict=True)),
        }

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                outcome: Failure | None = None
                try:
                    await self.threads.run(self._insert, [row for row, _ in batch])
                except Exception as error:  # noqa: BLE001 - whoever waits for a row is told
                    log.error("the log of sign-ins cannot be written: {url}: {error}", url=self._shown, error=error)
                    outcome = Failure(HTTPError(503, "sign-in is not possible now: try again in a moment"))
                for _, done in batch:
                    done.callback(outcome)
        finally:
            self._writing = False

    @property
    def _shown(self) -> str:
        return self.url.rpartition("@")[2]  # without a password

    # --- in a thread

    def _insert(self, rows: list[Row]) -> None:
        if self.url.startswith(SQLITE):
            self._insert_sqlite(Path(self.url.removeprefix(SQLITE)), rows)
        else:
            from gramex_twisted.resources.auth.tables import DatabaseTable

            DatabaseTable(self.url, self.table).append(rows, self.columns)

    def _insert_sqlite(self, path: Path, rows: list[Row]) -> None:
        with opened(path, self.table, self.columns) as connection:
            names = [name for name in names_of(connection, self.table) if name in rows[0]]
            into = ", ".join(map(quoted, names))
            marks = ", ".join("?" * len(names))
            values = [[row.get(name) for name in names] for row in rows]
            connection.executemany(f"INSERT INTO {quoted(self.table)} ({into}) VALUES ({marks})", values)


def _known(names: Iterable[str]) -> list[str]:
    """Those of ``names`` that a request has a value for; the others are logged."""
    known = []
    for name in names:
        try:
            build_keys([name], "storelocations.userlog.columns")
        except ConfigError as error:
            log.warn("{error}: the column stays empty", error=error)
        else:
            known.append(name)
    return known
