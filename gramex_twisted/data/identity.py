"""What makes two calls of a function the same, so that the result of one may serve for the other."""

from __future__ import annotations

import functools
import sys
from collections.abc import Hashable, Iterator, Mapping
from datetime import date, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from re import Pattern
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

PLAIN = (
    type(None),
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    date,
    time,
    timedelta,
    Decimal,
    Enum,
    PurePath,
    Pattern,
    tzinfo,
)
"""Values that do not change."""
DEEPEST = 20


class Unknown(Exception):  # noqa: N818 # it is an answer
    """Nobody can say whether two of these are the same: it is an object that may belong to one request."""


class Same:
    """An object that is only equal to itself. It lives as long as this, so that no other gets its address."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.held is self.held

    def __hash__(self) -> int:
        return id(self.held)


def identity(value: Any, depth: int = 0) -> Hashable:
    """A hashable that is equal for two values which do the same.

    A function is its code, its defaults, what it closes over, and the module that it looks its names up in. Where that
    is the namespace of a template, whose globals are of one request, it is all globals that it uses. Lists and dicts
    are what is in them now. Raises Unknown for other objects, such as a handler, or what it is bound to.
    """
    if depth > DEEPEST:
        raise Unknown(type(value).__name__)
    if isinstance(value, PLAIN):
        return type(value), value
    if isinstance(value, type | BuiltinFunctionType | ModuleType):
        bound = getattr(value, "__self__", None)
        if isinstance(value, BuiltinFunctionType) and not isinstance(bound, ModuleType | type(None)):
            return value.__name__, identity(bound, depth + 1)
        return Same(value)
    if isinstance(value, FunctionType):
        return _function(value, depth + 1)
    if isinstance(value, MethodType):
        return identity(value.__func__, depth + 1), identity(value.__self__, depth + 1)
    if isinstance(value, functools.partial):
        parts = (value.func, value.args, value.keywords)
        return "partial", tuple(identity(part, depth + 1) for part in parts)
    if isinstance(value, Mapping) and type(value).__hash__ is None:
        items = ((identity(key, depth + 1), identity(each, depth + 1)) for key, each in value.items())
        return type(value), tuple(items)
    if isinstance(value, list | tuple):
        return type(value), tuple(identity(each, depth + 1) for each in value)
    if isinstance(value, set | frozenset):
        return type(value), frozenset(identity(each, depth + 1) for each in value)
    raise Unknown(type(value).__name__)


def _function(function: FunctionType, depth: int) -> Hashable:
    cells = []
    for cell in function.__closure__ or ():
        try:
            found = cell.cell_contents
        except ValueError:  # not assigned yet
            raise Unknown("cell") from None
        cells.append("itself" if found is function else identity(found, depth))
    given = identity([function.__defaults__ or (), dict(function.__kwdefaults__ or {})], depth)
    return function.__code__, tuple(cells), given, _namespace(function, depth)


def _namespace(function: FunctionType, depth: int) -> Hashable:
    """Where a function looks up names: a module is one place for all requests."""
    names = function.__globals__
    module = sys.modules.get(str(names.get("__name__")))
    if module is not None and module.__dict__ is names:
        return Same(names)
    used = sorted({name for code in _codes(function.__code__) for name in code.co_names if name in names})
    return tuple((name, "itself" if names[name] is function else identity(names[name], depth)) for name in used)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """`code`, and that of what is defined inside."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _codes(inner)
