"""What is known about a table before it is queried: its columns, and what orders its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gramex_twisted.data.types import Kind

POSITION = "\0position"
"""Stands for a row's place in its table where an order is asked for. No column has such a name."""


@dataclass(frozen=True)
class Field:
    """A column, of a table or of a result."""

    name: str
    kind: Kind
    nullable: bool = True
    rounded: bool = False
    """Whether it is a sum or mean: floats are rounded to 15 digits, integers beyond 64 bits become floats."""

    @property
    def is_inexact(self) -> bool:
        """Whether its last digits depend on the order in which floats were added."""
        return self.rounded and self.kind is Kind.FLOAT


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in their order.

    `key` names columns that are never null and together unique: a primary key. `positions` says that rows have a place
    of their own instead, as those of a file do. With neither, pages have no order but that which is asked for, and
    `first`, `last` and `_after` are refused.
    """

    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    positions: bool = False

    @cached_property
    def names(self) -> dict[str, Field]:
        """The columns by name."""
        return {field.name: field for field in self.fields}

    def field(self, name: str) -> Field:
        """The column of this name, or POSITION. Raises KeyError."""
        return Field(POSITION, Kind.INT, nullable=False) if name == POSITION else self.names[name]

    @property
    def order(self) -> tuple[str, ...]:
        """The columns (or POSITION) whose ascending order is that of the rows; () where there is none."""
        return self.key or ((POSITION,) if self.positions else ())

    def select(self, names: Iterable[str]) -> tuple[Field, ...]:
        """The columns of these names."""
        return tuple(self.names[name] for name in names)
