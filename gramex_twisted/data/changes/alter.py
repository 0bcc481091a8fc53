"""Creates tables, and adds columns to them. Imports SQLAlchemy: see `databases`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import ExecutableDDLElement

from gramex_twisted.data.changes.sqltypes import column_of


class AddColumn(ExecutableDDLElement):
    """ALTER TABLE ... ADD COLUMN."""

    inherit_cache = False

    def __init__(self, column: sa.Column[Any]) -> None:
        self.column = column


@compiles(AddColumn)
def _add_column(element: AddColumn, compiler: Any, **kwargs: Any) -> str:
    table = compiler.preparer.format_table(element.column.table)
    return f"ALTER TABLE {table} ADD COLUMN {compiler.get_column_specification(element.column)}"


def alter(engine: sa.Engine, table: str, columns: Mapping[str, Any] | None, namespace: str | None = None) -> bool:
    """Make `table` have `columns`, name -> type or {type, default, nullable, primary_key, autoincrement}.

    A table that is not there is created. Columns that are there stay as they are. Others may do the same meanwhile.
    Returns whether it changed anything. Raises ValueError for what `columns` says, and SQLAlchemy's errors.
    """
    if not columns:
        return False
    made = [column_of(name, spec, engine.dialect) for name, spec in columns.items()]
    counting = any(column.autoincrement is True for column in made)
    wanted = sa.Table(table, sa.MetaData(), *made, schema=namespace, sqlite_autoincrement=counting)
    found = _names(engine, table, namespace)
    if found is None:
        if _done(engine, sa.schema.CreateTable(wanted), lambda: _names(engine, table, namespace) is not None):
            return True
        found = _names(engine, table, namespace) or set()
    missing = [column for column in wanted.columns if _folded(str(column.name), engine) not in found]
    for column in missing:
        name = _folded(str(column.name), engine)
        column.primary_key = False  # that of a table that is there cannot be changed
        _done(engine, AddColumn(column), lambda name=name: name in (_names(engine, table, namespace) or ()))
    return bool(missing)


def _folded(name: str, engine: sa.Engine) -> str:
    """Names that differ only by case are the same column, save in PostgreSQL."""
    return name if engine.dialect.name == "postgresql" else name.lower()


def _names(engine: sa.Engine, table: str, namespace: str | None) -> set[str] | None:
    """The columns of a table; None where there is none."""
    with engine.connect() as connection:
        try:
            found = sa.inspect(connection).get_columns(table, schema=namespace)
        except sa.exc.NoSuchTableError:
            return None
    return {_folded(column["name"], engine) for column in found}


def _done(engine: sa.Engine, statement: ExecutableDDLElement, is_there: Any) -> bool:
    """Execute `statement`; False where another process was faster."""
    try:
        with engine.begin() as connection:
            connection.execute(statement)
    except sa.exc.DBAPIError:
        if is_there():
            return False
        raise
    return True
