"""What user code imports: :func:`handler` makes a typed function an endpoint, :class:`Header` reads a header.

    from gramex_twisted.transforms import Header, handler

    @handler
    def combinations(n: int, k: int = 2, accept: Header = "") -> float: ...

`function: module.combinations` then answers `/combinations?n=10&k=4`.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin, get_type_hints

from gramex_twisted.converters import FAILURES, Converter, converter_for
from gramex_twisted.errors import HTTPError

__all__ = ["Header", "handler"]

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

Fn = TypeVar("Fn", bound=Callable[..., Any])


class Header(str):
    """An annotation for an argument that is read from a request header.

    `user_agent: Header` reads User-Agent (None, or the parameter's default, when it is not sent);
    `key: Annotated[int, Header("X-Api-Key")]` reads and converts another (400 when it is not sent and has no default).
    """


def handler(function: Fn) -> Fn:
    """Decorate a typed function into one that is called with the request's `handler`.

    Each parameter is taken by its name from, where several have it, the last of: keyword arguments in the YAML, the
    path's named groups, query and form, the JSON body (null counts as absent). The path's unnamed groups, after
    positional arguments in the YAML, fill the parameters in order; `*rest` takes what is left of them, `**rest` every
    other argument. A parameter called `handler` gets the handler itself.

    Values are converted as the annotation says. Without one they are as they came: the last, where there are several.
    A wrong or missing value is HTTPError 400, which names it. Works on `async def` and on generators.
    """
    arguments = Arguments(function)

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def wrapper(handler: Any, *args: Any, **kwargs: Any) -> Any:
            positional, named = arguments.read(handler, args, kwargs)
            return await function(*positional, **named)

    else:

        @functools.wraps(function)
        def wrapper(handler: Any, *args: Any, **kwargs: Any) -> Any:
            positional, named = arguments.read(handler, args, kwargs)
            return function(*positional, **named)

    return cast(Fn, wrapper)


@dataclass(frozen=True)
class Argument:
    """One parameter of a decorated function, and how a request fills it."""

    name: str
    kind: Any
    default: Any
    converter: Converter
    headers: tuple[str, ...] = ()
    """Names of the request headers that it is read from, in order; empty for other arguments."""

    @property
    def is_handler(self) -> bool:
        return self.name == "handler" and self.kind is not Parameter.VAR_KEYWORD

    @property
    def kind_of_value(self) -> str:
        return f'header "{self.headers[-1]}"' if self.headers else f'argument "{self.name}"'

    def convert(self, values: list[Any]) -> Any:
        """`values` (at least one), converted: all of them where a list is wanted, else the last. Raises 400."""
        value = values if self.converter.many else values[-1]
        try:
            return self.converter.convert(value)
        except FAILURES:
            shown = show(value)
        raise HTTPError(
            400,
            f"{self.kind_of_value}: expected {self.converter.expected}, got {shown}",
            details={"argument": self.name},
        )

    def absent(self) -> Any:
        """The value when the request has none: the default, not converted. Raises 400 when it is required."""
        if self.default is not Parameter.empty:
            return self.default
        if self.converter.nullable:
            return None
        expected = self.converter.expected
        raise HTTPError(400, f"{self.kind_of_value} is missing: expected {expected}", details={"argument": self.name})


class Arguments:
    """All parameters of a decorated function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        # An annotation may name a class that the module defines further down: such a function is read at its first call
        with contextlib.suppress(NameError):
            self.arguments  # noqa: B018 (kept by cached_property)

    @functools.cached_property
    def arguments(self) -> list[Argument]:
        parameters = inspect.signature(self.function).parameters.values()
        hints = get_type_hints(self.function, include_extras=True)
        return [argument_of(parameter, hints.get(parameter.name, Parameter.empty)) for parameter in parameters]

    @functools.cached_property
    def names(self) -> frozenset[str]:
        return frozenset(argument.name for argument in self.arguments)

    @functools.cached_property
    def reads_body(self) -> bool:
        return any(not argument.is_handler and not argument.headers for argument in self.arguments)

    def read(self, handler: Any, args: Iterable[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """What to call the function with for this request. Raises HTTPError 400."""
        unnamed = [*args, *(value for value in handler.path_args if value is not None)]
        sources = [json_body(handler) if self.reads_body else {}, handler.args, handler.path_kwargs, kwargs]
        positional: list[Any] = []
        named: dict[str, Any] = {}
        for argument in self.arguments:
            if argument.kind is Parameter.VAR_POSITIONAL:
                values = unnamed + (find(sources, argument.name, many=True) or [])
                positional += [argument.convert([value]) for value in values]
                unnamed = []
            elif argument.kind is Parameter.VAR_KEYWORD:
                named.update(self.rest(argument, sources))
            elif argument.kind in POSITIONAL:
                first = [] if argument.is_handler or argument.headers else unnamed[:1]
                unnamed = unnamed[len(first) :]
                positional.append(value_of(argument, handler, sources, first))
            else:
                named[argument.name] = value_of(argument, handler, sources, [])
        return positional, named

    def rest(self, argument: Argument, sources: list[Mapping[str, Any]]) -> dict[str, Any]:
        """The arguments that no parameter names."""
        names = {name: None for source in reversed(sources) for name in source if name not in self.names}
        found = ((name, find(sources, name, many=argument.converter.many)) for name in names)
        return {name: argument.convert(values) for name, values in found if values}


def argument_of(parameter: Parameter, hint: Any) -> Argument:
    headers: tuple[str, ...] = ()
    default = parameter.default
    dashed = parameter.name.replace("_", "-")
    if hint is Header:
        headers, hint = (parameter.name, dashed), str
        default = None if default is Parameter.empty else default
    elif get_origin(hint) is Annotated:
        marks = [mark for mark in get_args(hint)[1:] if mark is Header or isinstance(mark, Header)]
        if marks:
            headers = (str(marks[-1]),) if isinstance(marks[-1], Header) else (parameter.name, dashed)
    converter = converter_for(hint)
    if hint is Parameter.empty and isinstance(default, (list, tuple)):
        converter = converter_for(type(default))
    return Argument(parameter.name, parameter.kind, default, converter, headers)


def value_of(argument: Argument, handler: Any, sources: list[Mapping[str, Any]], first: list[Any]) -> Any:
    """What `argument` gets. `first` is the unnamed value in its place, if any: a named one goes before it."""
    if argument.is_handler:
        return handler
    if argument.headers:
        sent = [value for name in argument.headers if (value := handler.request.headers.get(name)) is not None]
        return argument.convert(sent[:1]) if sent else argument.absent()
    values = find(sources, argument.name, many=argument.converter.many) or first
    return argument.convert(values) if values else argument.absent()


def find(sources: list[Mapping[str, Any]], name: str, *, many: bool) -> list[Any] | None:
    """The values of `name` in the first of `sources` (JSON body, arguments, ...) that has it, None when none has.

    A list in the JSON body is one value, unless `many` are wanted; in the arguments it is always several.
    """
    for number, source in enumerate(sources):
        value = source.get(name)
        if value is None or (value == [] and number == 1):
            continue
        return value if isinstance(value, list) and (many or number == 1) else [value]
    return None


def json_body(handler: Any) -> Mapping[str, Any]:
    """The JSON object that was sent as the request's body, {} when its Content-Type is not JSON. Raises 400."""
    kind = (handler.request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    if kind != "application/json" or not handler.request.body:
        return {}
    body = handler.parse_body_as_json()
    if not isinstance(body, dict):
        raise HTTPError(400, f'the JSON body must be an object such as {{"x": 1}}, not {show(body)}')
    return body


def show(value: Any) -> str:
    """`value` as JSON, short enough for a message."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
