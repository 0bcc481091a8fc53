"""services.inline: a thread pool in step with a test's clock."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.inline import InlineThreads


class InlineThreadsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.threads = InlineThreads(self.clock)
        self.threads.startService()

    def test_a_call_has_fired_when_run_returns(self) -> None:
        self.assertEqual(self.successResultOf(self.threads.run(divmod, 7, 2)), (3, 1))
        self.failureResultOf(self.threads.run(divmod, 7, 0), ZeroDivisionError)
        self.assertEqual(self.threads.busy, 0)

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.integers()))
    def test_any_number_of_calls_into_the_reactor_come_back_in_order(self, numbers: list[int]) -> None:
        def work() -> list[int]:
            return [self.threads.call_in_reactor(lambda n: succeed(n), n) for n in numbers]

        self.assertEqual(self.successResultOf(self.threads.run(work)), numbers)

    def test_a_function_that_waits_for_the_reactor_goes_on_when_the_clock_does(self) -> None:
        def work() -> list[str]:
            steps.append("before")
            steps.append(self.threads.call_in_reactor(deferLater, self.clock, 3, lambda: "waited"))
            return steps

        steps: list[str] = []
        call = self.threads.run(work)
        self.assertNoResult(call)
        self.assertEqual((steps, self.threads.busy), (["before"], 1))
        other = self.threads.run(str, "meanwhile")
        self.assertEqual(self.successResultOf(other), "meanwhile")
        self.clock.advance(3)
        self.assertEqual(self.successResultOf(call), ["before", "waited"])

    def test_errors_on_the_reactor_are_raised_in_the_function(self) -> None:
        def work() -> str:
            try:
                self.threads.call_in_reactor(lambda: waiting)
            except LookupError as error:
                return repr(error)
            return "no error"

        waiting: Deferred[None] = Deferred()
        call = self.threads.run(work)
        waiting.errback(LookupError("x"))
        self.assertEqual(self.successResultOf(call), "LookupError('x')")

    def test_stopping_tells_a_function_that_waits(self) -> None:
        waiting: Deferred[None] = Deferred()
        call = self.threads.run(self.threads.call_in_reactor, lambda: waiting)
        self.successResultOf(self.threads.stopService())
        self.assertEqual(self.failureResultOf(call, HTTPError).value.status_code, 503)
        self.assertEqual(self.failureResultOf(self.threads.run(str), HTTPError).value.status_code, 503)
        waiting.callback(None)  # too late, and harmless
