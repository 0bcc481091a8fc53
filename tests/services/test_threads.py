"""services.threads: blocking calls beside the reactor, few wake-ups, no deadlock at the end."""

from __future__ import annotations

import contextvars
import gc
import queue
import sys
import threading
import traceback
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, gatherResults, succeed
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.threads import Threads, ThreadsStopped
from gramex_twisted.web.run import drive

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")


class Gate:
    """Functions that stand in a thread until the test lets them go on."""

    def __init__(self, test: TestCase) -> None:
        self.open = threading.Event()
        self.entered = threading.Semaphore(0)
        test.addCleanup(self.open.set)

    def wait(self, value: Any = None) -> Any:
        self.entered.release()
        self.open.wait(30)
        return value


class ThreadsTest(TestCase):
    def make(self, **options: Any) -> Threads:
        from twisted.internet import reactor

        self.reactor = reactor
        threads = Threads(reactor, **options)
        threads.startService()
        self.addCleanup(lambda: threads.stopService() if threads.running else None)
        return threads

    async def blocked(self, threads: Threads, count: int) -> tuple[Gate, list[Deferred[Any]]]:
        """``count`` calls that stand in their threads."""
        gate = Gate(self)
        calls = [threads.run(gate.wait, n) for n in range(count)]
        await self.until(lambda: gate.entered.acquire(blocking=False), count)
        return gate, calls

    async def until(self, condition: Callable[[], bool], times: int = 1) -> None:
        for _ in range(times):
            while not condition():
                await deferLater(self.reactor, 0)

    async def test_a_call_runs_in_a_thread_and_fires_on_the_reactor(self) -> None:
        threads = self.make()
        thread, total = await threads.run(lambda a, b: (threading.current_thread(), a + b), 1, b=2)
        self.assertEqual(total, 3)
        self.assertIsNot(thread, threading.current_thread())
        self.assertTrue(thread.daemon)

    async def test_what_the_function_raises_is_raised_with_its_own_traceback(self) -> None:
        def divide() -> float:
            return 1 / 0

        with self.assertRaises(ZeroDivisionError) as caught:
            await self.make().run(divide)
        frames = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.exception.__traceback__)]
        self.assertIn("divide", frames)

    async def test_a_coroutine_driven_by_the_server_gets_the_functions_own_error(self) -> None:
        async def serve() -> None:
            try:
                await threads.run(divmod, 1, 0)
            except Exception as error:
                caught.callback(error)

        threads = self.make()
        caught: Deferred[Exception] = Deferred()
        drive(serve(), lambda seconds: None)
        self.assertIsInstance(await caught, ZeroDivisionError)

    async def test_sys_exit_in_a_function_is_its_callers_error_not_the_servers_end(self) -> None:
        threads = self.make(workers=1)
        with self.assertRaisesRegex(RuntimeError, r"sys\.exit raised SystemExit\(3\) in a thread"):
            await threads.run(sys.exit, 3)
        self.assertEqual(await threads.run(lambda: "alive"), "alive")

    async def test_the_function_sees_the_callers_contextvars_and_cannot_change_them(self) -> None:
        def change() -> str:
            before = variable.get()
            variable.set("changed in the thread")
            return before

        variable.set("the caller's")
        self.assertEqual(await self.make().run(change), "the caller's")
        self.assertEqual(variable.get(), "the caller's")

    async def test_two_calls_see_each_their_own_contextvars(self) -> None:
        threads = self.make()
        calls = []
        for text in ("one", "two"):
            variable.set(text)
            calls.append(threads.run(variable.get))
        self.assertEqual(await gatherResults(calls), ["one", "two"])

    async def test_a_deferred_that_a_function_returns_is_waited_for(self) -> None:
        self.assertEqual(await self.make().run(lambda: succeed("inner")), "inner")

    async def test_blocked_calls_do_not_hold_up_the_others(self) -> None:
        threads = self.make(workers=4)
        _, calls = await self.blocked(threads, 3)
        self.assertEqual(await gatherResults([threads.run(str, n) for n in range(50)]), [str(n) for n in range(50)])
        self.assertEqual([call.called for call in calls], [False] * 3)

    async def test_a_burst_of_blocking_calls_gets_every_worker(self) -> None:
        threads = self.make(workers=8)
        await self.blocked(threads, 8)
        self.assertEqual((threads.busy, threads.waiting), (8, 0))

    async def test_no_more_than_workers_run_at_once_and_the_counters_say_so(self) -> None:
        threads = self.make(workers=2)
        gate, calls = await self.blocked(threads, 2)
        late = threads.run(str, "late")
        self.assertEqual((threads.busy, threads.waiting), (2, 1))
        gate.open.set()
        self.assertEqual(await gatherResults([*calls, late]), [0, 1, "late"])
        self.assertEqual((threads.busy, threads.waiting), (0, 0))

    async def test_a_call_over_the_bound_is_refused_with_503(self) -> None:
        threads = self.make(workers=1, max_queue=2)
        gate, calls = await self.blocked(threads, 1)
        calls += [threads.run(str, n) for n in range(2)]
        error = self.failureResultOf(threads.run(str), HTTPError).value
        self.assertEqual(error.status_code, 503)
        self.assertEqual(error.log_message, "the server is busy: 2 calls wait for a thread already")
        self.assertEqual(error.headers, {"Retry-After": "1"})
        gate.open.set()
        self.assertEqual(await gatherResults(calls), [0, "0", "1"])

    async def test_cancelling_a_queued_call_means_that_it_never_runs(self) -> None:
        threads = self.make(workers=1)
        gate, calls = await self.blocked(threads, 1)
        ran: list[int] = []
        queued = threads.run(ran.append, 1)
        queued.cancel()
        self.failureResultOf(queued, CancelledError)
        self.assertEqual((threads.busy, threads.waiting), (1, 0))
        gate.open.set()
        await gatherResults([*calls, threads.run(ran.append, 2)])
        self.assertEqual(ran, [2])

    async def test_cancelling_a_running_call_drops_its_result(self) -> None:
        threads = self.make(workers=1)
        gate, [call] = await self.blocked(threads, 1)
        call.cancel()
        self.failureResultOf(call, CancelledError)
        self.assertEqual(threads.busy, 1)
        gate.open.set()
        self.assertEqual(await threads.run(str, "next"), "next")
        self.assertEqual(threads.busy, 0)

    async def test_an_error_that_nobody_waits_for_is_logged_with_the_functions_name(self) -> None:
        def fail_late() -> None:
            gate.wait()
            raise LookupError("late")

        threads = self.make(workers=1)
        gate = Gate(self)
        call = threads.run(fail_late)
        await self.until(lambda: gate.entered.acquire(blocking=False))
        call.cancel()
        self.failureResultOf(call, CancelledError)
        gate.open.set()
        await threads.run(str)
        self.assertEqual([str(failure.value) for failure in self.flushLoggedErrors(LookupError)], ["late"])

    async def test_call_in_reactor_runs_on_the_reactor_and_returns_its_result(self) -> None:
        threads = self.make()
        ident = threading.get_ident()
        variable.set("travels there and back")

        def on_reactor(n: int) -> tuple[bool, int, str]:
            return threading.get_ident() == ident, n, variable.get()

        called = threads.run(threads.call_in_reactor, on_reactor, 5)
        self.assertEqual(await called, (True, 5, "travels there and back"))

    async def test_call_in_reactor_waits_for_a_deferred_and_for_a_coroutine(self) -> None:
        threads = self.make()
        gate: Deferred[str] = Deferred()

        async def coroutine() -> str:
            return "coroutine " + await gate

        call = threads.run(threads.call_in_reactor, coroutine)
        other = threads.run(threads.call_in_reactor, lambda: gatherResults([call]))
        gate.callback("done")
        self.assertEqual(await other, ["coroutine done"])

    async def test_call_in_reactor_raises_what_is_raised_there(self) -> None:
        async def coroutine() -> None:
            raise KeyError("k")

        threads = self.make()
        for fn in (lambda: {}["k"], coroutine):
            with self.assertRaises(KeyError):
                await threads.run(threads.call_in_reactor, fn)

    def test_call_in_reactor_on_the_reactor_is_refused(self) -> None:
        with self.assertRaisesRegex(RuntimeError, "was called on the reactor, which it would block"):
            self.make().call_in_reactor(str)

    async def test_functions_that_wait_for_slow_clients_give_their_places_to_others(self) -> None:
        threads = self.make(workers=2)
        clients: list[Deferred[str]] = [Deferred() for _ in range(6)]
        waiting = [threads.run(threads.call_in_reactor, lambda client=client: client) for client in clients]
        self.assertEqual(await threads.run(str, "served"), "served")
        self.assertEqual([call.called for call in waiting], [False] * 6)
        for client in clients:
            client.callback("read")
        self.assertEqual(await gatherResults(waiting), ["read"] * 6)
        await gatherResults([threads.run(str) for _ in range(50)])
        await self.until(lambda: threads._started <= 2)

    async def test_stopping_waits_for_running_functions_and_their_calls_into_the_reactor(self) -> None:
        def slow() -> str:
            gate.wait()
            return str(threads.call_in_reactor(lambda: "flushed"))

        threads = self.make(stop_timeout=30)
        gate = Gate(self)
        call = threads.run(slow)
        await self.until(lambda: gate.entered.acquire(blocking=False))
        stopped = threads.stopService()
        self.assertNoResult(stopped)
        gate.open.set()
        await stopped
        self.assertEqual(self.successResultOf(call), "flushed")

    async def test_stopping_refuses_what_is_queued_and_what_comes_later(self) -> None:
        threads = self.make(workers=1)
        gate, [call] = await self.blocked(threads, 1)
        queued = threads.run(str)
        stopped = threads.stopService()
        for late in (queued, threads.run(str)):
            error = self.failureResultOf(late, HTTPError).value
            self.assertEqual((error.status_code, error.log_message), (503, "the server is stopping"))
        gate.open.set()
        await stopped
        self.assertEqual(self.successResultOf(call), 0)

    async def test_a_function_that_never_returns_delays_the_stop_by_the_timeout_only(self) -> None:
        threads = self.make(stop_timeout=0.01)
        _, [call] = await self.blocked(threads, 1)
        await threads.stopService()
        self.assertEqual(self.failureResultOf(call, HTTPError).value.status_code, 503)
        self.assertEqual(threads.busy, 0)

    async def test_a_thread_that_waits_for_the_reactor_is_told_when_the_server_stops(self) -> None:
        def wait_for_ever() -> None:
            for fn in (lambda: asked.callback(None) or Deferred(), str):
                try:
                    threads.call_in_reactor(fn)
                except ThreadsStopped as error:
                    told.put(error)

        told: queue.SimpleQueue[Exception] = queue.SimpleQueue()
        asked: Deferred[None] = Deferred()
        threads = self.make(stop_timeout=0.01)
        call = threads.run(wait_for_ever)
        await asked
        await threads.stopService()
        self.assertEqual([str(told.get(timeout=10)) for _ in range(2)], ["the server is stopping"] * 2)
        self.failureResultOf(call, HTTPError)

    async def test_the_threads_end_when_the_pool_stops_and_come_back_when_it_starts(self) -> None:
        threads = self.make(workers=3)
        gate, calls = await self.blocked(threads, 3)
        gate.open.set()
        await gatherResults(calls)
        workers = await threads.run(lambda: [t for t in threading.enumerate() if t.name.startswith("gramex-")])
        await threads.stopService()
        for worker in workers:
            worker.join(10)
        self.assertEqual([worker.is_alive() for worker in workers], [False] * len(workers))
        threads.startService()
        self.assertEqual(await threads.run(str, 1), "1")

    async def test_an_idle_pool_keeps_no_result_or_argument_alive(self) -> None:
        class Big:
            pass

        threads = self.make(workers=1)
        big = Big()
        reference = weakref.ref(big)
        await threads.run(id, big)
        del big
        await threads.run(gc.collect)
        self.assertIsNone(reference())

    async def test_results_of_many_interleaved_calls_go_to_their_own_callers(self) -> None:
        threads = self.make(workers=4, max_queue=5000)
        calls = [threads.run(lambda n=n: threads.call_in_reactor(lambda: n) if n % 7 == 0 else n) for n in range(2000)]
        self.assertEqual(await gatherResults(calls), list(range(2000)))
