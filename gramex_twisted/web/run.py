"""Coroutines on a reactor.

``drive`` runs the server's own coroutines. It costs nothing where nothing waits, which is most requests: the first step
runs at once, and a Deferred is only attached to when one is awaited. ``as_deferred`` takes what user code returns:
a coroutine that awaits Deferreds *and* asyncio awaitables, a Deferred, an asyncio or a concurrent Future.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from time import perf_counter
from types import TracebackType
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from gramex_twisted.web.eager import begin

#: Seconds that one step may hold the reactor before it is reported.
HELD_TOO_LONG = 0.1

#: What an ``await`` of a Deferred runs.
_AWAIT = Deferred.__iter__.__code__

Slow = Callable[[float], None]


def drive(coroutine: Coroutine[Deferred[Any], Any, None], slow: Slow) -> None:
    """Run ``coroutine``, which handles its own errors, to its end, in a copy of the current contextvars.

    ``slow(seconds)`` is called when one step held the reactor for ``HELD_TOO_LONG``.
    """
    _step(coroutine, slow, copy_context())


def _step(
    coroutine: Coroutine[Deferred[Any], Any, None], slow: Slow, context: Context, failure: Failure | None = None
) -> None:
    began = perf_counter()
    try:
        if failure is None:
            awaited = context.run(coroutine.send, None)
        else:
            awaited = context.run(failure.throwExceptionIntoGenerator, coroutine)
    except StopIteration:
        return
    finally:
        held = perf_counter() - began
        if held > HELD_TOO_LONG:
            slow(held)
    awaited.addBoth(_resume, coroutine, slow, context)


def _resume(result: object, coroutine: Coroutine[Deferred[Any], Any, None], slow: Slow, context: Context) -> object:
    # The coroutine reads a result off the Deferred that it awaited. An error is thrown into it: a Deferred that is just
    # running its callbacks cannot be asked for one. It must not be reported again.
    if isinstance(result, Failure):
        _step(coroutine, slow, context, result)
        return None
    _step(coroutine, slow, context)
    return result


def let_go(error: BaseException) -> None:
    """Free what ``error``, which has been dealt with, holds.

    The frame of a Deferred that was awaited holds the failure, whose traceback holds the frame. Coroutines' frames are
    left alone: one that waits would be closed, and an error may have passed through several requests.
    """
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is _AWAIT:
            trace.tb_frame.clear()
        trace = trace.tb_next


def as_deferred(
    value: Awaitable[Any] | concurrent.futures.Future[Any], reactor: Any, slow: Slow, *, eager: bool = False
) -> Deferred[Any]:
    """A Deferred that fires with what ``value`` comes to; cancelling it cancels ``value``.

    :param value: a Deferred, coroutine, asyncio Future, concurrent Future or any other awaitable.
    :param eager: whether a coroutine takes its first step before this returns, not in the next turn of the reactor.
        That step is part of the caller's, and not reported to ``slow`` by itself.
    """
    if isinstance(value, Deferred):
        return value
    if isinstance(value, concurrent.futures.Future):
        return _from_concurrent(value, reactor)
    loop = _running_loop()
    if asyncio.isfuture(value):
        return Deferred.fromFuture(value)
    coroutine = value if inspect.iscoroutine(value) else _await(value)
    if loop is None:
        return Deferred.fromCoroutine(coroutine)
    return _as_task(coroutine, loop, slow, eager=eager)


def is_awaitable(value: object) -> bool:
    """Whether ``as_deferred`` takes ``value``."""
    return isinstance(value, (Deferred, concurrent.futures.Future)) or inspect.isawaitable(value)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


async def _await(value: Awaitable[Any]) -> Any:
    return await value


def _from_concurrent(future: concurrent.futures.Future[Any], reactor: Any) -> Deferred[Any]:
    deferred: Deferred[Any] = Deferred(lambda _: _ignore(future.cancel()))

    def done(_: object) -> None:
        reactor.callFromThread(deliver)

    def deliver() -> None:
        if not deferred.called:
            if future.cancelled():
                deferred.cancel()
            elif (error := future.exception()) is not None:
                deferred.errback(error)
            else:
                deferred.callback(future.result())

    future.add_done_callback(done)
    return deferred


def _trap_cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _ignore(_: object) -> None:
    """A canceller returns nothing."""


def _as_task(
    coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, slow: Slow, *, eager: bool
) -> Deferred[Any]:
    """Run ``coroutine`` as an asyncio Task, so that asyncio's own time-outs, locks and clients work in it."""

    async def body() -> None:
        try:
            result = await _Bridge(coroutine, loop, slow, reported=not eager)
        except asyncio.CancelledError:
            if not deferred.called:
                deferred.errback(asyncio.CancelledError())
            raise
        except BaseException as error:  # noqa: BLE001 - every error is the awaiting request's
            deferred.errback(error)
        else:
            # Fired inside the task, a whole loop iteration earlier than a done-callback would be.
            deferred.callback(result)

    task: asyncio.Task[None]
    deferred: Deferred[Any] = Deferred(lambda _: _ignore(task.cancel()))
    task = begin(body(), loop) if eager else loop.create_task(body())
    return deferred


class _Bridge(Coroutine[Any, Any, Any]):
    """A coroutine for asyncio that may also wait for Deferreds: each is shown to the Task as a Future."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop, slow: Slow, *, reported: bool
    ) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._slow = slow
        self._reported = reported

    def __await__(self) -> Generator[Any, Any, Any]:
        return self

    def __iter__(self) -> _Bridge:
        return self

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any) -> Any:
        return self._timed(self._coroutine.send, value)

    def throw(
        self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None
    ) -> Any:  # pragma: no cover - the signature is asyncio's
        return self._timed(self._coroutine.throw, typ if val is None else val)

    def close(self) -> None:
        self._coroutine.close()

    def _timed(self, step: Callable[[Any], Any], argument: Any) -> Any:
        began = perf_counter()
        try:
            awaited = step(argument)
        finally:
            held = perf_counter() - began
            if held > HELD_TOO_LONG and self._reported:
                self._slow(held)
            self._reported = True
        return self._as_future(awaited) if isinstance(awaited, Deferred) else awaited

    def _as_future(self, deferred: Deferred[Any]) -> asyncio.Future[None]:
        future = self._loop.create_future()

        def fired(result: Any) -> Any:
            if not future.done():
                future.set_result(None)
            return result  # stays on the Deferred: awaiting it reads it there

        def ended(future: asyncio.Future[None]) -> None:
            if future.cancelled():
                deferred.cancel()
                deferred.addErrback(_trap_cancelled)  # the coroutine has been told already

        deferred.addBoth(fired)
        future.add_done_callback(ended)
        future._asyncio_future_blocking = True  # what Future.__await__ does before it yields itself
        return future
