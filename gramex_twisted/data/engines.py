"""The connections to databases: pools, statement timeouts, and what is known of the tables."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cache
from threading import Lock, RLock
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from gramex_twisted.data.errors import DataError, SourceError
from gramex_twisted.data.sqliteversion import Versions

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.sources.querykinds import Columns
    from gramex_twisted.data.sql import SQLTable

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds that a statement may take, unless `timeout:` says otherwise."""
POOL, OVERFLOW = 5, 10
"""Connections to one database that are kept, and how many more there may be."""
FRESH = 60.0
"""Seconds for which what a server said of its tables is believed. SQLite tells when they have changed."""
MOST_ENGINES = 200
"""Databases, since `{name}` in a URL may name any number: the least recently used goes."""
IMPORTING = RLock()
"""Held while SQLAlchemy is imported, or looks for a dialect: it finds half of one that another thread imports."""
MOST_KNOWN = 1000
"""Tables and queries that are remembered."""


class Engines:
    """The engines of an app, one for each URL and options; used from any thread."""

    def __init__(self, *, timeout: float = TIMEOUT, pool_size: int = POOL, max_overflow: int = OVERFLOW) -> None:
        self.timeout = timeout
        self.pool_size = pool_size
        self.max_overflow = max_overflow
        self._engines: OrderedDict[tuple[str, str], sa.Engine] = OrderedDict()
        self._known: OrderedDict[tuple[sa.Engine, Hashable], tuple[Hashable, float, Any]] = OrderedDict()
        self._lock = Lock()
        self.versions = Versions()

    def get(self, url: str, **options: Any) -> sa.Engine:
        """The engine for `url`: made when first asked for, which connects to nothing.

        `options` are those of sqlalchemy.create_engine, and `timeout`: the seconds that a statement may take (None: as
        long as it likes). Raises SourceError for a URL that is none, and where the driver is missing.
        """
        key = (url, repr(sorted(options.items())))
        with self._lock:
            engine = self._engines.get(key)
            if engine is not None:
                self._engines.move_to_end(key)
                return engine
            defaults = {"pool_size": self.pool_size, "max_overflow": self.max_overflow, "timeout": self.timeout}
            with IMPORTING:
                from gramex_twisted.data import connecting

                engine = self._engines[key] = connecting.create(url, {**defaults, **options})
            idle = [] if len(self._engines) <= MOST_ENGINES else [self._engines.popitem(last=False)[1]]
        for each in idle:  # connections that are in use end when they are given back
            each.dispose()
            self.forget(each)
        return engine

    def table(self, connection: sa.Connection, name: str, schema: str | None = None) -> SQLTable:
        """The table or view `name`, as the database describes it: asked once, then remembered for a while.

        Raises SourceError where there is none, with the names that are near; SQLAlchemy's errors.
        """

        def find() -> SQLTable:
            import sqlalchemy as sa

            from gramex_twisted.data import connecting, sql

            try:
                return sql.reflect(connection, name, namespace=schema)
            except sa.exc.NoSuchTableError:
                raise SourceError(connecting.no_table(connection, name, schema)) from None
            except ValueError as error:
                raise SourceError(f"{connecting.label(connection.engine)}: {error}") from None

        return self._remembered(connection, ("table", schema, name), find)

    def columns(self, connection: sa.Connection, clause: sa.TextClause) -> Columns | None:
        """The columns of a query, remembered for a while; None: it cannot be part of another query.

        Raises SQLAlchemy's errors, where it makes no sense at all.
        """

        def find() -> Columns | None:
            import sqlalchemy as sa

            from gramex_twisted.data.sources import querykinds

            try:
                with connection.begin_nested() if connection.in_transaction() else connection.begin():
                    return querykinds.columns_of(connection, clause)
            except sa.exc.DBAPIError as error:
                if error.connection_invalidated or not isinstance(self.errors(error), SourceError):
                    raise
                return None  # whether it makes sense at all, is seen when it runs

        return self._remembered(connection, ("query", clause.text), find, lambda found: found is None or found.settled)

    def forget(self, engine: sa.Engine) -> None:
        """Ask again what the tables of a database are: they have been changed, or do not seem to be what they were."""
        with self._lock:
            for key in [key for key in self._known if key[0].url == engine.url]:  # also with other options
                del self._known[key]

    def errors(self, error: BaseException, engine: sa.Engine | None = None) -> DataError:
        """What an error of SQLAlchemy or of a driver means. Its text has no values and no password."""
        from gramex_twisted.data import connecting, dberrors

        return dberrors.translate(error, connecting.label(engine) if engine is not None else "the database")

    def dispose(self) -> None:
        """Close the connections that nobody uses, and forget the engines."""
        with self._lock:
            engines, self._engines = list(self._engines.values()), OrderedDict()
            self._known.clear()
        self.versions.close()
        for engine in engines:
            engine.dispose()

    def _remembered(
        self, connection: sa.Connection, what: Hashable, find: Callable[[], T], keep: Callable[[T], bool] = bool
    ) -> T:
        """What `find` returns, or has returned a short while ago if it was to be kept."""
        from gramex_twisted.data import connecting

        version = connecting.version_of(connection)
        key = (connection.engine, what)
        with self._lock:
            known = self._known.get(key)
            if known is not None and known[0] == version and monotonic() < known[1]:
                self._known.move_to_end(key)
                found: T = known[2]
                return found
        made = find()
        if not keep(made):
            return made
        with self._lock:
            self._known[key] = (version, monotonic() + FRESH if version is None else float("inf"), made)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        return made


@cache
def process_engines() -> Engines:
    """The engines of what user functions ask for by `gramex_twisted.data` and `cache`, which know no app."""
    return Engines()
