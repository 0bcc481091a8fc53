"""What the columns of a database take beyond their kinds. Imports SQLAlchemy: see `databases`."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from gramex_twisted.data import sql
from gramex_twisted.data.changes.cells import Check, Columns
from gramex_twisted.data.schema import Field
from gramex_twisted.data.sql import SQLTable
from gramex_twisted.data.sqlflavours import Flavour
from gramex_twisted.data.types import Kind

BITS: tuple[tuple[type[Any], int], ...] = (
    (mysql.TINYINT, 8),
    (mysql.MEDIUMINT, 24),
    (sa.SmallInteger, 16),
    (sa.BigInteger, 64),
    (sa.Integer, 32),
)


class Target:
    """A table to be changed, with columns that are called c0, c1 ... in statements.

    Drivers cannot name parameters like all columns, and SQLAlchemy names them by its columns' keys.
    """

    def __init__(self, known: SQLTable, dialect: sa.Dialect) -> None:
        clause = known.source.clause
        if not isinstance(clause, sa.Table):
            raise TypeError(f"{clause} is no table")
        flavour = known.source.flavour
        self.schema = known.schema
        kinds = {field.name: field for field in known.schema.fields}
        sources = [(str(column.name), column) for column in clause.columns]
        self.keys = {name: f"c{place}" for place, (name, _) in enumerate(sources)}
        copies = [_copy(column, self.keys[name], kinds[name], dialect) for name, column in sources]
        self.table = sa.Table(clause.name, sa.MetaData(), *copies, schema=clause.schema)
        self.source = sql.table_of(self.table, dialect, schema=known.schema).source
        checks = {name: _check(column, kinds[name], dialect, flavour) for name, column in sources}
        self.columns = Columns(known.schema, True, {name: check for name, check in checks.items() if check is not None})

    def keyed(self, row: dict[str, Any]) -> dict[str, Any]:
        """`row` by the names of columns in statements."""
        return {self.keys[name]: value for name, value in row.items()}


def _copy(column: sa.Column[Any], key: str, field: Field, dialect: sa.Dialect) -> sa.Column[Any]:
    type_: Any = column.type
    if dialect.name == "sqlite" and field.kind is not Kind.INT:
        type_ = sa.types.NullType()  # values are made for the driver below: the type may be one that SQLite made up
    elif isinstance(type_, sa.JSON):
        type_ = type_.copy()
        type_.none_as_null = True
    copy = sa.Column(
        str(column.name),
        type_,
        key=key,
        primary_key=column.primary_key,
        nullable=column.nullable,
        autoincrement=column.autoincrement,
    )
    copy.server_default = column.server_default
    return copy


def _check(column: sa.Column[Any], field: Field, dialect: sa.Dialect, flavour: Flavour) -> Check | None:
    """What to do with values of a column before the database gets them."""
    if column.computed is not None:
        return _computed
    if dialect.name == "sqlite":
        return _json_text if isinstance(column.type, sa.JSON) else _sqlite(field, flavour)
    type_ = column.type
    if field.kind is Kind.OTHER:
        return _json if isinstance(type_, sa.JSON | postgresql.ARRAY) else _bytes if _is_binary(type_) else None
    if isinstance(type_, sa.Enum):
        return _one_of(tuple(str(each) for each in type_.enums))
    if isinstance(type_, sa.Uuid):
        return _uuid if type_.as_uuid else lambda text: str(_uuid(text))
    if isinstance(type_, sa.String) and type_.length is not None:
        return _at_most(type_.length)
    if isinstance(type_, sa.Integer) and field.kind is Kind.INT:
        bits = next(bits for class_, bits in BITS if isinstance(type_, class_))
        low, high = (0, 2**bits - 1) if getattr(type_, "unsigned", False) else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        return _between(low, high)
    if field.kind is Kind.DECIMAL and isinstance(type_, sa.Numeric) and type_.precision is not None:
        return _digits(type_.precision - (type_.scale or 0))
    return None


def _is_binary(type_: Any) -> bool:
    return isinstance(type_, sa.types._Binary)


def _sqlite(field: Field, flavour: Flavour) -> Check:
    """SQLite stores values of any kind anywhere; in columns of no known kind those are bytes, as base64 in JSON."""
    if field.kind is Kind.OTHER:
        return lambda given: given if isinstance(given, bytes) else _text_or_bytes(given)
    return lambda value: flavour.value(value, field.kind)


def _text_or_bytes(given: Any) -> Any:
    return _bytes(given) if isinstance(given, str) else json.dumps(given)


def _computed(value: Any) -> Any:
    raise ValueError("is computed by the database")


def _json(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        raise ValueError("not JSON") from None


def _json_text(given: Any) -> str:
    return json.dumps(_json(given), ensure_ascii=False)


def _bytes(given: Any) -> bytes:
    try:
        return given if isinstance(given, bytes) else base64.b64decode(str(given), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValueError("not a UUID") from None


def _one_of(names: tuple[str, ...]) -> Check:
    def check(text: str) -> str:
        if text not in names:
            raise ValueError(f"not one of {', '.join(names)}")
        return text

    return check


def _at_most(length: int) -> Check:
    def check(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"longer than {length} characters")
        return text

    return check


def _between(low: int, high: int) -> Check:
    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"not from {low} to {high}")
        return number

    return check


def _digits(most: int) -> Check:
    def check(number: Decimal) -> Decimal:
        if number and number.adjusted() >= most:
            raise ValueError(f"more than {most} digits before the point")
        return number

    return check
