"""Coroutines that await Deferreds and asyncio, and steps that hold the reactor."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, inlineCallbacks, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.web.run import as_deferred, drive, is_awaitable


def never_slow(seconds: float) -> None:
    raise AssertionError(f"held for {seconds}")


def on_asyncio(make: Callable[[asyncio.AbstractEventLoop], Awaitable[Any]]) -> Any:
    """What ``as_deferred(make(loop))`` comes to on a running asyncio loop."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        return await as_deferred(make(loop), None, never_slow).asFuture(loop)

    return asyncio.run(asyncio.wait_for(main(), 10))


class DriveTests(SynchronousTestCase):
    def drive(self, coroutine: Coroutine[Any, Any, None], slow: Callable[[float], None] = never_slow) -> None:
        drive(coroutine, slow)

    def test_it_runs_to_the_first_wait_at_once(self) -> None:
        seen: list[Any] = []
        deferred: Deferred[str] = Deferred()

        async def work() -> None:
            seen.append("began")
            seen.append(await deferred)
            seen.append(await succeed("at once"))

        self.drive(work())
        self.assertEqual(seen, ["began"])
        deferred.callback("later")
        self.assertEqual(seen, ["began", "later", "at once"])

    def test_a_failure_is_raised_where_it_is_awaited_and_not_reported_again(self) -> None:
        seen: list[str] = []
        deferred: Deferred[None] = Deferred()

        async def work() -> None:
            for awaited in (fail(KeyError("now")), deferred):
                try:
                    await awaited
                except (KeyError, ValueError) as error:
                    seen.append(repr(error))

        self.drive(work())
        deferred.errback(ValueError("later"))
        self.assertEqual(seen, ["KeyError('now')", "ValueError('later')"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_deferred_keeps_its_result_for_others(self) -> None:
        deferred: Deferred[int] = Deferred()
        seen: list[int] = []

        async def work() -> None:
            seen.append(await deferred)

        self.drive(work())
        self.drive(work())
        deferred.callback(7)
        self.assertEqual(seen, [7, 7])

    def test_a_thousand_waits_do_not_recurse(self) -> None:
        async def work() -> None:
            for _ in range(5000):
                await succeed(None)

        self.drive(work())

    def test_a_step_that_holds_the_reactor_is_reported(self) -> None:
        held: list[float] = []

        async def work() -> None:
            time.sleep(0.11)
            await succeed(None)

        self.drive(work(), held.append)
        self.assertEqual(len(held), 1)
        self.assertGreater(held[0], 0.1)


class AsDeferredTests(SynchronousTestCase):
    def test_a_deferred_is_itself(self) -> None:
        deferred: Deferred[None] = Deferred()
        self.assertIs(as_deferred(deferred, Clock(), never_slow), deferred)

    def test_a_coroutine_without_asyncio_awaits_deferreds(self) -> None:
        async def work() -> int:
            return 1 + await succeed(1)

        self.assertEqual(self.successResultOf(as_deferred(work(), Clock(), never_slow)), 2)

    def test_a_concurrent_future_fires_on_the_reactor(self) -> None:
        reactor = SimpleNamespace(callFromThread=lambda call: call())
        done: concurrent.futures.Future[int] = concurrent.futures.Future()
        failed: concurrent.futures.Future[int] = concurrent.futures.Future()
        cancelled: concurrent.futures.Future[int] = concurrent.futures.Future()
        deferreds = [as_deferred(future, reactor, never_slow) for future in (done, failed, cancelled)]
        done.set_result(3)
        failed.set_exception(ValueError("no"))
        cancelled.cancel()
        self.assertEqual(self.successResultOf(deferreds[0]), 3)
        self.assertEqual(str(self.failureResultOf(deferreds[1], ValueError).value), "no")
        self.failureResultOf(deferreds[2], CancelledError)

    def test_what_can_be_awaited(self) -> None:
        async def work() -> None: ...

        coroutine = work()
        for value in (succeed(1), coroutine, concurrent.futures.Future()):
            self.assertTrue(is_awaitable(value))
        coroutine.close()
        for value in (1, "x", None, [], (part for part in "ab")):
            self.assertFalse(is_awaitable(value))


class AsyncioTests(SynchronousTestCase):
    def test_a_coroutine_may_await_both_worlds(self) -> None:
        async def work(loop: asyncio.AbstractEventLoop) -> list[Any]:
            deferred: Deferred[str] = Deferred()
            loop.call_later(0.001, deferred.callback, "deferred")
            first = await deferred
            second = await asyncio.sleep(0.001, "asyncio")
            third = await succeed("fired")
            return [first, second, third]

        self.assertEqual(on_asyncio(work), ["deferred", "asyncio", "fired"])

    def test_asyncio_time_outs_work_and_cancel_the_deferred(self) -> None:
        cancelled: list[Any] = []

        async def work(loop: asyncio.AbstractEventLoop) -> str:
            deferred: Deferred[None] = Deferred(cancelled.append)
            try:
                async with asyncio.timeout(0.01):
                    await deferred
            except TimeoutError:
                return "timed out"
            return "no"

        self.assertEqual(on_asyncio(work), "timed out")
        self.assertEqual(len(cancelled), 1)

    def test_there_is_a_current_task(self) -> None:
        async def work(loop: asyncio.AbstractEventLoop) -> bool:
            return asyncio.current_task() is not None

        self.assertTrue(on_asyncio(work))

    def test_a_deferred_that_fails_raises(self) -> None:
        async def work(loop: asyncio.AbstractEventLoop) -> str:
            deferred: Deferred[None] = Deferred()
            loop.call_soon(deferred.errback, ValueError("inside"))
            try:
                await deferred
            except ValueError as error:
                return str(error)
            return "no"

        self.assertEqual(on_asyncio(work), "inside")
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_an_exception_reaches_the_deferred(self) -> None:
        async def work(loop: asyncio.AbstractEventLoop) -> None:
            await asyncio.sleep(0)
            raise KeyError("out")

        self.assertRaises(KeyError, on_asyncio, work)

    def test_futures_and_inline_callbacks_and_gather(self) -> None:
        @inlineCallbacks
        def old(loop: asyncio.AbstractEventLoop):  # type: ignore[no-untyped-def]
            deferred: Deferred[int] = Deferred()
            loop.call_soon(deferred.callback, 4)
            value = yield deferred
            return value + 1

        async def work(loop: asyncio.AbstractEventLoop) -> Any:
            return await asyncio.gather(asyncio.sleep(0, 1), old(loop).asFuture(loop))

        self.assertEqual(on_asyncio(work), [1, 5])

        def future(loop: asyncio.AbstractEventLoop) -> asyncio.Future[int]:
            made = loop.create_future()
            loop.call_soon(made.set_result, 9)
            return made

        self.assertEqual(on_asyncio(future), 9)

    def test_cancelling_the_deferred_cancels_the_task(self) -> None:
        seen: list[str] = []

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        async def main() -> None:
            deferred = as_deferred(work(), None, never_slow)
            await asyncio.sleep(0.001)
            deferred.addErrback(lambda failure: seen.append(failure.type.__name__))
            deferred.cancel()
            await asyncio.sleep(0.001)

        asyncio.run(main())
        self.assertEqual(sorted(seen), ["CancelledError", "cancelled"])

    def test_a_step_that_holds_the_loop_is_reported(self) -> None:
        held: list[float] = []

        async def work() -> None:
            await asyncio.sleep(0)
            time.sleep(0.11)

        async def main() -> None:
            await as_deferred(work(), None, held.append).asFuture(asyncio.get_running_loop())

        asyncio.run(main())
        self.assertEqual(len(held), 1)
