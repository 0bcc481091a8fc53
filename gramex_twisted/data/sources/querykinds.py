"""Finds out what columns a query has. Imports SQLAlchemy: see `queries`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gramex_twisted.data import sqlreflect
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.sqlkinds import kind_of, schema_of
from gramex_twisted.data.types import Kind

VIEWS = itertools.count()
Type = sa.types.TypeEngine[Any]

POSTGRES: Mapping[str, Type] = {
    "bool": sa.Boolean(),
    "int2": sa.SmallInteger(),
    "int4": sa.Integer(),
    "int8": sa.BigInteger(),
    "float4": sa.REAL(),
    "float8": sa.Double(),
    "numeric": sa.Numeric(),
    "text": sa.Text(),
    "varchar": sa.Text(),
    "bpchar": sa.CHAR(),
    "name": sa.CHAR(),
    "uuid": sa.Uuid(),
    "date": sa.Date(),
    "timestamp": sa.DateTime(),
    "timestamptz": sa.DateTime(timezone=True),
    "time": sa.Time(),
}
"""Names of types as psycopg knows them."""
MYSQL: Mapping[int, Type] = {
    **dict.fromkeys((1, 2, 3, 8, 9, 13), sa.BigInteger()),
    4: sa.Float(),
    5: sa.Double(),
    **dict.fromkeys((0, 246), sa.Numeric()),
    **dict.fromkeys((7, 12), sa.DateTime()),
    **dict.fromkeys((10, 14), sa.Date()),
    11: sa.Time(),
    **dict.fromkeys((15, 247, 248, 249, 250, 251, 252, 253, 254), sa.Text()),
}
"""Numbers of types in MySQL's protocol."""
BINARY = 63
"""The character set of MySQL that is none."""


@dataclass(frozen=True)
class Columns:
    """The columns of a query: their types in SQL, and what they hold."""

    types: tuple[tuple[str, Type], ...]
    schema: Schema
    settled: bool = True
    """Whether there were rows, where only their values tell what the columns hold."""

    def clause(self, text: sa.TextClause) -> sa.FromClause:
        """The query `text` as a table."""
        return text.columns(*(sa.column(name, type_) for name, type_ in self.types)).subquery("query")


def columns_of(connection: sa.Connection, text: sa.TextClause) -> Columns | None:
    """The columns of a query; None where it cannot be part of another. Raises SQLAlchemy's errors."""
    find = FINDERS.get(connection.dialect.name)
    found = None if find is None else find(connection, text)
    names = [name for name, _ in found.types] if found else []
    return found if len(set(names)) == len(names) else None


def _sqlite(connection: sa.Connection, text: sa.TextClause) -> Columns | None:
    """A view knows the types of the columns that its query takes as they are."""
    nulls: list[sa.BindParameter[Any]] = [
        sa.bindparam(name, [None] if each.expanding else None, expanding=each.expanding) for name, each in _bound(text)
    ]
    written = text.bindparams(*nulls).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True}).string
    name = f"gramex_{next(VIEWS)}"
    connection.exec_driver_sql(f"CREATE TEMP VIEW {name} AS {written}")
    try:
        table = sa.Table(name, sa.MetaData(), schema="temp", autoload_with=connection, resolve_fks=False)
    finally:
        connection.exec_driver_sql(f"DROP VIEW temp.{name}")
    schema = schema_of(table, connection.dialect, positions=False)
    found = Columns(tuple((str(column.name), column.type) for column in table.columns), schema)
    clause = found.clause(text)
    fields = sqlreflect.sampled(connection, clause, schema.fields)
    vague = any(type(type_) in (sa.types.NullType, sa.NUMERIC) for _, type_ in found.types)
    settled = not vague or connection.execute(sa.select(sa.literal(1)).select_from(clause).limit(1)).first() is not None
    return Columns(found.types, Schema(fields), settled)


def _bound(text: sa.TextClause) -> list[tuple[str, sa.BindParameter[Any]]]:
    """The parameters of a query."""
    return list(text._bindparams.items())


def _described(connection: sa.Connection, text: sa.TextClause, type_of: Callable[[Any, Any, int], Type]) -> Columns:
    """What the driver says of the columns of no rows."""
    # With LIMIT 0, MariaDB would run it all the same.
    query = sa.text(f"SELECT * FROM ({text.text}) AS query WHERE 1 = 0").bindparams(*text._bindparams.values())
    with connection.execute(query) as result:
        cursor = result.cursor
        described = (cursor.description if cursor is not None else None) or []
        types = tuple((str(each[0]), type_of(cursor, each, place)) for place, each in enumerate(described))
    fields = tuple(
        Field(name, Kind.OTHER if isinstance(type_, sa.types.NullType) else kind_of(type_, connection.dialect))
        for name, type_ in types
    )
    return Columns(types, Schema(fields))


def _postgresql(connection: sa.Connection, text: sa.TextClause) -> Columns:
    raw: Any = connection.connection.driver_connection
    known = raw.adapters.types

    def type_of(cursor: Any, each: Any, place: int) -> Type:
        info = known.get(each[1])
        return POSTGRES.get(info.name, sa.types.NULLTYPE) if info and info.oid == each[1] else sa.types.NULLTYPE

    return _described(connection, text, type_of)


def _mysql(connection: sa.Connection, text: sa.TextClause) -> Columns:
    def type_of(cursor: Any, each: Any, place: int) -> Type:
        known = getattr(getattr(cursor, "_result", None), "fields", None)
        field = known[place] if known else None
        if each[1] == 1 and getattr(field, "length", each[3]) == 1:
            return sa.Boolean()
        if each[1] >= 247 and getattr(field, "charsetnr", 0) == BINARY:
            return sa.types.NULLTYPE
        return MYSQL.get(each[1], sa.types.NULLTYPE)

    return _described(connection, text, type_of)


FINDERS: Mapping[str, Callable[[sa.Connection, sa.TextClause], Columns | None]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "mariadb": _mysql,
}
