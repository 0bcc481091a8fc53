"""Values for columns: from an argument's text, or from JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from decimal import Decimal
from math import isnan
from types import MappingProxyType
from typing import Any, TypeAlias

from gramex_twisted.data.schema import Field, Schema
from gramex_twisted.data.types import Kind, QueryError, convert

Check: TypeAlias = Callable[[Any], Any]
"""Takes a value of the column's kind (of OTHER: as it was given) and returns what to store. Raises ValueError."""


@dataclass(frozen=True)
class Columns:
    """What a table takes."""

    schema: Schema
    blank_is_null: bool = False
    """Whether an empty text is null in columns of texts that may be null, as it is in all other columns."""
    checks: Mapping[str, Check] = field(default_factory=lambda: MappingProxyType({}))
    """What else is asked of the values of a column, such as a length."""

    def cell(self, name: str, given: Any) -> Any:
        """The value that `given` is for the column `name`. Raises QueryError, which names both."""
        column = self.schema.names[name]
        try:
            value = self._value(given, column)
            check = self.checks.get(name)
            return value if check is None or value is None else check(value)
        except ValueError as error:
            text = given if isinstance(given, str) else json.dumps(given, default=str)
            raise QueryError(name, text, f"{error} (column {name} is {column.kind.value})") from None

    def _value(self, given: Any, column: Field) -> Any:
        if given is None or (isinstance(given, float) and isnan(given)):
            return None
        if given == "" and isinstance(given, str):
            blank = column.kind is not Kind.TEXT or (self.blank_is_null and column.nullable)
            return None if blank else ""
        if column.kind is Kind.OTHER:
            if column.name not in self.checks:
                raise ValueError("cannot be written")
            return given
        return convert(text_of(given, column.kind), column.kind)


def text_of(given: Any, kind: Kind) -> str:
    """A value of JSON or Python as the text that `convert` takes. Raises ValueError for lists, and a bool as number."""
    if isinstance(given, str):
        return given
    if isinstance(given, bool):
        if kind.is_number:
            raise ValueError("not a number")
        return "true" if given else "false"
    if isinstance(given, float) and kind is Kind.INT and given.is_integer():
        return str(int(given))
    if isinstance(given, int | float | Decimal):
        return str(given)
    if isinstance(given, date | time):  # datetime is a date
        return given.isoformat()
    if hasattr(given, "item") and not isinstance(given.item(), type(given)):  # numpy's numbers
        return text_of(given.item(), kind)
    raise ValueError("not a single value")
