"""Makes engines. Imports SQLAlchemy: only `engines` imports it, when needed."""

from __future__ import annotations

import difflib
import os
import sqlite3
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url

from gramex_twisted.data import sqlite, timeouts
from gramex_twisted.data.dberrors import translate
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.sources.dataset import public

DRIVERS: Mapping[str, str] = {
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
"""The driver of a URL that names none."""
INODE = "gramex inode"
POOLED = ("pool_size", "max_overflow", "pool_timeout")
POOL_WAIT = 10
"""Seconds to wait for a connection, where all are in use."""
PACKAGES = {"psycopg": "psycopg[binary]"}
WAITS = {"sqlite": ("timeout", 5.0), "psycopg": ("connect_timeout", 5), "pymysql": ("connect_timeout", 5)}
"""driver -> how its option is called, and the seconds to wait for a server (SQLite: for a lock)."""


def create(url: str, options: Mapping[str, Any]) -> sa.Engine:
    """An engine with our timeouts and functions. Raises SourceError."""
    made = parsed(url)
    given = {"pool_timeout": POOL_WAIT, "pool_pre_ping": True, "hide_parameters": True, **options}
    timeout = given.pop("timeout", None)
    if made.get_backend_name() == "sqlite" and made.database in (None, "", ":memory:"):
        given["poolclass"] = sa.pool.StaticPool
        given["connect_args"] = {"check_same_thread": False, **given.get("connect_args", {})}
    if "poolclass" in given:
        given = {name: value for name, value in given.items() if name not in POOLED}
    name, patience = WAITS.get(made.get_driver_name(), ("", 0))
    if name:
        given["connect_args"] = {name: patience, **given.get("connect_args", {})}
    try:
        engine = sa.create_engine(made, **given)
    except TypeError as error:
        raise SourceError(f"{public(url)}: {error}") from None
    sqlite.prepare(engine)
    timeouts.prepare(engine, timeout)
    _follow(engine)
    return engine


def _follow(engine: sa.Engine) -> None:
    """Have a connection to a file of SQLite that has been replaced be made anew: it would go on reading the old one."""
    database = engine.url.database
    if engine.dialect.name != "sqlite" or not database or database == ":memory:" or database.startswith("file:"):
        return

    def inode() -> int:
        try:
            return os.stat(database).st_ino
        except OSError:
            return 0

    def connected(connection: Any, record: Any) -> None:
        record.info[INODE] = inode()

    def taken(connection: Any, record: Any, proxy: Any) -> None:
        if record.info.get(INODE) != inode():
            raise sa.exc.DisconnectionError("the file has been replaced")

    sa.event.listen(engine, "connect", connected)
    sa.event.listen(engine, "checkout", taken)


def parsed(url: str) -> URL:
    """`url` with its driver, which is there. Raises SourceError."""
    try:
        made = make_url(url)
        if made.drivername in DRIVERS:
            made = made.set(drivername=DRIVERS[made.drivername])
        made.get_dialect().import_dbapi()
    except sa.exc.NoSuchModuleError:
        raise SourceError(f"{public(url)}: no such kind of database") from None
    except ImportError as error:
        module = (error.name or "").partition(".")[0]
        raise SourceError(f"{public(url)}: run: pip install '{PACKAGES.get(module, module)}'") from None
    except (sa.exc.ArgumentError, ValueError):
        raise SourceError(f"{public(url)}: not the URL of a database: dialect://user:password@host/database") from None
    return made


def label(engine: sa.Engine) -> str:
    """The engine's URL without its password."""
    return public(engine.url.render_as_string(hide_password=True))


def no_table(connection: sa.Connection, name: str, schema: str | None) -> str:
    """What to say of a table that is not there: with what has a similar name."""
    inspector = sa.inspect(connection)
    names = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    near = difflib.get_close_matches(name, names, 3) or sorted(names)[:5]
    hint = f"; there is {', '.join(near)}" if near else ""
    return f"{label(connection.engine)} has no table {f'{schema}.{name}' if schema else name}{hint}"


def version_of(connection: sa.Connection) -> tuple[int, int] | None:
    """The file of SQLite, and a number that it changes with its tables; None for others. Raises DataError."""
    if connection.dialect.name != "sqlite":
        return None
    raw: Any = connection.connection.driver_connection
    try:  # not by SQLAlchemy, which would take a fifth of a request's time for it
        [version] = raw.execute("PRAGMA schema_version").fetchone()
    except sqlite3.Error as error:
        raise translate(error, label(connection.engine)) from error
    return connection.info.get(INODE, 0), version
