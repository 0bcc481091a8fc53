"""compile_function: from what `function:` says to a Function."""

from __future__ import annotations

import keyword
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions.expression import ABSENT, Expression, Place, describe
from gramex_twisted.functions.function import Function, Step, run_and_await, run_in_place
from gramex_twisted.functions.injected import INJECTED
from gramex_twisted.functions.modes import strictest
from gramex_twisted.functions.modules import ModuleSet
from gramex_twisted.functions.names import Extras, did_you_mean

BASE_EXTRAS: Extras = {"AttrDict": lambda: AttrDict, **INJECTED}
STEP_KEYS = ("name", "function", "args", "kwargs")

Variables = Sequence[str] | Mapping[str, Any]


def compile_function(
    spec: object,
    variables: Variables,
    where: str,
    *,
    modules: ModuleSet | None = None,
    extras: Extras | None = None,
) -> Function:
    """Compile `spec`: an expression, a dict of `function`, `args` and `kwargs`, or a list of steps (a pipeline).

    `variables` are the names that the Function gets values for, in this order (a mapping gives their defaults).
    `where` is the place in the configuration, for errors. `modules` tells user modules from others. `extras` are
    further names for the expression, each with a function that loads its value when the expression uses it.
    Other keys of a dict than those three are the caller's.

    Imports the modules that the expression names. Raises ConfigError.
    """
    defaults = tuple(variables.values()) if isinstance(variables, Mapping) else ()
    place = Place(where, modules or ModuleSet(), {**BASE_EXTRAS, **(extras or {})}, defaults)
    args = kwargs = ABSENT
    if isinstance(spec, Mapping):
        if "function" not in spec:
            raise place.error(f'"function" is missing: there is only {", ".join(map(str, spec)) or "an empty mapping"}')
        args, kwargs = spec.get("args", ABSENT), spec.get("kwargs", ABSENT)
        spec = spec["function"]
    if isinstance(spec, list):
        if args is not ABSENT or kwargs is not ABSENT:
            raise place.error("args: and kwargs: belong to the steps of a pipeline, not beside it")
        return compile_pipeline(place, spec, tuple(variables))
    return Expression(place, text_of(spec, place), tuple(variables)).build(args, kwargs)


def compile_pipeline(place: Place, specs: list[Any], variables: tuple[str, ...]) -> Function:
    """Compile a list of steps. Raises ConfigError, with the number of the step (from 1)."""
    if not specs:
        raise place.error("a pipeline needs at least one step")
    names, slow, steps = variables, list[str](), list[Step]()
    for number, spec in enumerate(specs, 1):
        try:
            step = compile_step(place, spec, names, slow)
        except ConfigError as error:
            raise place.error(f"step {number}: {error.message}") from error.__cause__
        steps.append(step)
        slow = [name for name in slow if name != step.name]
        if step.name and step.function.mode != "reactor":
            slow.append(step.name)
        # a name used again hides the earlier value behind a name that no expression can write
        names = tuple(f"{name} before step {number}" if name == step.name else name for name in names)
        names = (*names, step.name or f"step {number}")
    mode = strictest(step.function.mode for step in steps)
    runner = run_and_await if mode == "async" else run_in_place
    return Function(
        call=runner(tuple(steps), place.defaults),
        mode=mode,
        source=" | ".join(step.function.source for step in steps),
        where=place.where,
        modules=frozenset().union(*(step.function.modules for step in steps)),
        steps=tuple(steps),
        defaults=place.defaults,
        uses=frozenset().union(*(step.function.uses for step in steps)).intersection(variables),
    )


def compile_step(place: Place, spec: Any, names: tuple[str, ...], slow: Sequence[str]) -> Step:
    """Compile one step, in which `names` are variables, `slow` those of them whose methods may block."""
    if not isinstance(spec, Mapping):
        spec = {"function": spec}
    for key in spec:
        if key not in STEP_KEYS:
            hint = did_you_mean(str(key), STEP_KEYS) or f"; known: {', '.join(STEP_KEYS)}"
            raise place.error(f'unknown key "{key}"{hint}')
    if "function" not in spec:
        raise place.error('"function" is missing')
    name = spec.get("name", "")
    if name != "" and not is_variable_name(name):
        raise place.error(f"name: must be a Python name, not {describe(name)}")
    expression = Expression(replace(place, defaults=()), text_of(spec["function"], place), names, slow)
    return Step(name, expression.build(spec.get("args", ABSENT), spec.get("kwargs", ABSENT)))


def text_of(spec: object, place: Place) -> str:
    if not isinstance(spec, str):
        raise place.error(f"a function is text such as module.function(handler), not {describe(spec)}")
    return spec


def is_variable_name(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and not keyword.iskeyword(name)
