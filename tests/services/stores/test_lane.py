"""services.stores.lane: batches, deadlines, ends."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.lane import Job, Lane


class LaneTests(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.entered: Deferred[None] = Deferred()
        self.addCleanup(self.gate.set)

    def lane(self, timeout: float = 10.0) -> Lane[int]:
        lane: Lane[int] = Lane(self.reactor, "the file", self.double, timeout)
        self.addCleanup(lambda: None if lane.stopping else lane.stop())
        return lane

    def double(self, jobs: list[Job[int]]) -> None:
        self.batches.append([job.work for job in jobs])
        if not self.gate.is_set():
            self.reactor.callFromThread(self.entered.callback, None)
        self.gate.wait(30)
        for job in jobs:
            job.result = job.work * 2
            if not job.work:
                raise ZeroDivisionError("a bug")

    async def test_jobs_of_one_turn_make_one_batch_and_get_their_own_results(self) -> None:
        lane = self.lane()
        self.assertEqual(await gatherResults([lane.submit(number) for number in range(1, 6)]), [2, 4, 6, 8, 10])
        self.assertEqual(self.batches, [[1, 2, 3, 4, 5]])

    async def test_jobs_that_come_while_it_works_make_the_next_batch(self) -> None:
        lane = self.lane()
        self.gate.clear()
        first = lane.submit(1)
        await self.entered
        later = [lane.submit(2)]
        await self.turn()
        later.append(lane.submit(3))
        await self.turn()
        self.gate.set()
        self.assertEqual(await gatherResults([first, *later]), [2, 4, 6])
        self.assertEqual(self.batches, [[1], [2, 3]])

    async def turn(self) -> None:
        done: Deferred[None] = Deferred()
        self.reactor.callLater(0, done.callback, None)
        await done

    async def test_a_thread_that_hangs_is_an_error_in_time_and_what_waited_is_not_done_later(self) -> None:
        lane = self.lane(timeout=0.1)
        self.gate.clear()
        waiting = [lane.submit(1)]
        await self.entered
        waiting.append(lane.submit(2))
        for deferred in waiting:
            with self.assertRaisesRegex(StoreError, "the file: no answer within 0.1 s"):
                await deferred
        self.gate.set()
        self.assertEqual(await lane.submit(3), 6)
        self.assertEqual(self.batches, [[1], [3]])

    async def test_nobody_hears_of_a_job_that_was_cancelled(self) -> None:
        lane = self.lane()
        cancelled, kept = lane.submit(1), lane.submit(2)
        cancelled.addErrback(lambda _: "cancelled")
        cancelled.cancel()
        self.assertEqual((await cancelled, await kept), ("cancelled", 4))
        self.assertEqual(self.batches, [[2]])

    async def test_a_bug_fails_its_batch_and_not_the_next(self) -> None:
        lane = self.lane()
        with self.assertRaisesRegex(ZeroDivisionError, "a bug"):
            await lane.submit(0)
        self.assertEqual(await lane.submit(1), 2)

    async def test_what_was_submitted_is_done_before_it_stops(self) -> None:
        lane = self.lane()
        self.gate.clear()
        first = lane.submit(1)
        await self.entered
        second = lane.submit(2)
        stopped = lane.stop()
        self.assertNoResult(stopped)
        with self.assertRaisesRegex(StoreError, "the file: the server is stopping"):
            await lane.submit(3)
        self.gate.set()
        self.assertEqual((await first, await second), (2, 4))
        await stopped

    async def test_a_thread_that_hangs_does_not_keep_it_from_stopping(self) -> None:
        lane = self.lane(timeout=0.1)
        self.gate.clear()
        hanging = [lane.submit(1)]
        await self.entered
        hanging.append(lane.submit(2))
        stopped = lane.stop()
        for deferred in hanging:
            with self.assertRaisesRegex(StoreError, "no answer"):
                await deferred
        await stopped

    async def test_what_was_opened_is_closed_in_the_thread_that_opened_it(self) -> None:
        threads: list[str] = []
        lane: Lane[int] = Lane(
            self.reactor, "file", self.double, 5.0, finish=lambda: threads.append(threading.current_thread().name)
        )
        await lane.submit(1)
        await lane.stop()
        self.assertEqual(threads, ["store file"])


class InlineLaneTests(SynchronousTestCase):
    def test_without_a_thread_jobs_are_done_at_once(self) -> None:
        def double(jobs: list[Job[int]]) -> None:
            for job in jobs:
                job.result = job.work * 2

        clock = Clock()
        lane: Lane[int] = Lane(clock, "the file", double, 5.0, threaded=False)
        self.assertEqual(self.successResultOf(lane.submit(4)), 8)
        self.assertEqual(clock.getDelayedCalls(), [])
        self.successResultOf(lane.stop())
