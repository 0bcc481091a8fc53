"""Finds out what a database's table holds. Imports SQLAlchemy: see `sqlkinds`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.sqlkinds import schema_of
from gramex_twisted.data.types import Kind

SAMPLE = 1000
"""Rows whose values tell what a column without a type holds."""
NUMBERS = {
    frozenset({"integer"}): Kind.INT,
    frozenset({"real"}): Kind.FLOAT,
    frozenset({"integer", "real"}): Kind.FLOAT,
}


def reflect(connection: sa.Connection, name: str, namespace: str | None) -> tuple[sa.Table, Schema]:
    """The table or view `name`, in the database's schema `namespace`. Raises sqlalchemy.exc.NoSuchTableError."""
    table = sa.Table(name, sa.MetaData(), schema=namespace, autoload_with=connection, resolve_fks=False)
    counted = table.autoincrement_column
    if counted is not None:
        counted.nullable = False  # SQLite does not say so
    if connection.dialect.name != "sqlite":
        return table, schema_of(table, connection.dialect, positions=False)
    schema = schema_of(table, connection.dialect, positions=_has_rowids(connection, name, namespace))
    return table, replace(schema, fields=sampled(connection, table, schema.fields))


def _has_rowids(connection: sa.Connection, name: str, namespace: str | None) -> bool:
    """Whether rows have a place of their own: those of views and of tables WITHOUT ROWID have not."""
    found = connection.execute(
        sa.text("SELECT type, wr FROM pragma_table_list WHERE lower(name) = lower(:name) AND schema = :schema"),
        {"name": name, "schema": namespace or "main"},
    ).first()
    return found is not None and found.type == "table" and not found.wr


def sampled(connection: sa.Connection, table: sa.FromClause, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """`fields` by what is in the columns, where SQLite has no type for them or one that it made up."""
    columns: dict[str, sa.ColumnElement[Any]] = {str(column.name): column for column in table.columns}
    vague = [f for f in fields if type(columns[f.name].type) in (sa.types.NullType, sa.NUMERIC)]
    if not vague:
        return fields
    sample = sa.select(*(columns[f.name].label(f"c{place}") for place, f in enumerate(vague))).limit(SAMPLE).subquery()
    kinds: dict[str, Kind] = {}
    for place, field in enumerate(vague):
        type_ = sa.func.typeof(sample.c[f"c{place}"])
        found = frozenset(connection.execute(sa.select(type_).distinct()).scalars()) - {"null"}
        other = Kind.OTHER if "blob" in found else Kind.TEXT
        if field.kind is not Kind.DECIMAL:
            kinds[field.name] = NUMBERS.get(found, other)
        elif found - {"integer", "real"}:  # STRING, for one, is a numeric type to SQLite
            kinds[field.name] = other
    return tuple(replace(field, kind=kinds.get(field.name, field.kind)) for field in fields)
