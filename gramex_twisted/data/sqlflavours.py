"""What SQLite, PostgreSQL and MariaDB or MySQL call the same things. Imports SQLAlchemy: see `sqlkinds`.

A column's canonical form compares, sorts and groups alike everywhere: texts by their code points, NaN as null, dates
and times as texts of one form in SQLite, which has no type for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from gramex_twisted.data.query import Op
from gramex_twisted.data.regex import Engine, Pattern
from gramex_twisted.data.schema import Field
from gramex_twisted.data.sqlite import SQRT
from gramex_twisted.data.types import Kind, Value

Expression: TypeAlias = sa.ColumnElement[Any]
Type: TypeAlias = sa.types.TypeEngine[Any]
Select: TypeAlias = "sa.Select[*tuple[Any, ...]]"

RAW = sa.types.NullType()
"""The type of canonical columns: values come as the driver gives them, and `records.clean` makes them ours."""
TYPES: dict[Kind, Type] = {
    Kind.BOOL: sa.Boolean(),
    Kind.INT: sa.BigInteger(),
    Kind.FLOAT: sa.Double(),
    Kind.DECIMAL: sa.Numeric(),
    Kind.TEXT: sa.Text(),
    Kind.DATE: sa.Date(),
    Kind.DATETIME: sa.DateTime(),
    Kind.INSTANT: sa.DateTime(timezone=True),
    Kind.TIME: sa.Time(),
}


class Flavour:
    """What databases have in common; PostgreSQL's way where they differ."""

    engine = Engine.POSTGRES
    native = frozenset({Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.OTHER})
    """Kinds whose values drivers return as `records.Result` has them."""
    splits_pages = True
    """Whether a page by a column that may be null is asked for in two parts, which are then joined."""

    def column(self, column: Expression, field: Field) -> Expression:
        """The canonical form of `column`."""
        raise NotImplementedError

    def value(self, value: Value, kind: Kind) -> Any:
        """`value` as the driver gets it."""
        return value

    def type(self, kind: Kind) -> Type:
        """The SQL type of values of `kind`."""
        return TYPES[kind]

    def literal(self, value: Value, kind: Kind) -> Expression:
        """`value` as a bound parameter."""
        return sa.literal(self.value(value, kind), self.type(kind))

    def among(self, raw: Expression, column: Expression, field: Field, values: Sequence[Value]) -> Expression:
        """Whether a column, `raw` and in its canonical form, is one of `values`."""
        plain = [self.value(value, field.kind) for value in values]
        if len(plain) == 1:
            return column == sa.literal(plain[0], self.type(field.kind))
        return column.in_(sa.bindparam(None, plain, type_=self.type(field.kind), unique=True, expanding=True))

    def hint(self, raw: Expression, field: Field, op: Op, value: Value) -> Expression | None:
        """What is true of a column `raw` wherever the order comparison is, and an index can find; None: nothing."""
        return None

    def contains(self, raw: Expression, column: Expression, text: str) -> Expression:
        """Whether `text` is part of a column."""
        return sa.func.instr(column, self.literal(text, Kind.TEXT)) > 0

    def matches(self, column: Expression, pattern: Pattern) -> Expression:
        """Whether a column has a match of `pattern`. Raises ValueError."""
        return column.op("REGEXP", is_comparison=True)(self.literal(pattern.write(self.engine), Kind.TEXT))

    def order(self, column: Expression, *, descending: bool, nullable: bool) -> list[Expression]:
        """What to sort by, nulls last, so that an index may be used where one can."""
        raise NotImplementedError

    def double(self, number: Expression) -> Expression:
        """`number` as a float of 64 bits."""
        return sa.cast(number, sa.Double())

    def number(self, flag: Expression) -> Expression:
        """A boolean as 0 or 1."""
        return flag

    def flag(self, number: Expression) -> Expression:
        """The opposite of `number`."""
        return number

    def whole_sum(self, number: Expression) -> Expression:
        """The sum of integers, which may need more than 64 bits."""
        return sa.func.coalesce(sa.func.sum(number), 0)

    def root(self, number: Expression) -> Expression:
        """The square root."""
        return sa.func.sqrt(number)


