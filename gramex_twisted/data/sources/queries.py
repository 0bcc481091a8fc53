"""What a query of a database finds: a table like others, whose filters and limits the database applies."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.errors import Cancelled, SourceError
from gramex_twisted.data.sources.base import Frame, Shared, Table, Values, frame_of
from gramex_twisted.data.sources.databases import DatabaseTable, engine_of
from gramex_twisted.data.sources.dataset import Dataset
from gramex_twisted.data.sources.fill import fill
from gramex_twisted.data.sources.parameters import bound

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.frame import FrameTable
    from gramex_twisted.data.sql import SQLTable

ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
LIMITED = re.compile(r"\blimit\b", re.IGNORECASE)
ALL_ROWS = 2**64 - 1


class QuerySource:
    """What `query:` or `queryfile:` finds."""

    def __init__(self, dataset: Dataset, shared: Shared) -> None:
        self.dataset = dataset
        self.shared = shared

    def text(self, values: Values) -> str:
        """The query, with `{name}` filled in. Raises QueryError, SourceError."""
        text = self.dataset.query or ""
        if self.dataset.queryfile:
            path = Path(self.shared.root, fill(self.dataset.queryfile, values))
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                raise SourceError(f"queryfile: {path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
        text = fill(text, values).strip().rstrip("; \n\t")
        if not text:
            raise SourceError(f"{self.dataset.label}: the query is empty")
        return f"{text}\n" if "--" in text or "#" in text else text  # a comment must not hide what follows

    def clause(self, values: Values) -> sa.TextClause:
        """The query, with its parameters. Raises QueryError, SourceError."""
        try:
            return bound(self.text(values), self.dataset.argstype, values)
        except ValueError as error:
            if isinstance(error, SourceError) or hasattr(error, "argument"):
                raise
            raise SourceError(f"{self.dataset.label}: {error}") from None

    def open(self, values: Values) -> Table:
        """See Source."""
        return self.finish(self.begin(values))

    def begin(self, values: Values) -> QueryTable:
        """What `finish` opens, which may run the query: meanwhile it can be cancelled. Raises QueryError, SourceError.

        Nothing is asked of the database yet.
        """
        return QueryTable(engine_of(self.dataset, self.shared, values), self.shared, self.clause(values))

    def finish(self, found: QueryTable) -> Table:
        """The table, or the rows that the query finds. Raises DataError."""
        if self.dataset.state is None and found.is_table:
            return found
        try:
            return self.kept(found)
        finally:
            found.close()

    def kept(self, found: QueryTable) -> Frame:
        """The result of the query: from Memory, while `state:` is what it was."""
        clause = found.clause
        stamp = found.state(self.dataset.state) if self.dataset.state is not None else None
        if stamp is None:
            return frame_of(found.frame())
        bound_values = {name: each.value for name, each in clause._bindparams.items()}
        key = (
            "query",
            found.engine.url.render_as_string(hide_password=False),
            clause.text,
            repr(sorted(bound_values.items())),
        )

        def make() -> FrameTable:
            from gramex_twisted.data.frame import table_of

            return table_of(found.frame())

        from gramex_twisted.data.sources.files import size_of

        while True:
            try:
                return Frame(self.shared.memory.get(key, stamp, make, size_of, lambda: found.cancelled), stamp)
            except Cancelled:  # whoever ran it has left: then we do, unless it was us
                if found.cancelled:
                    raise


class QueryTable(DatabaseTable):
    """A query as one request sees it."""

    def __init__(self, engine: sa.Engine, shared: Shared, clause: sa.TextClause) -> None:
        super().__init__(engine, shared, self.find)
        self.clause = clause

    @property
    def is_table(self) -> bool:
        """Whether it can be part of another query. Raises DataError."""
        with self.connection() as connection:
            return self.shared.engines.columns(connection, self.clause) is not None

    def find(self, connection: sa.Connection) -> SQLTable:
        """The query as a table."""
        from gramex_twisted.data import sql

        columns = self.shared.engines.columns(connection, self.clause)
        if columns is None:
            raise SourceError(f"{self.engine.url.database}: the query cannot be filtered")
        clause = self.clause
        if connection.dialect.name in ("mysql", "mariadb"):
            clause = _ordered(clause)
        return sql.table_of(columns.clause(clause), connection.dialect, schema=columns.schema)

    def state(self, state: Any) -> Hashable | None:
        """The value of `state:`. Raises DataError."""
        from gramex_twisted.data.sources.states import state_of

        with self.connection() as connection:
            return state_of(state, connection)

    def frame(self) -> Any:
        """All that the query finds, in its order, as a polars frame."""
        from gramex_twisted.data.sources.sqlframes import frame_of_rows

        with self.connection() as connection:
            columns = self.shared.engines.columns(connection, self.clause)
            result = connection.execute(self.clause)
            if not result.returns_rows:
                raise SourceError(f"{self.engine.url.database}: the query finds no rows: it is no SELECT")
            return frame_of_rows(list(result.keys()), result.fetchall(), columns.schema if columns else None)


def _ordered(clause: sa.TextClause) -> sa.TextClause:
    """MariaDB leaves out the ORDER BY of a query within another, unless it has a LIMIT."""
    import sqlalchemy as sa

    if not ORDERED.search(clause.text) or LIMITED.search(clause.text):
        return clause
    return sa.text(f"{clause.text} LIMIT {ALL_ROWS}").bindparams(*clause._bindparams.values())


def values_of(names: Sequence[str], values: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    """The values of these arguments."""
    return {name: values[name] for name in names if name in values}
