"""Cursors: where a page ended, as an opaque text for `_after`.

It holds the sort and, of the page's last row, the values that decide its place, as JSON in URL-safe base64. It is not
signed: whoever makes one up asks for rows that they could ask for with filters. It is checked like any argument.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from decimal import Decimal
from math import inf

import orjson

from gramex_twisted.data.query import Query, Sort
from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, QueryError, Value, convert

ARGUMENT = "_after"
MOST_CHARACTERS = 16_384
INFINITE = {"inf": inf, "-inf": -inf}
"""Numbers that JSON has not, as a cursor has them."""


def terms(query: Query, schema: Schema) -> tuple[Sort, ...] | None:
    """What decides a row's place, or None where rows have none of their own: groups, tables without a key."""
    if query.by is not None or not schema.order:
        return None
    return query.order(schema)


def fields(sorts: Sequence[Sort], schema: Schema) -> tuple[Field, ...]:
    """The columns of `sorts`, which have no aggregate."""
    return tuple(schema.field(str(sort.term)) for sort in sorts)


def encode(query: Query, schema: Schema, values: Sequence[Value | None]) -> str:
    """The cursor of a row that has `values` in the columns of `terms`."""
    sorts = terms(query, schema) or ()
    cells = [str(value) if isinstance(value, Decimal) or value in INFINITE.values() else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps([_names(sorts), cells])).decode().rstrip("=")


def decode(text: str, query: Query, schema: Schema) -> tuple[Value | None, ...]:
    """The values of `Query.after`. Raises QueryError where the cursor is not one of this query's."""
    sorts = terms(query, schema)
    if sorts is None:
        reason = "pages of groups have no cursors" if query.by is not None else "this table has no primary key"
        raise QueryError(ARGUMENT, text, f"{reason}; use _offset")
    names, cells = _parsed(text)
    if names != _names(sorts):
        raise QueryError(ARGUMENT, text, "a cursor of another _sort")
    if len(cells) != len(sorts):
        raise QueryError(ARGUMENT, text, "not a cursor")
    return tuple(_value(cell, field, text) for cell, field in zip(cells, fields(sorts, schema), strict=True))


def _names(sorts: Sequence[Sort]) -> list[list[object]]:
    return [[sort.term, sort.descending] for sort in sorts]


def _parsed(text: str) -> tuple[object, list[object]]:
    try:
        if len(text) > MOST_CHARACTERS:
            raise ValueError("too long")
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        names, cells = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error):
        raise QueryError(ARGUMENT, text, "not a cursor") from None
    if not isinstance(cells, list):
        raise QueryError(ARGUMENT, text, "not a cursor")
    return names, cells


def _value(cell: object, field: Field, text: str) -> Value | None:
    if cell is None and field.nullable:
        return None
    if field.kind is Kind.FLOAT and isinstance(cell, str) and cell in INFINITE:
        return INFINITE[cell]
    if isinstance(cell, bool) == (field.kind is Kind.BOOL) and isinstance(cell, str | int | float):
        try:
            return convert(str(cell) if not isinstance(cell, bool) else str(int(cell)), field.kind)
        except ValueError:
            pass
    raise QueryError(ARGUMENT, text, "not a cursor")
