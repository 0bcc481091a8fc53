"""The options of a typed function: its parameters, as their annotations, defaults and its docstring say."""

from __future__ import annotations

import enum
import inspect
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from inspect import Parameter
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from uuid import UUID

from gramex_twisted.options.definition import TYPES
from gramex_twisted.options.docstrings import described

_LISTS: Mapping[Any, type[Any]] = {list: list, tuple: tuple, set: set, frozenset: set}
_DATES: Mapping[Any, str] = {date: "%Y-%m-%d", datetime: "%Y-%m-%dT%H:%M:%S"}
_SIMPLE = frozenset({str, int, float, bool, dict})
_FROM_TEXT = (Decimal, UUID)


@dataclass(frozen=True)
class Signature:
    """``options``: name -> what a Definition is made of. ``description``: what the function does, by its docstring.
    ``conversions``: what makes of an option's value what the function takes."""

    options: Mapping[str, Mapping[str, Any]]
    description: str = ""
    conversions: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)

    def convert(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``values``, as the annotations have them. None stays."""
        if not self.conversions:
            return values
        return {
            name: self.conversions[name](value) if value is not None and name in self.conversions else value
            for name, value in values.items()
        }


def signature_of(function: Callable[..., Any], pattern: str = "") -> Signature:
    """The options of ``function``; a group of the route's ``pattern`` fills the parameter of its name, groups without
    names the parameters in order. A parameter called ``handler`` is none.

    :raises ValueError: for an annotation that no option can stand for.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return Signature({})
    wanted = [p for p in parameters if p.name != "handler" and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    hints = _hints(function)
    text, texts = described(inspect.getdoc(function) or "")
    options, conversions = {}, {}
    places = _places(pattern, [parameter.name for parameter in wanted])
    for parameter in wanted:
        name = parameter.name
        option, conversion = option_of(parameter, hints.get(name, Parameter.empty))
        if name in texts:
            option.setdefault("description", texts[name])
        if name in places:
            option["path"] = places[name]
        options[name] = option
        if conversion is not None:
            conversions[name] = conversion
    return Signature(options, text, conversions)


def _hints(function: Any) -> Mapping[str, Any]:
    target = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise ValueError(f"an annotation names what is not there: {error}") from None


def _places(pattern: str, names: list[str]) -> dict[str, int | str]:
    """Which group of the pattern fills which parameter."""
    try:
        compiled = re.compile(pattern)
    except re.error:
        return {}
    if compiled.groupindex:
        return {name: name for name in names if name in compiled.groupindex}
    return {name: number for number, name in enumerate(names[: compiled.groups])}


Conversion = Callable[[Any], Any] | None


def option_of(parameter: Parameter, hint: Any) -> tuple[dict[str, Any], Conversion]:
    """One parameter: what its Definition is made of, and what converts its value."""
    option: dict[str, Any] = {}
    nullable = False
    if get_origin(hint) is Annotated:
        hint, *notes = get_args(hint)
        for note in notes:
            _note(option, note, parameter.name)
    if get_origin(hint) in (Union, types.UnionType):
        members = [member for member in get_args(hint) if member is not type(None)]
        nullable = len(members) < len(get_args(hint))
        if len(members) != 1:
            raise ValueError(f"{parameter.name}: no option is of several types; write options:")
        inner, conversion = option_of(Parameter(parameter.name, parameter.kind), members[0])
        option = {**inner, **option}
        option.pop("required", None)
    else:
        conversion = _type(option, parameter, hint)
    if parameter.default is not Parameter.empty:
        default = parameter.default
        option["default"] = default.value if isinstance(default, enum.Enum) else _plain(default)
    elif nullable:
        option["default"] = None
    else:
        option["required"] = True
    return option, conversion


def _plain(default: Any) -> Any:
    """A default as the option has it: dates are texts there."""
    if isinstance(default, datetime):
        return default.strftime(_DATES[datetime])
    return default.isoformat() if isinstance(default, date) else default


def _type(option: dict[str, Any], parameter: Parameter, hint: Any) -> Conversion:
    """Set the type of ``option``, and what goes with it."""
    name, origin = parameter.name, get_origin(hint)
    if hint is Parameter.empty or hint is Any:
        kind = type(parameter.default)
        option["type"] = kind if kind in TYPES.values() else str
        return None
    if origin is Literal:
        return _choices(option, name, get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        _choices(option, name, tuple(member.value for member in hint))
        return hint
    if hint in _LISTS or origin in _LISTS:
        return _list(option, name, hint)
    if origin is dict:
        hint = dict
    if hint in _DATES:
        option |= {"type": str, "date_format": _DATES[hint]}
        return hint.fromisoformat  # type: ignore[no-any-return]
    if hint in _FROM_TEXT:
        option |= {"type": hint, "strict": False}
        return None
    if hint not in _SIMPLE:
        shown = getattr(hint, "__name__", None) or str(hint)
        raise ValueError(f"{name}: no option is a {shown}; use str, int, float, bool, list or dict, or write options:")
    option["type"] = hint
    return None


def _choices(option: dict[str, Any], name: str, values: tuple[Any, ...]) -> Conversion:
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= _SIMPLE:
        raise ValueError(f"{name}: its choices must all be texts, or all be numbers")
    option |= {"type": kinds.pop(), "enum": values}
    return None


def _list(option: dict[str, Any], name: str, hint: Any) -> Conversion:
    kind = get_origin(hint) or hint
    items = [item for item in get_args(hint) if item is not Ellipsis]
    option["type"] = _LISTS[kind]
    if len(items) > 1:
        raise ValueError(f"{name}: the items of a list are of one type")
    conversion: Conversion = None
    if items and items[0] is not Any:
        inner: dict[str, Any] = {}
        conversion = _type(inner, Parameter(name, Parameter.KEYWORD_ONLY), items[0])
        if inner["type"] in _LISTS.values():
            raise ValueError(f"{name}: no option is a list of lists")
        option["items"] = inner["type"]
        option |= {key: inner[key] for key in ("enum", "date_format", "strict") if key in inner}
    if conversion is None and kind in (list, tuple, set):
        return None
    convert = conversion or (lambda item: item)
    return lambda values: kind(convert(item) for item in values)


def _note(option: dict[str, Any], note: Any, name: str) -> None:
    """What ``Annotated`` adds: a text is the description, limits are those of pydantic or annotated-types."""
    if isinstance(note, str):
        option["description"] = note
        return
    for attribute, key in (("description", "description"), ("alias", "alias")):
        if getattr(note, attribute, None):
            option[key] = getattr(note, attribute)
    for part in getattr(note, "metadata", None) or [note]:
        _limit(option, part, name)


def _limit(option: dict[str, Any], part: Any, name: str) -> None:
    for attribute, key in (("ge", "min"), ("le", "max"), ("min_length", "min"), ("max_length", "max")):
        if getattr(part, attribute, None) is not None:
            option[key] = getattr(part, attribute)
    for attribute, key, change in (("gt", "min", 1), ("lt", "max", -1)):
        limit = getattr(part, attribute, None)
        if limit is not None:
            if not isinstance(limit, int):
                raise ValueError(f"{name}: limits of options are inclusive; use ge and le")
            option[key] = limit + change