class Postgres(Flavour):
    """PostgreSQL. Columns stand plain in conditions, for the sake of indexes, where that says the same."""

    def column(self, column: Expression, field: Field) -> Expression:
        """See Flavour."""
        if field.kind is Kind.TEXT:
            text = column if self._is_text(column) else sa.cast(column, sa.Text())
            return sa.type_coerce(sa.collate(sa.type_coerce(text, sa.Text()), "C"), RAW)
        if field.kind is Kind.FLOAT:
            double = column if isinstance(column.type, sa.Double) else sa.cast(column, sa.Double())
            return sa.type_coerce(sa.func.nullif(double, sa.literal_column("'NaN'::float8")), RAW)
        if field.kind is Kind.DECIMAL:
            return sa.type_coerce(sa.func.nullif(column, sa.literal_column("'NaN'::numeric")), RAW)
        return sa.type_coerce(column, RAW)

    def _is_text(self, column: Expression) -> bool:
        return isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum | sa.CHAR)

    def among(self, raw: Expression, column: Expression, field: Field, values: Sequence[Value]) -> Expression:
        """See Flavour."""
        plain = field.kind is not Kind.TEXT or self._is_text(raw)
        return super().among(column, sa.type_coerce(raw, RAW) if plain else column, field, values)

    def contains(self, raw: Expression, column: Expression, text: str) -> Expression:
        """See Flavour."""
        pattern = "".join(f"\\{char}" if char in "%_\\" else char for char in text)
        searched = sa.type_coerce(raw, RAW) if self._is_text(raw) else column
        return searched.op("LIKE", is_comparison=True)(self.literal(f"%{pattern}%", Kind.TEXT))

    def matches(self, column: Expression, pattern: Pattern) -> Expression:
        """See Flavour."""
        return column.op("~", is_comparison=True)(self.literal(pattern.write(self.engine), Kind.TEXT))

    def order(self, column: Expression, *, descending: bool, nullable: bool) -> list[Expression]:
        """See Flavour."""
        if not descending:
            return [column.asc()]
        return [column.desc().nulls_last() if nullable else column.desc()]

    def number(self, flag: Expression) -> Expression:
        """See Flavour."""
        return sa.cast(flag, sa.Integer())

    def flag(self, number: Expression) -> Expression:
        """See Flavour."""
        return sa.cast(number, sa.Boolean())


class SQLite(Flavour):
    """SQLite, on a connection that `sqlite.prepare` has seen to."""

    engine = Engine.RE2
    native = frozenset({Kind.INT, Kind.TEXT, Kind.OTHER})

    def column(self, column: Expression, field: Field) -> Expression:
        """See Flavour."""
        raw = sa.type_coerce(column, RAW)
        if field.kind is Kind.TEXT:
            return sa.type_coerce(sa.collate(sa.type_coerce(column, sa.Text()), "BINARY"), RAW)
        if field.kind in (Kind.DATETIME, Kind.INSTANT):
            text = sa.func.replace(sa.func.rtrim(raw, "Z"), "T", " ")
            return self._padded(text, "0000-00-00 00:00:00.000000")
        if field.kind is Kind.TIME:
            return self._padded(raw, "00:00:00.000000")
        return raw

    def _padded(self, text: Expression, zero: str) -> Expression:
        """`text` with what it lacks of a time's smaller parts: others write less than SQLAlchemy does."""
        rest = sa.func.substr(sa.literal_column(f"'{zero}'"), sa.func.length(text) + 1)
        whole = sa.type_coerce(text, sa.Text()).concat(sa.type_coerce(rest, sa.Text()))
        return sa.type_coerce(sa.func.substr(whole, 1, len(zero)), RAW)

    def hint(self, raw: Expression, field: Field, op: Op, value: Value) -> Expression | None:
        """See Flavour. Whatever form a time was stored in, it starts with its day."""
        if not isinstance(value, datetime):
            return None
        day = value.date().isoformat()
        column = sa.type_coerce(raw, RAW)
        return column >= sa.literal(day, RAW) if op in (Op.ABOVE, Op.FROM) else column < sa.literal(f"{day}~", RAW)

    def value(self, value: Value, kind: Kind) -> Any:
        """See Flavour."""
        if isinstance(value, datetime):
            return value.replace(tzinfo=None).isoformat(" ", "microseconds")
        if isinstance(value, time):
            return value.isoformat("microseconds")
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, Decimal):
            return float(value)
        return int(value) if isinstance(value, bool) else value

    def type(self, kind: Kind) -> Type:
        """See Flavour."""
        return RAW

    def order(self, column: Expression, *, descending: bool, nullable: bool) -> list[Expression]:
        """See Flavour."""
        if descending:
            return [column.desc()]
        return [column.asc().nulls_last() if nullable else column.asc()]

    def double(self, number: Expression) -> Expression:
        """See Flavour."""
        return sa.cast(number, sa.REAL())

    def whole_sum(self, number: Expression) -> Expression:
        """In halves, since SQLite's own sum fails where it overflows; what does, becomes a float here."""
        half = 2**32
        low = sa.func.sum(number.op("&")(half - 1))
        high = sa.func.sum(number.op(">>")(32)) + low.op(">>")(32)
        return sa.func.coalesce(high * sa.literal_column(str(half)) + low.op("&")(half - 1), 0)

    def root(self, number: Expression) -> Expression:
        """See Flavour."""
        root: Expression = getattr(sa.func, SQRT)(number)
        return root


