"""Calling user functions outside of requests: where their mode says, as handlers call theirs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from twisted.logger import Logger

from gramex_twisted.current import APP
from gramex_twisted.functions import Function
from gramex_twisted.services.container import Services
from gramex_twisted.services.pipelines import Pipelines
from gramex_twisted.web.run import as_deferred, is_awaitable

log = Logger()


async def call(services: Services, name: str, function: Function, *values: Any, thread: bool | None = None) -> Any:
    """What ``function`` of ``values`` comes to. An iterator is read to its end, and its last value counts.

    :param name: for messages: ``schedule.report``.
    :param thread: where it is called: true in a thread, false on the reactor, None: as its mode says.
    :raises Exception: what it raises.
    """
    APP.set(services)
    if function.steps:
        run = partial(_step, services, name, thread)
        result = await services.part(Pipelines).run(name.replace(".", ":", 1), function, run, *values)
    else:
        result = await _step(services, name, thread, function, *values)
    if hasattr(result, "__aiter__"):
        return await _last_async(services, name, result)
    return await services.threads.run(_last, result) if isinstance(result, Iterator) else result


async def _step(services: Services, name: str, thread: bool | None, function: Function, *values: Any) -> Any:
    in_thread = function.mode == "thread" if thread is None or function.mode == "async" else thread
    result = await services.threads.run(function.call, *values) if in_thread else function.call(*values)
    return await as_deferred(result, services.reactor, partial(_held, name)) if is_awaitable(result) else result


async def _last_async(services: Services, name: str, values: Any) -> Any:
    async def read() -> Any:
        last = None
        async for value in values:
            last = value
        return last

    return await as_deferred(read(), services.reactor, partial(_held, name))


def _last(values: Iterator[Any]) -> Any:
    last = None
    for value in values:
        last = value
    return last


def _held(name: str, seconds: float) -> None:
    log.warn(
        "{name}: held the reactor for {ms} ms; make the function a plain def, so that it runs in a thread",
        name=name,
        ms=round(seconds * 1000),
    )
