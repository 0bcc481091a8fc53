"""What is known of users from their earlier log-ins: a row for each, with attributes as JSON (``storelocations.user``).

The table is that of Gramex 1.x, by default ``user`` in ``$GRAMEXDATA/auth.user.db``. It is used where gramex.yaml names
it, or where Gramex has made it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.located import PATIENCE, names_of, opened, quoted
from gramex_twisted.services.storelocations import SQLITE, location_of

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services

log = Logger()

#: The names of the attributes that a log-in has brought: one that the next does not bring has been taken away since.
BROUGHT = "_brought"
#: What is kept although a later log-in does not bring it: providers give it once.
LASTING = ("refresh_token",)
SECRET = ("password",)
"""What Gramex keeps, and is not for sessions."""
User = dict[str, Any]


class UserTable:
    """The table that ``storelocations.user`` names: ``{url, table, columns}``."""

    def __init__(self, services: Services) -> None:
        section = services.conf.get("storelocations") or {}
        self.in_use: bool | None = section.get("user") is not None or None  # None: it is not known yet
        location = location_of(section, services.data_dir, "user")
        self.url, self.table, self.columns = str(location["url"]), str(location["table"]), location["columns"]
        self.threads = services.threads
        self.shown = self.url.rpartition("@")[2]  # without a password

    async def signed_in(self, user: User) -> User:
        """``user``, with what earlier log-ins and user code have stored besides; returns when that is durable.

        :raises HTTPError: 503 when it cannot be read or written.
        """
        if self.in_use is False:
            return user
        stored = {key: value for key, value in user.items() if key not in SECRET}
        info: User = await self._run(str(user["id"]), {**stored, "active": "y"}, sorted(stored))
        return {**{key: value for key, value in info.items() if key not in SECRET and key != BROUGHT}, **user}

    async def signed_out(self, user: Any) -> None:
        """Note that ``user``, an id, has left.

        :raises HTTPError: 503 when it cannot be written.
        """
        if self.in_use is not False:
            await self._run(str(user), {"active": ""}, None)

    async def _run(self, key: str, changes: User, brought: list[str] | None) -> User:
        try:
            found: User = await self.threads.run(self._merge, key, changes, brought)
        except (sqlite3.Error, OSError) as error:
            log.error("storelocations.user: {url}: {error}", url=self.shown, error=error)
            raise HTTPError(503, "sign-in is not possible now: try again in a moment") from None
        return found

    # --- in a thread

    def _merge(self, key: str, changes: User, brought: list[str] | None) -> User:
        if not self.url.startswith(SQLITE):
            return self._merge_database(key, changes, brought)
        path = Path(self.url.removeprefix(SQLITE))
        if self.in_use is None:
            self.in_use = _has(path, self.table)
        if not self.in_use:
            return {}
        table = quoted(self.table)
        with opened(path, self.table, self.columns) as connection:
            row = connection.execute(f"SELECT value FROM {table} WHERE key = ?", (key,)).fetchone()
            info = merged(row and row[0], changes, brought)
            value = json.dumps(info, default=str)
            if row is None:
                connection.execute(f"INSERT INTO {table} (key, value) VALUES (?, ?)", (key, value))
            else:
                connection.execute(f"UPDATE {table} SET value = ? WHERE key = ?", (value, key))
        return info

    def _merge_database(self, key: str, changes: User, brought: list[str] | None) -> User:
        from gramex_twisted.resources.auth.tables import DatabaseTable, TakenError

        table = DatabaseTable(self.url, self.table)
        table.prepare(self.columns)
        for _ in range(2):  # of two first log-ins at once, one is second
            rows = table.find("key", key)
            info = merged(rows[0]["value"] if rows else None, changes, brought)
            value = json.dumps(info, default=str)
            if rows:
                table.update({"key": key}, {"value": value})
                return info
            try:
                table.insert({"key": key, "value": value})
            except TakenError:
                continue
            return info
        raise HTTPError(503, "sign-in is not possible now: try again in a moment")


def merged(stored: Any, changes: User, brought: list[str] | None) -> User:
    """What is to be stored: ``stored`` (JSON, or None) and ``changes``.

    :param brought: the names that this log-in brings; what the last one brought, and this does not, goes. None: it is
        no log-in.
    """
    try:
        info = json.loads(stored or "{}")
    except (ValueError, TypeError):
        info = {}
    if not isinstance(info, dict):
        info = {}
    if brought is None:
        return {**info, **changes}
    gone = set(info.pop(BROUGHT, ())) - set(brought) - set(LASTING)
    return {**{key: value for key, value in info.items() if key not in gone}, **changes, BROUGHT: brought}


def _has(path: Path, table: str) -> bool:
    if not path.exists():
        return False
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE)) as connection:
        return {"key", "value"} <= set(names_of(connection, table))
