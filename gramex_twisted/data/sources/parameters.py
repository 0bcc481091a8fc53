"""The `:name` parameters of a query, with the types that `argstype:` gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from gramex_twisted.data.types import Kind, QueryError, convert

if TYPE_CHECKING:
    import sqlalchemy as sa

TYPES: Mapping[Any, Kind] = {
    **dict.fromkeys(("str", "text", "string", str), Kind.TEXT),
    **dict.fromkeys(("int", "integer", int), Kind.INT),
    **dict.fromkeys(("float", "number", "double", float), Kind.FLOAT),
    **dict.fromkeys(("decimal", "numeric", Decimal), Kind.DECIMAL),
    **dict.fromkeys(("bool", "boolean", bool), Kind.BOOL),
    **dict.fromkeys(("date", date), Kind.DATE),
    **dict.fromkeys(("datetime", "timestamp", datetime), Kind.DATETIME),
}


@dataclass(frozen=True)
class Parameter:
    """How the values of an argument become those of a parameter."""

    name: str
    kind: Kind | None = Kind.TEXT
    expanding: bool = False
    """Whether it is a list, for `IN :name`."""
    call: Callable[[str], Any] | None = None

    def value(self, texts: Sequence[str]) -> Any:
        """The value that is bound. Raises QueryError."""
        if not texts:
            raise QueryError(self.name, "", "needed")
        made = [self._one(str(text)) for text in (texts if self.expanding else texts[:1])]
        return made if self.expanding else made[0]

    def _one(self, text: str) -> Any:
        try:
            if self.call is not None:
                return self.call(text)
            return convert(text, self.kind or Kind.TEXT)
        except (ValueError, TypeError) as error:
            raise QueryError(self.name, text, str(error)) from None


def parameter(name: str, argstype: Mapping[str, Mapping[str, Any]]) -> Parameter:
    """How `argstype` describes the parameter `name`. Raises ValueError for a type that is none."""
    given = argstype.get(name, {})
    wanted = given.get("type", "str")
    known = wanted.lower() if isinstance(wanted, str) else wanted
    expanding = bool(given.get("expanding", False))
    if known in TYPES:
        return Parameter(name, TYPES[known], expanding)
    if callable(wanted):
        return Parameter(name, None, expanding, wanted)
    raise ValueError(f"argstype: {name}: type: {wanted!r} is none of {', '.join(sorted(map(str, _names())))}")


def bound(text: str, argstype: Mapping[str, Mapping[str, Any]], values: Mapping[str, Sequence[str]]) -> sa.TextClause:
    """`text`, whose parameters have the `values` of the arguments. Raises QueryError, ValueError."""
    import sqlalchemy as sa

    clause = sa.text(text)
    made: list[sa.BindParameter[Any]] = []
    for name in clause._bindparams:
        known = parameter(name, argstype)
        made.append(sa.bindparam(name, known.value(values.get(name) or ()), expanding=known.expanding))
    return clause.bindparams(*made) if made else clause


def _names() -> list[str]:
    return [name for name in TYPES if isinstance(name, str)]
