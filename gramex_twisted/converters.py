"""From what a request says to the types that a function's annotations ask for."""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import enum
import json
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, Literal, Union, get_args, get_origin

FAILURES = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError)
"""What a conversion of a wrong value raises (pydantic's errors are ValueErrors)."""
TRUE = frozenset({"true", "t", "yes", "y", "on"})
FALSE = frozenset({"false", "f", "no", "n", "off"})
LISTS: Mapping[Any, Callable[[list[Any]], Any]] = {
    list: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    collections.abc.Set: set,
}
LIMITS = {
    "ge": "at least",
    "gt": "above",
    "le": "at most",
    "lt": "below",
    "multiple_of": "a multiple of",
    "min_length": "length at least",
    "max_length": "length at most",
    "pattern": "matching",
}
"""Names of checks in pydantic and annotated-types, in words."""


@dataclass(frozen=True)
class Converter:
    """Converts one argument. `expected` is the type in words, for errors."""

    expected: str
    convert: Callable[[Any], Any]
    """Takes one value (a str, or any JSON value); for `many`, a list of them. Raises one of FAILURES."""
    many: bool = False
    nullable: bool = False


ANY = Converter("a value", lambda value: value)


def converter_for(hint: Any) -> Converter:
    """The Converter for the annotation `hint` (`Parameter.empty` for none)."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in (Parameter.empty, Any, object):
        return ANY
    if origin is Annotated:
        return constrained(hint, converter_for(args[0]))
    if origin in (Union, types.UnionType):
        return union(args)
    if origin is Literal:
        return literal(args)
    if hint in LISTS or origin in LISTS:
        return many(origin or hint, args)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return enumeration(hint)
    if hint is dict or origin in (dict, collections.abc.Mapping):
        return Converter("an object", mapping)
    if is_model(hint):
        return model(hint)
    if hint in SIMPLE:
        return SIMPLE[hint]
    return Converter(name_of(hint), hint if callable(hint) else lambda value: value)


def to_int(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def to_float(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def to_bool(value: Any) -> bool:
    """Numbers are true when above 0; words are those of TRUE and FALSE in any case."""
    if isinstance(value, str) and (word := value.strip().lower()) in TRUE | FALSE:
        return word in TRUE
    return to_number(value) > 0


def to_number(value: Any) -> float:
    number = float(value)
    if number != number:  # NaN is neither true nor false
        raise ValueError
    return number


def to_str(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise TypeError
    return str(value)


def to_bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else to_str(value).encode()


def mapping(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    if not isinstance(found, Mapping):
        raise TypeError
    return dict(found)


def typed(kind: type, parse: Callable[[str], Any]) -> Callable[[Any], Any]:
    """Converts text with `parse`, and lets a value that is a `kind` already pass."""
    return lambda value: value if type(value) is kind else parse(value)


SIMPLE: Mapping[Any, Converter] = {
    int: Converter("int", to_int),
    float: Converter("float", to_float),
    bool: Converter("bool (true or false)", to_bool),
    str: Converter("str", to_str),
    bytes: Converter("str", to_bytes),
    types.NoneType: Converter("nothing", lambda value: None, nullable=True),
    datetime.datetime: Converter(
        "datetime such as 2024-12-31T23:59:00", typed(datetime.datetime, datetime.datetime.fromisoformat)
    ),
    datetime.date: Converter("date such as 2024-12-31", typed(datetime.date, datetime.date.fromisoformat)),
    datetime.time: Converter("time such as 23:59", typed(datetime.time, datetime.time.fromisoformat)),
}


def union(hints: Sequence[Any]) -> Converter:
    """The first of `hints` that takes the value; an empty text is None where that is among them and str is not."""
    nullable = types.NoneType in hints
    options = [converter_for(hint) for hint in hints if hint is not types.NoneType]
    any_many = any(option.many for option in options)

    def convert(value: Any) -> Any:
        if nullable and str not in hints and value in ("", [""]):
            return None
        for option in options:
            if any_many and not option.many and len(value) != 1:
                continue
            try:
                return option.convert(value if option.many == any_many else value[0])
            except FAILURES:
                continue
        raise ValueError

    return Converter(" or ".join(option.expected for option in options), convert, any_many, nullable)


def literal(choices: Sequence[Any]) -> Converter:
    """One of `choices`, in their own types; text matches what it is the text of."""

    def convert(value: Any) -> Any:
        for choice in choices:
            if (type(value) is type(choice) and value == choice) or (isinstance(value, str) and value == str(choice)):
                return choice
        raise ValueError

    return Converter(one_of(choices), convert)


def enumeration(kind: type[enum.Enum]) -> Converter:
    """A member of `kind`, by its value (or the text of it), else by its name."""
    members = list(kind)

    def convert(value: Any) -> enum.Enum:
        if isinstance(value, kind):
            return value
        for text in (lambda member: member.value, lambda member: str(member.value), lambda member: member.name):
            for member in members:
                if text(member) == value:
                    return member
        raise ValueError

    return Converter(one_of([member.value for member in members]), convert)


def many(origin: Any, args: Sequence[Any]) -> Converter:
    """A list, tuple or set of all the values; `tuple[int, str]` takes just as many as it names."""
    build = LISTS[origin]
    if origin is tuple and args and args[-1] is not Ellipsis:
        items = [converter_for(hint) for hint in args]

        def convert(values: list[Any]) -> Any:
            return build([item.convert(value) for item, value in zip(items, values, strict=True)])

        return Converter(f"{len(items)} values: {', '.join(item.expected for item in items)}", convert, many=True)
    item = converter_for(args[0] if args else Parameter.empty)
    expected = "list" if item is ANY else f"list of {item.expected}"
    return Converter(expected, lambda values: build([item.convert(value) for value in values]), many=True)


def constrained(hint: Any, inner: Converter) -> Converter:
    """`inner`, then the checks of pydantic or annotated-types in `Annotated`, such as `Annotated[int, Field(ge=1)]`."""
    checks = [check for check in hint.__metadata__ if is_check(check)]
    if not checks:
        return inner
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(Annotated[(Any, *checks)])
    limits = ", ".join(dict.fromkeys(describe_check(check) for check in checks))
    return dataclasses.replace(
        inner,
        expected=f"{inner.expected} ({limits})",
        convert=lambda value: adapter.validate_python(inner.convert(value)),
    )


def is_check(check: Any) -> bool:
    return type(check).__module__.partition(".")[0] in ("pydantic", "annotated_types")


def describe_check(check: Any) -> str:
    """`at least 1` for `Field(ge=1)` and the like."""
    parts = getattr(check, "metadata", None) or [check]
    found = [
        f"{words} {getattr(part, name)}" for part in parts for name, words in LIMITS.items() if hasattr(part, name)
    ]
    return ", ".join(found) or repr(check)


def is_model(hint: Any) -> bool:
    """A pydantic model, a dataclass or a TypedDict: what pydantic fills from a JSON object."""
    return isinstance(hint, type) and (
        dataclasses.is_dataclass(hint) or hasattr(hint, "model_validate") or typing.is_typeddict(hint)
    )


def model(hint: type) -> Converter:
    from pydantic import TypeAdapter

    adapter: Any = TypeAdapter(hint)

    def convert(value: Any) -> Any:
        return adapter.validate_json(value) if isinstance(value, str) else adapter.validate_python(value)

    return Converter(f"an object ({hint.__name__})", convert)


def one_of(choices: Sequence[Any]) -> str:
    return "one of " + ", ".join(map(str, choices))


def name_of(hint: Any) -> str:
    return getattr(hint, "__name__", None) or str(hint)
