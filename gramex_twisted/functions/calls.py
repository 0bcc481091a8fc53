"""What a function is called with when `function:` only names it: those of the variables that it takes."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
Parameters = Sequence[Parameter]


@dataclass(frozen=True)
class Passed:
    """Names of the variables to pass: some by position, some by keyword (parameter and variable have the same name)."""

    positional: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Required parameters for which there is no variable: calling would fail."""


def choose_arguments(function: Callable[..., Any], variables: Sequence[str], given: Sequence[str] = ()) -> Passed:
    """Which of `variables` to call `function` with.

    Those that its signature names; required parameters with other names take what is left over, in order. All
    variables, as far as there is room, when it names none. `given` are keyword arguments that are passed anyway.
    """
    free = [name for name in variables if name not in given]
    parameters = parameters_of(function)
    if parameters is None:
        return Passed(tuple(free[: room_without_signature(function)]))
    parameters = [parameter for parameter in parameters if parameter.name not in given]
    names = {
        parameter.name
        for parameter in parameters
        if parameter.kind not in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
    }
    if names.intersection(free):
        return by_name(parameters, free)
    return in_order(parameters, free, required_only=is_compiled(function))


def by_name(parameters: Parameters, free: list[str]) -> Passed:
    named = {parameter.name for parameter in parameters}
    spare = [name for name in free if name not in named]
    positional, keywords, missing = [], [], []
    by_position = True
    for parameter in parameters:
        name: str | None = parameter.name
        if parameter.kind is Parameter.VAR_KEYWORD:
            keywords.extend(spare)
        if parameter.kind in (Parameter.VAR_KEYWORD, Parameter.VAR_POSITIONAL):
            continue
        if name not in free:
            required = parameter.default is Parameter.empty
            name = spare.pop(0) if required and spare and by_position and parameter.kind in POSITIONAL else None
            if name is None:
                by_position = False
                missing.extend([parameter.name] if required else [])
                continue
        if by_position and parameter.kind in POSITIONAL:
            positional.append(name)
        elif parameter.kind is not Parameter.POSITIONAL_ONLY:
            keywords.append(name)
    return Passed(tuple(positional), tuple(keywords), tuple(missing))


def in_order(parameters: Parameters, free: list[str], *, required_only: bool) -> Passed:
    takers = [parameter for parameter in parameters if parameter.kind in POSITIONAL]
    if required_only:
        takers = [parameter for parameter in takers if parameter.default is Parameter.empty]
    kinds = {parameter.kind for parameter in parameters}
    room = len(free) if Parameter.VAR_POSITIONAL in kinds else len(takers)
    positional, rest = free[:room], free[room:]
    missing = [parameter.name for parameter in takers[len(positional) :] if parameter.default is Parameter.empty]
    missing += [p.name for p in parameters if p.kind is Parameter.KEYWORD_ONLY and p.default is Parameter.empty]
    return Passed(tuple(positional), tuple(rest) if Parameter.VAR_KEYWORD in kinds else (), tuple(missing))


def parameters_of(function: Callable[..., Any]) -> Parameters | None:
    """The parameters of `function` as it is called; None where Python cannot tell (some C functions).

    A wrapper that takes `*args, **kwargs` has the parameters of what it wraps; any other wrapper its own.
    """
    try:
        parameters = list(inspect.signature(function, follow_wrapped=False).parameters.values())
    except (ValueError, TypeError):
        return None
    wrapped = getattr(function, "__wrapped__", None)
    if callable(wrapped) and all(p.kind in (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD) for p in parameters):
        return parameters_of(wrapped)
    return parameters


def is_compiled(function: Callable[..., Any]) -> bool:
    """A C function: its optional parameters are not meant for our variables. Types such as `list` do take one."""
    return isinstance(function, (types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType))


def room_without_signature(function: Callable[..., Any]) -> int | None:
    """How many variables a C function without a signature takes (None: any number)."""
    if isinstance(function, type):
        return 1
    documented = (getattr(function, "__doc__", None) or "").startswith(f"{getattr(function, '__name__', '')}()")
    is_class_method = isinstance(getattr(function, "__self__", None), type)
    return 0 if documented or is_class_method else None
