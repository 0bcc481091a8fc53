"""What a database's columns hold. Imports SQLAlchemy: only `sql` imports it, when needed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind

SIMPLE: tuple[tuple[type[sa.types.TypeEngine[Any]], Kind], ...] = (
    (sa.Boolean, Kind.BOOL),
    (mysql.YEAR, Kind.INT),
    (sa.Integer, Kind.INT),
    (sa.Float, Kind.FLOAT),
    (sa.Numeric, Kind.DECIMAL),
    (sa.Date, Kind.DATE),
    (sa.Uuid, Kind.TEXT),
    (sa.String, Kind.TEXT),
    (postgresql.INET, Kind.TEXT),
    (postgresql.CIDR, Kind.TEXT),
    (postgresql.MACADDR, Kind.TEXT),
)


def kind_of(type_: sa.types.TypeEngine[Any], dialect: sa.Dialect) -> Kind:
    """What a column of this type holds. MariaDB's TINYINT(1) is its BOOLEAN."""
    if isinstance(type_, mysql.TINYINT) and type_.display_width == 1:
        return Kind.BOOL
    if isinstance(type_, sa.DateTime):
        return Kind.INSTANT if type_.timezone and dialect.name == "postgresql" else Kind.DATETIME
    if isinstance(type_, sa.Time):
        return Kind.OTHER if type_.timezone and dialect.name == "postgresql" else Kind.TIME
    if isinstance(type_, postgresql.DOMAIN):
        return kind_of(type_.data_type, dialect)
    if isinstance(type_, sa.types.NullType):
        return Kind.OTHER if dialect.name in ("mysql", "mariadb") else Kind.TEXT
    return next((kind for class_, kind in SIMPLE if isinstance(type_, class_)), Kind.OTHER)


def schema_of(clause: sa.FromClause, dialect: sa.Dialect, *, positions: bool) -> Schema:
    """The columns of a table, as reflected or declared, with its primary key, or with `positions` if it has none."""
    key = tuple(str(column.name) for column in clause.primary_key)
    named = [(str(column.name), column) for column in clause.columns]
    fields = tuple(
        Field(name, kind_of(column.type, dialect), name not in key and bool(getattr(column, "nullable", True)))
        for name, column in named
    )
    comparable = all(field.kind is not Kind.OTHER for field in fields if field.name in key)
    return Schema(fields, key if comparable else (), positions=positions)
