"""Function: a compiled `function:` expression."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

from gramex_twisted.functions.modes import Mode


@dataclass(frozen=True, slots=True)
class Function:
    """A compiled `function:`, called with one positional value for each of its variables.

    A pipeline has `steps`. Calling it runs them one after another where it is called (a coroutine when its mode is
    `async`); :meth:`run_steps` lets each step run where its own mode says.
    """

    call: Callable[..., Any]
    """What `__call__` calls: for the fast path, without one frame in between."""
    mode: Mode
    source: str
    """The expression as it was written, on one line."""
    where: str
    modules: frozenset[str] = frozenset()
    """Names of the user modules that the expression itself names."""
    steps: tuple[Step, ...] = ()
    defaults: tuple[Any, ...] = ()
    """Default values of the variables; empty when every variable must be given."""
    uses: frozenset[str] = frozenset()
    """Names of the variables that the expression uses; a result of one that uses none of the request can be kept."""

    def __call__(self, *values: Any) -> Any:
        return self.call(*values)

    async def run_steps(self, run: Callable[..., Awaitable[Any]], *values: Any) -> Any:
        """The result of the last step, each awaited as `run(step.function, *values)`.

        `run` runs that Function where its mode says, awaiting what it returns. Only for a pipeline.
        """
        results = self.filled(values)
        for step in self.steps:
            results.append(await run(step.function, *results))
        return results[-1]

    def filled(self, values: tuple[Any, ...]) -> list[Any]:
        """`values` as a list, with the defaults of the variables that are not given."""
        return [*values, *self.defaults[len(values) :]]

    def __repr__(self) -> str:
        return f"<Function {self.source!r} {self.mode} {self.where}>"


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a pipeline. `function` takes the pipeline's variables, then the result of each earlier step."""

    name: str
    """The variable that later steps have its result in, "" for none."""
    function: Function


def run_in_place(steps: tuple[Step, ...], defaults: tuple[Any, ...]) -> Callable[..., Any]:
    """A plain function that runs `steps` one after another."""

    def call(*values: Any) -> Any:
        results = [*values, *defaults[len(values) :]]
        for step in steps:
            results.append(step.function.call(*results))
        return results[-1]

    return call


def run_and_await(steps: tuple[Step, ...], defaults: tuple[Any, ...]) -> Callable[..., Awaitable[Any]]:
    """A coroutine function that runs `steps` one after another, and awaits the results that are awaitable."""

    async def call(*values: Any) -> Any:
        results = [*values, *defaults[len(values) :]]
        for step in steps:
            result = step.function.call(*results)
            results.append(await result if isawaitable(result) else result)
        return results[-1]

    return call
