"""Does operations on sources: several of one request are done together."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.arguments import NONE
from gramex_twisted.data.changes.change import Arguments, Change, Delete, Insert, Operation, Rows, Update
from gramex_twisted.data.errors import ReadOnly

if TYPE_CHECKING:
    import sqlalchemy as sa

    from gramex_twisted.data.changes.databases import DatabaseChange
    from gramex_twisted.data.changes.files import FileChange
    from gramex_twisted.data.sources.base import Source


def insert(source: Source, rows: Rows, values: Arguments, key: Sequence[str] = ()) -> Change:
    """Insert `rows`, all or none. A table or file that is not there is made. Raises QueryError, DataError."""
    return apply_many([Insert(source, rows, values, tuple(key))])[0]


def update(source: Source, rows: Arguments | Rows, values: Arguments, key: Sequence[str] = ()) -> Change:
    """Change rows that `key` tells: see `Update`. Raises QueryError, DataError."""
    return apply_many([Update(source, rows, values, tuple(key))])[0]


def delete(source: Source, args: Arguments | Rows, values: Arguments, key: Sequence[str] = ()) -> Change:
    """Delete rows that `key` and other filters tell: see `Delete`. Raises QueryError, DataError."""
    return apply_many([Delete(source, args, values, tuple(key))])[0]


def prepare(source: Source, values: Arguments = NONE) -> None:
    """Make a database's table have what `columns:` says; of other sources nothing. Raises QueryError, DataError."""
    dataset = source.dataset
    if dataset.columns and dataset.is_database and not dataset.query and not dataset.queryfile:
        from gramex_twisted.data.changes.files import FileChange

        change = change_of(Insert(source, (), values))
        if not isinstance(change, FileChange):
            change.prepare()


def apply_many(operations: Sequence[Operation]) -> list[Change]:
    """Do all of them or none, as far as that goes; each's Change in their order.

    First tables are made and altered. Then the statements for each database run in one transaction, then the files are
    written one after another, and then the transactions are committed. So an operation that fails leaves databases as
    they were, but not files that have been written before it: where there are several files, all are tried first,
    without writing. Raises QueryError, DataError.
    """
    from gramex_twisted.data.changes.files import FileChange

    changes = [change_of(operation) for operation in operations]
    databases = [change for change in changes if not isinstance(change, FileChange)]
    files = [change for change in changes if isinstance(change, FileChange)]
    if len(files) > 1:
        for file in files:
            file.check()
    for database in databases:
        database.prepare()
    done: dict[int, Change] = {}
    with ExitStack() as transactions:
        connections: dict[Any, sa.Connection] = {}
        for database in databases:
            url = database.engine.url
            if url not in connections:
                connections[url] = transactions.enter_context(database.transaction())
            done[id(database)] = database.run(connections[url])
        for file in files:
            done[id(file)] = file.run()
    return [done[id(change)] for change in changes]


def change_of(operation: Operation) -> FileChange | DatabaseChange:
    """What does `operation`. Raises ReadOnly for sources that cannot be changed."""
    from gramex_twisted.data.sources.files import FileSource

    source = operation.source
    dataset = source.dataset
    if dataset.query or dataset.queryfile:
        raise ReadOnly(f"{dataset.label}: a query cannot be written")
    if isinstance(source, FileSource):
        from gramex_twisted.data.changes.files import FileChange

        return FileChange(operation, source)
    if dataset.is_database:
        from gramex_twisted.data.changes.databases import DatabaseChange
        from gramex_twisted.data.sources.databases import TableSource

        if isinstance(source, TableSource):
            return DatabaseChange(operation, source)
    raise ReadOnly(f"{dataset.label}: cannot be written")
