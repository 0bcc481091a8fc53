"""`build_transform` and `build_pipeline`: functions from expressions."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from gramex_twisted.compat.state import services_now
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function, compile_function

KEYS = ("function", "args", "kwargs")


def build_transform(
    conf: Mapping[str, Any],
    vars: Mapping[str, Any] | None = None,
    kwargs: bool | str = False,
    filename: str = "transform",
    cache: bool = False,
    iter: bool = True,
) -> Callable[..., Any]:
    """The function that ``conf`` describes: ``{function, args, kwargs}``.

    ``vars``: its parameters with their defaults; ``{"_val": None}`` if there are none. ``kwargs``: the name of a
    variable that has all other keyword arguments; True: ``kwargs``. ``iter``: whatever it returns that is no generator
    comes in a list. ``filename`` is for messages; ``cache`` changes nothing, since modules are imported anew when they
    change.

    Raises ValueError for what is no function.
    """
    if not isinstance(conf, Mapping) or "function" not in conf:
        raise ValueError(f'{filename}: needs "function:", not {conf!r}')
    parameters = {"_val": None} if vars is None else dict(vars)
    rest = "kwargs" if kwargs is True else kwargs or None
    spec = {key: conf[key] for key in KEYS if key in conf}
    if not isinstance(spec["function"], list | tuple):
        spec["function"] = str(spec["function"])
    function = _compiled(spec, {**parameters, **({rest: {}} if rest else {})}, filename)

    def transform(*args: Any, **given: Any) -> Any:
        values = _bound(function, parameters, rest, args, given)
        result = function.call(*values)
        return result if not iter or inspect.isgenerator(result) else [result]

    transform.__name__ = transform.__qualname__ = function.source
    transform.__doc__ = function.source
    return transform


def build_pipeline(
    conf: list[Any],
    vars: Mapping[str, Any] | None = None,
    kwargs: bool | str = False,
    filename: str = "pipeline",
    cache: bool = False,
    iter: bool = True,
) -> Callable[..., Any]:
    """As ``build_transform``, of a list of steps. Raises ValueError for what is none."""
    if not isinstance(conf, list | tuple) or not conf:
        raise ValueError(f"pipeline:{filename}: must be a list of steps, not {conf!r}")
    return build_transform({"function": list(conf)}, vars or {}, kwargs, filename, cache, iter)


def _compiled(spec: dict[str, Any], variables: Mapping[str, Any], filename: str) -> Function:
    services = services_now()
    try:
        return compile_function(spec, variables, filename, modules=None if services is None else services.modules)
    except ConfigError as error:
        raise ValueError(str(error)) from error


def _bound(
    function: Function, parameters: Mapping[str, Any], rest: str | None, args: tuple[Any, ...], given: dict[str, Any]
) -> list[Any]:
    """The values of the function's variables. Raises TypeError as a call does."""
    if len(args) > len(parameters):
        raise TypeError(f"{function.source} takes {len(parameters)} arguments, not {len(args)}")
    named = dict(zip(parameters, args, strict=False))
    others = {name: value for name, value in given.items() if name not in parameters}
    twice = named.keys() & given.keys()
    if twice or (others and rest is None):
        problem = "got several values for" if twice else "takes no argument"
        raise TypeError(f"{function.source} {problem} {', '.join(sorted(twice or others))}")
    values = {**parameters, **named, **{name: value for name, value in given.items() if name in parameters}}
    return [*values.values(), *([others] if rest else [])]
