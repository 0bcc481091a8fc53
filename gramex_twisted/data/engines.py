"""The connections to databases: pools, statement timeouts, and what is known of the tables."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import DataError, SourceError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.sql import SQLTable

TIMEOUT = 30.0
"""Seconds that a statement may take, unless `timeout:` says otherwise."""
POOL, OVERFLOW = 5, 10
"""Connections to one database that are kept, and how many more there may be."""


class Engines:
    """The engines of an app, one for each URL and options; used from any thread."""

    def __init__(self, *, timeout: float = TIMEOUT, pool_size: int = POOL, max_overflow: int = OVERFLOW) -> None:
        self.timeout = timeout
        self.pool_size = pool_size
        self.max_overflow = max_overflow
        self._engines: dict[tuple[str, str], sa.Engine] = {}
        self._tables: dict[tuple[sa.Engine, str | None, str], SQLTable] = {}
        self._lock = Lock()

    def get(self, url: str, **options: Any) -> sa.Engine:
        """The engine for `url`: made when first asked for, which connects to nothing.

        `options` are those of sqlalchemy.create_engine, and `timeout`: the seconds that a statement may take (None: as
        long as it likes). Raises SourceError for a URL that is none, and where the driver is missing.
        """
        key = (url, repr(sorted(options.items())))
        with self._lock:
            engine = self._engines.get(key)
            if engine is None:
                from gramex_twisted.data import connecting

                defaults = {"pool_size": self.pool_size, "max_overflow": self.max_overflow, "timeout": self.timeout}
                engine = self._engines[key] = connecting.create(url, {**defaults, **options})
        return engine

    def table(self, connection: sa.Connection, name: str, schema: str | None = None) -> SQLTable:
        """The table or view `name`, as the database describes it: asked once, then remembered.

        Raises SourceError where there is none, with the names that are near.
        """
        key = (connection.engine, schema, name)
        with self._lock:
            known = self._tables.get(key)
        if known is None:
            import sqlalchemy as sa

            from gramex_twisted.data import connecting, sql

            try:
                known = sql.reflect(connection, name, namespace=schema)
            except sa.exc.NoSuchTableError:
                raise SourceError(connecting.no_table(connection, name, schema)) from None
            except ValueError as error:
                raise SourceError(f"{connecting.label(connection.engine)}: {error}") from None
            with self._lock:
                self._tables[key] = known
        return known

    def forget(self, engine: sa.Engine) -> None:
        """Ask again what the tables of a database are: they have been changed, or do not seem to be what they were."""
        with self._lock:
            for key in [key for key in self._tables if key[0] is engine]:
                del self._tables[key]

    def errors(self, error: BaseException, engine: sa.Engine | None = None) -> DataError:
        """What an error of SQLAlchemy or of a driver means. Its text has no values and no password."""
        from gramex_twisted.data import connecting, dberrors

        return dberrors.translate(error, connecting.label(engine) if engine is not None else "the database")

    def dispose(self) -> None:
        """Close the connections that nobody uses, and forget the engines."""
        with self._lock:
            engines, self._engines = list(self._engines.values()), {}
            self._tables.clear()
        for engine in engines:
            engine.dispose()
