"""The accounts of DBAuth: rows of a table, and the passwords in them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.dboptions import DBOptions
from gramex_twisted.resources.auth.hashes import same, weak
from gramex_twisted.resources.auth.passwords import LONGEST, Passwords, is_argon2, need_argon2
from gramex_twisted.resources.auth.tablefiles import FileTable, file_table, plain
from gramex_twisted.resources.auth.tables import DatabaseTable, Row, database_table

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.base import AuthHandler
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.web.context import Context

log = Logger()


class Accounts:
    """The accounts of one route.

    :raises ConfigError: when the database cannot be used at all.
    """

    def __init__(self, handler: AuthHandler, options: DBOptions) -> None:
        setup = handler.setup
        self.handler = handler
        self.user = options.user.column
        self.password = options.password.column
        self.least = options.password.least
        self.threads = handler.services.threads
        self.table = _table(setup, options)
        need_argon2(setup.where("password"))
        self.passwords = Passwords(handler.services.hashing)
        spec = options.password.function
        self.function = None if spec is None else setup.function(spec, ["content", "handler"], "password", "function")
        rehash = options.password.rehash
        self.rehash = spec is None if rehash is None else rehash
        self.rehash = self.rehash and isinstance(self.table, DatabaseTable)

    async def find(self, name: str, column: str | None = None, *, fold: bool = False) -> Row | None:
        """The account whose ``column`` (default: the user's name) is ``name``; None where there is none, or several.

        :param fold: whatever the case of its letters.
        """
        if not name or len(name) > LONGEST:
            return None
        rows: list[Row] = await self.threads.run(self.table.find, column or self.user, name, fold)
        if len(rows) > 1 and not fold:
            log.error("{table}: more than one row for one user, so none of them counts", table=self.table.name)
            return None
        return rows[0] if rows else None

    async def right(self, name: str, password: str, row: Row | None, context: Context) -> bool:
        """Whether ``password`` is that of ``row``. It costs one argon2 hash whatever the answer."""
        stored = row.get(self.password) if row else None
        stored = stored if isinstance(stored, str) and stored else None
        if stored is None or is_argon2(stored):
            return await self.passwords.check(name, password, stored)
        await self.passwords.check(name, password, None)
        if self.function is not None:
            made = await self.handler.run(self.function, context, password, context)
            return bool(password) and same(str(made), stored)
        return await self.passwords.check(name, password, stored, legacy=True)

    async def renewed(self, row: Row, password: str) -> None:
        """Keep the right ``password`` of ``row`` as a better hash, where it is not one."""
        stored = row[self.password]
        if not self.rehash or not weak(stored):
            return
        try:
            await self.set_password(row, password)
        except HTTPError as error:  # they have proved who they are, and can be let in all the same
            log.warn("{table}: the password stays as it is: {error}", table=self.table.name, error=error)

    async def set_password(self, row: Row, password: str) -> None:
        """Give ``row`` another password, unless somebody else was faster.

        :raises HTTPError: 409 when the row has another password than we read.
        """
        made = await self.passwords.hash(password)
        table = self._written()
        lengths = await self.threads.run(table.check, [self.user, self.password])
        if lengths[self.password] is not None and lengths[self.password] < len(made):
            raise HTTPError(500, f"the column {self.password} is too short for a hash: make it {len(made)} characters")
        where = {self.user: row[self.user], self.password: row[self.password]}
        if not await self.threads.run(table.update, where, {self.password: made}):
            raise HTTPError(409, "the password was changed meanwhile: try again")

    async def create(self, values: Mapping[str, Any], password: str) -> None:
        """Add an account.

        :raises TakenError: when something that must be unique is not.
        """
        row = {**values, self.password: await self.passwords.hash(password)}
        await self.threads.run(self._written().insert, row)

    def _written(self) -> DatabaseTable:
        if not isinstance(self.table, DatabaseTable):
            raise HTTPError(500, f"{self.table.name} is only read")
        return self.table

    def attributes(self, row: Row) -> dict[str, Any]:
        """What the session knows of an account: all but its password."""
        return {key: plain(value) for key, value in row.items() if key != self.password and _kept(value)}

    def state(self, row: Row) -> str:
        """Changes when the password does."""
        return sha256(str(row.get(self.password)).encode()).hexdigest()

    def refused(self, name: str, password: str, again: str) -> str:
        """Why ``password`` cannot be a new password, or nothing."""
        if len(password) < self.least:
            return f"Use at least {self.least} characters."
        if len(password) > LONGEST:
            return f"Use at most {LONGEST} characters."
        if password.lower() == name.lower():
            return "Use something else than the user name."
        return "" if password == again else "The two passwords differ."


def _kept(value: Any) -> bool:
    return not isinstance(value, (bytes, bytearray, memoryview))


def _table(setup: Setup, options: DBOptions) -> DatabaseTable | FileTable:
    if "://" in options.url:
        return database_table(setup, options.url, options.table)
    writes = {
        ("signup",): options.signup,
        ("forgot",): options.forgot,
        ("change",): options.change,
        ("password", "rehash"): options.password.rehash or None,
    }
    for keys, value in writes.items():
        if value is not None:
            raise setup.error(f"{options.url} is a file, which sign-in only reads: use a database", *keys)
    given = {"url": options.url, "sheet_name": options.sheet_name}
    kwargs = {key: value for key, value in given.items() if value is not None}
    return file_table(setup, kwargs, texts=(options.user.column, options.password.column))