class MySQL(Flavour):
    """MariaDB, and MySQL 8 when `collation` is the other one."""

    engine = Engine.PCRE
    splits_pages = False  # MariaDB 10.11 has crashed over the two
    native = frozenset({Kind.INT, Kind.FLOAT, Kind.TEXT, Kind.DATE, Kind.DATETIME, Kind.OTHER})

    def __init__(self, collation: str) -> None:
        self.collation = collation

    def column(self, column: Expression, field: Field) -> Expression:
        """See Flavour."""
        if field.kind is Kind.TEXT:
            text = sa.cast(column, mysql.CHAR(charset="utf8mb4"))
            return sa.type_coerce(sa.collate(text, self.collation), RAW)
        if field.kind is Kind.FLOAT and not isinstance(column.type, sa.Double):
            return self.double(column)
        return sa.type_coerce(column, RAW)

    def among(self, raw: Expression, column: Expression, field: Field, values: Sequence[Value]) -> Expression:
        """See Flavour. The plain column, which has fewer differences, is compared for the sake of its index.

        Only with ASCII, which every character set has: what a column's set has not, is an error to the database.
        """
        exact = super().among(raw, column, field, values)
        plain = field.kind is Kind.TEXT and isinstance(raw.type, sa.String) and all(str(v).isascii() for v in values)
        if not plain:
            return exact
        return sa.and_(super().among(raw, sa.type_coerce(raw, RAW), field, values), exact)

    def value(self, value: Value, kind: Kind) -> Any:
        """See Flavour."""
        return int(value) if isinstance(value, bool) else value

    def type(self, kind: Kind) -> Type:
        """See Flavour."""
        return RAW

    def matches(self, column: Expression, pattern: Pattern) -> Expression:
        """See Flavour. PCRE tries every way of matching `(a+)+` before it gives up."""
        if pattern.nested:
            raise ValueError("repeats a repetition, for which this database would take too long")
        return super().matches(column, pattern)

    def order(self, column: Expression, *, descending: bool, nullable: bool) -> list[Expression]:
        """See Flavour."""
        if descending:
            return [column.desc()]
        return [column.is_(None), column.asc()] if nullable else [column.asc()]

    def double(self, number: Expression) -> Expression:
        """See Flavour."""
        return sa.type_coerce(number, RAW) * sa.literal_column("1e0")


def flavour_of(dialect: sa.Dialect) -> Flavour:
    """That of a connection's dialect. Raises ValueError for databases that are not known here."""
    if dialect.name == "sqlite":
        return SQLite()
    if dialect.name == "postgresql":
        return Postgres()
    if dialect.name in ("mysql", "mariadb"):
        return MySQL("utf8mb4_nopad_bin" if getattr(dialect, "is_mariadb", False) else "utf8mb4_0900_bin")
    raise ValueError(f"no queries for {dialect.name}: only for sqlite, postgresql, mysql and mariadb")
