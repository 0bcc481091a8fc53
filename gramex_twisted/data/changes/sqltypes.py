"""The types and defaults that `columns:` names, looked up and never evaluated. Imports SQLAlchemy: see `alter`."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

Type: TypeAlias = sa.types.TypeEngine[Any]

MYSQL = ("mysql", "mariadb")
KEY_LENGTH = 255
"""Characters of a text where the database wants to know how long it may get: one that is a key."""
ALIASES: Mapping[str, Type] = {
    "INT": sa.Integer(),
    "BOOL": sa.Boolean(),
    "STR": sa.Text(),
    "STRING": sa.Text(),
    "FLOAT": sa.FLOAT().with_variant(mysql.DOUBLE(), *MYSQL),
    "DOUBLE": sa.Double(),
    "DOUBLE PRECISION": sa.Double(),
    "VARCHAR": sa.VARCHAR().with_variant(mysql.VARCHAR(KEY_LENGTH), *MYSQL),
    "STRING TYPE": sa.Text(),
    "TIMESTAMP WITH TIME ZONE": sa.TIMESTAMP(timezone=True),
    "TIMESTAMPTZ": sa.TIMESTAMP(timezone=True),
    "JSONB": sa.JSON().with_variant(postgresql.JSONB(), "postgresql"),
    "BYTES": sa.LargeBinary(),
    "LARGEBINARY": sa.LargeBinary(),
    "BIGINTEGER": sa.BigInteger(),
    "SMALLINTEGER": sa.SmallInteger(),
    "UNICODE": sa.Text(),
}
KNOWN: Mapping[str, type[Type]] = {
    name: found
    for name, found in vars(sa.types).items()
    if name.isupper() and inspect.isclass(found) and issubclass(found, sa.types.TypeEngine) and name != "ARRAY"
}
"""SQL's own names, as sqlalchemy.types has them."""
TYPE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_ ]*?)\s*(?:\(\s*(\d{1,6}(?:\s*,\s*\d{1,6})*)\s*\))?\s*", re.ASCII)
FUNCTION = re.compile(r"[A-Za-z][A-Za-z0-9_]*", re.ASCII)
OPTIONS = ("type", "default", "nullable", "primary_key", "autoincrement")


def type_of(name: str, spec: Any) -> Type:
    """The type that `spec` says: `int`, `VARCHAR(10)`, `NUMERIC(10, 2)` ..., or one of SQLAlchemy's.

    Raises ValueError, which names the column `name`.
    """
    if isinstance(spec, sa.types.TypeEngine):
        return spec
    if inspect.isclass(spec) and issubclass(spec, sa.types.TypeEngine):
        return spec()
    found = TYPE.fullmatch(spec) if isinstance(spec, str) else None
    if found is None:
        raise ValueError(f"columns: {name}: no type {spec!r}; it is like int, VARCHAR(10) or NUMERIC(10, 2)")
    word = " ".join(found[1].upper().split())
    sizes = [int(size) for size in found[2].split(",")] if found[2] else []
    if not sizes and word in ALIASES:
        return ALIASES[word]
    if word not in KNOWN:
        raise ValueError(f"columns: {name}: no type {spec!r}; there are {', '.join(sorted(KNOWN))}")
    try:
        return KNOWN[word](*sizes)
    except TypeError:
        raise ValueError(f"columns: {name}: {word} does not take ({found[2]})") from None


def column_of(name: str, spec: Any, dialect: sa.Dialect) -> sa.Column[Any]:
    """The column that `spec`, a type or a mapping, says. Raises ValueError, which names it."""
    given = dict(spec) if isinstance(spec, Mapping) else {"type": spec}
    unknown = [str(option) for option in given if option not in OPTIONS]
    if unknown:
        raise ValueError(f"columns: {name}: unknown {unknown[0]}; there are {', '.join(OPTIONS)}")
    key = bool(given.get("primary_key"))
    type_ = type_of(name, given.get("type", "text"))
    if key and dialect.name in MYSQL and isinstance(type_, sa.Text):
        type_ = sa.VARCHAR(KEY_LENGTH)
    if key and dialect.name == "sqlite" and isinstance(type_, sa.Integer):
        type_ = sa.Integer()  # only INTEGER numbers rows there, and it has 64 bits
    made: dict[str, Any] = {"primary_key": key}
    if "nullable" in given:
        made["nullable"] = bool(given["nullable"])
    if "autoincrement" in given and key:
        made["autoincrement"] = bool(given["autoincrement"])
    if given.get("default") is not None:
        made["server_default"] = default_of(name, given["default"])
    return sa.Column(name, type_, **made)


def default_of(name: str, spec: Any) -> Any:
    """A default: a value, or `{function: func.now()}` with one of the database's functions. Raises ValueError."""
    if isinstance(spec, Mapping):
        return _called(name, str(spec.get("function", "")))
    if isinstance(spec, sa.ClauseElement):
        return spec
    if inspect.isclass(spec) and issubclass(spec, sa.sql.functions.FunctionElement):
        return spec()
    if isinstance(spec, bool):
        return sa.true() if spec else sa.false()
    if isinstance(spec, int | float):
        return sa.text(repr(spec))
    return str(spec)


def _called(name: str, text: str) -> Any:
    """`func.name(...)` with constants, as SQLAlchemy calls it."""
    wrong = ValueError(f"columns: {name}: default: {text!r} is not like func.now()")
    try:
        node = ast.parse(text.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        path = ast.unparse(call.func).removeprefix("sa.").removeprefix("sqlalchemy.").split(".")
        args = [ast.literal_eval(arg) for arg in call.args]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise wrong from None
    if len(path) != 2 or path[0] != "func" or not FUNCTION.fullmatch(path[1]) or call.keywords:
        raise wrong
    return getattr(sa.func, path[1])(*(sa.literal_column(repr(a)) if isinstance(a, int | float) else a for a in args))
