"""A table or view of a database."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import Cancelled, SourceError, TooSlow
from gramex_twisted.data.query import Query
from gramex_twisted.data.records import Result, Row
from gramex_twisted.data.regex import Pattern
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.sources.base import BATCH, Frame, Shared, Values, frame_of
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.sources.fill import fill
from gramex_twisted.data.types import QueryError

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.sql import SQLTable


PAUSES = (0.05, 0.2, 1.0, 5.0)
"""Seconds to wait for a statement to end that has been cancelled, before it is cancelled again."""


class TableSource:
    """The table `table:` of a database."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def open(self, values: Values) -> DatabaseTable:
        """See Source."""
        engine = engine_of(self.dataset, self.shared, values)
        schema, name = self.name(values)

        def find(connection: sa.Connection) -> SQLTable:
            return self.shared.engines.table(connection, name, schema)

        return DatabaseTable(engine, self.shared, find, name if schema is None else None)

    def name(self, values: Values) -> tuple[str | None, str]:
        """The table's schema and name: `sales`, or `schema.sales`. Raises QueryError."""
        return table_name(self.dataset, values)


def table_name(dataset: Dataset, values: Values) -> tuple[str | None, str]:
    """The schema and the name of the dataset's table. Raises QueryError, and SourceError where it has none."""
    if not dataset.table:
        raise SourceError(f"{dataset.label}: needs table:")
    schema, _, name = fill(dataset.table, values).rpartition(".")
    if dataset.schema is not None:
        schema, name = fill(dataset.schema, values), fill(dataset.table, values)
    return schema or None, name


def engine_of(dataset: Dataset, shared: Shared, values: Values, *, create: bool = False) -> sa.Engine:
    """The engine of the dataset's URL. A path of SQLite is relative to the app's root.

    Raises SourceError for a file that is missing, unless `create`; QueryError.
    """
    url = rooted(fill(dataset.url or "", values), shared.root)
    path = sqlite_path(url)
    if path is not None and not create and not path.exists():
        raise SourceError(f"no file {path}")
    return shared.engines.get(url, **dataset.options)


def rooted(url: str, root: Path) -> str:
    """`url`, where a relative path of SQLite becomes absolute."""
    head, mark, rest = url.partition(":///")
    if not mark or head.partition("+")[0] != "sqlite" or not rest or rest.startswith((":memory:", "file:", "?")):
        return url
    path, question, options = rest.partition("?")
    return f"{head}:///{Path(root, path)}{question}{options}"


def sqlite_path(url: str) -> Path | None:
    """The file of a URL that `rooted` returned; None where it has none."""
    head, mark, rest = url.partition(":///")
    if not mark or head.partition("+")[0] != "sqlite" or not rest or rest.startswith((":memory:", "file:", "?")):
        return None
    return Path(rest.partition("?")[0])


@contextmanager
def blamed(query: Query) -> Iterator[None]:
    """Where a statement takes too long that has a regular expression, have it be the fault of who wrote that."""
    try:
        yield
    except TooSlow as error:
        terms = [(each.column, each.op, each.values) for each in query.filters]
        terms += [(f"{h.aggregate.column}|{h.aggregate.function}", h.op, h.values) for h in query.having]
        for name, op, values in terms:
            for value in values:
                if isinstance(value, Pattern) and value.literal is None:
                    raise QueryError(f"{name}{op.value}", str(value), "takes this database too long") from error
        raise


class DatabaseTable:
    """A table, view or query of a database, as one request sees it, on one connection."""

    def __init__(
        self,
        engine: sa.Engine,
        shared: Shared,
        find: Callable[[sa.Connection], SQLTable],
        name: str | None = None,
    ) -> None:
        """`name`: of a table whose version may be known."""
        self.engine = engine
        self.shared = shared
        self._find = find
        self._name = name
        self._table: SQLTable | None = None
        self._connection: sa.Connection | None = None
        self._lock = Lock()
        self._cancelled = False
        self._ended = Event()

    @property
    def cancelled(self) -> bool:
        """Whether nobody waits any more."""
        return self._cancelled

    @property
    def schema(self) -> Schema:
        """See Table."""
        if self._table is None:
            with self.connected():
                pass
        assert self._table is not None
        return self._table.schema

    @property
    def version(self) -> Hashable | None:
        """See Table: of tables of SQLite files."""
        path = self.engine.url.database or ":memory:"
        if self._name is None or self.engine.dialect.name != "sqlite" or path.startswith((":memory:", "file:")):
            return None
        return self.shared.engines.versions.of(Path(path), self._name)

    def run(self, query: Query) -> Result:
        """See Table."""
        from gramex_twisted.data import sql

        with blamed(query), self.connected() as (connection, table):
            return sql.run(query, table, connection)

    def count(self, query: Query) -> int:
        """See Table."""
        from gramex_twisted.data import sql

        with blamed(query), self.connected() as (connection, table):
            return sql.count(query, table, connection)

    def batches(self, query: Query, size: int = BATCH) -> Iterator[list[Row]]:
        """See Table."""
        from gramex_twisted.data import sql, timeouts

        with blamed(query), self.connected() as (connection, table):
            timeouts.streams(connection)
            try:
                for rows in sql.stream(query, table, connection, size):
                    yield rows
                    timeouts.extend(connection)
            finally:
                if not connection.closed and not connection.invalidated:
                    timeouts.streams(connection, 1)

    def frame(self) -> Any:
        """All of it, as a polars frame."""
        from gramex_twisted.data.sources.sqlframes import frame_of_rows

        result = self.run(Query(columns=tuple(self.schema.names)))
        return frame_of_rows(result.names, result.rows, self.schema)

    def transformed(self, function: Callable[[Any], Any]) -> Frame:
        """See Table."""
        return frame_of(function(self.frame()))

    @contextmanager
    def connected(self) -> Iterator[tuple[sa.Connection, SQLTable]]:
        """The connection, and the table as the database describes it. Raises DataError for what goes wrong."""
        with self.connection() as connection:
            if self._table is None:
                self._table = self._find(connection)
            yield connection, self._table

    @contextmanager
    def connection(self) -> Iterator[sa.Connection]:
        """The connection. Raises DataError for what goes wrong on it; what is known of its tables is then forgotten."""
        import sqlalchemy as sa

        try:
            if self._cancelled:
                raise Cancelled("nobody waits for the answer any more")
            if self._connection is None:
                connection = self.engine.connect()
                with self._lock:
                    self._connection = connection
            yield self._connection
        except (sa.exc.SQLAlchemyError, OSError) as error:
            if self._cancelled:
                self._ended.set()
                raise Cancelled("nobody waits for the answer any more") from None
            made = self.shared.engines.errors(error, self.engine)
            if isinstance(made, SourceError):
                self.shared.engines.forget(self.engine)
            raise made from error

    def cancel(self) -> None:
        """See Table. Returns when what runs has ended, or after some seconds.

        A statement may be about to begin, which nothing would stop then: so the database is told more than once.
        """
        self._cancelled = True
        for pause in PAUSES:
            with self._lock:  # `close` waits, so that nobody else has the connection meanwhile
                if self._connection is not None:
                    from gramex_twisted.data import cancelling

                    cancelling.cancel(self._connection)
            if self._ended.wait(pause):
                return

    def close(self) -> None:
        """See Table."""
        with self._lock:
            connection, self._connection = self._connection, None
        self._ended.set()
        if connection is not None:
            connection.close()
