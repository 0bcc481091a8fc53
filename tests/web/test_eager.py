"""Tasks that begin at once: all that Tasks can do, and the first step before the next turn of the loop."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from functools import partial
from typing import Any

import uvloop
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.web.eager import begin
from gramex_twisted.web.run import as_deferred
from tests.web import test_run

WHO: ContextVar[str] = ContextVar("who", default="nobody")


class SameTests(test_run.AsyncioTests):
    """What holds for coroutines holds for those that begin at once."""

    def setUp(self) -> None:
        self.patch(test_run, "as_deferred", partial(as_deferred, eager=True))


class EagerTests(SynchronousTestCase):
    def run_on_both(self, main: Callable[[], Awaitable[Any]]) -> Any:
        """What ``main`` returns on the loops of asyncio and of uvloop, which must be the same."""

        async def bounded() -> Any:
            return await asyncio.wait_for(main(), 60)

        found = asyncio.run(bounded())
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self.assertEqual(runner.run(bounded()), found)
        return found

    def test_what_waits_for_nothing_has_ended_before_it_is_asked(self) -> None:
        async def work() -> str:
            return "done"

        async def main() -> Any:
            deferred = as_deferred(work(), None, test_run.never_slow, eager=True)
            later = as_deferred(work(), None, test_run.never_slow)
            seen = (deferred.called, later.called)
            return seen, await deferred.asFuture(asyncio.get_running_loop()), len(asyncio.all_tasks())

        seen, result, _ = self.run_on_both(main)
        self.assertEqual((seen, result), ((True, False), "done"))

    def test_it_is_a_task_of_its_own_within_another_and_leaves_that_in_place(self) -> None:
        async def inner() -> Any:
            first = asyncio.current_task()
            await asyncio.sleep(0)
            return first is not None and first is asyncio.current_task(), first

        async def main() -> Any:
            outer = asyncio.current_task()
            task = begin(inner(), asyncio.get_running_loop())
            still = asyncio.current_task() is outer
            kept, seen = await task
            return still, kept, seen is task, seen is not outer

        self.assertEqual(self.run_on_both(main), (True, True, True, True))

    def test_time_outs_and_groups_work_from_the_first_step(self) -> None:
        async def slow() -> str:
            try:
                async with asyncio.timeout(0.01):
                    await Deferred()
            except TimeoutError:
                return "timed out"
            return "no"

        async def group() -> list[int]:
            async with asyncio.TaskGroup() as tasks:
                made = [tasks.create_task(asyncio.sleep(0.001, number)) for number in range(3)]
            return [task.result() for task in made]

        async def failing() -> str:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(asyncio.sleep(60))
                    raise ValueError("inside")
            except ExceptionGroup as errors:
                return str(errors.exceptions)
            return "no"

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            made = [as_deferred(work(), None, test_run.never_slow, eager=True) for work in (slow, group, failing)]
            return [await deferred.asFuture(loop) for deferred in made]

        self.assertEqual(self.run_on_both(main), ["timed out", [0, 1, 2], "(ValueError('inside'),)"])

    def test_its_context_variables_are_its_own(self) -> None:
        async def work(name: str) -> str:
            WHO.set(name)
            await asyncio.sleep(0.001)
            return WHO.get()

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            WHO.set("main")
            made = [as_deferred(work(name), None, test_run.never_slow, eager=True) for name in "ab"]
            before = WHO.get()
            return before, [await deferred.asFuture(loop) for deferred in made], WHO.get()

        self.assertEqual(self.run_on_both(main), ("main", ["a", "b"], "main"))

    def test_an_error_of_the_first_step_is_raised_where_it_is_awaited(self) -> None:
        async def work() -> None:
            raise KeyError("at once")

        async def cancelled() -> None:
            raise asyncio.CancelledError

        async def main() -> Any:
            names = []
            for function in (work, cancelled):
                deferred = as_deferred(function(), None, test_run.never_slow, eager=True)
                try:
                    await deferred.asFuture(asyncio.get_running_loop())
                except (KeyError, asyncio.CancelledError) as error:
                    names.append(type(error).__name__)
            return names

        self.assertEqual(self.run_on_both(main), ["KeyError", "CancelledError"])
        gc.collect()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_a_first_step_that_holds_the_loop_is_its_callers_and_the_next_is_reported(self) -> None:
        async def work() -> None:
            time.sleep(0.11)
            await asyncio.sleep(0)
            time.sleep(0.11)

        async def main() -> Any:
            held: list[float] = []
            await as_deferred(work(), None, held.append, eager=True).asFuture(asyncio.get_running_loop())
            return len(held)

        self.assertEqual(self.run_on_both(main), 1)

    def test_many_that_wait_end_all(self) -> None:
        async def work(number: int) -> int:
            for _ in range(3):
                await asyncio.sleep(0)
            return number

        async def main() -> Any:
            loop = asyncio.get_running_loop()
            tasks = [begin(work(number), loop) for number in range(200)]
            return await asyncio.gather(*tasks)

        self.assertEqual(self.run_on_both(main), list(range(200)))
