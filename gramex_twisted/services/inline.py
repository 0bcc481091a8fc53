"""A thread pool for tests: in step with the reactor, so that nothing in a test happens "later"."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.python.failure import Failure

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.jobs import Job, ThreadsStopped, name_of
from gramex_twisted.services.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")


class InlineThreads(Threads):
    """Runs each call in a thread of its own **while the reactor waits**: ``run`` returns a Deferred that has fired.

    The one exception is a function that waits for the reactor itself (``call_in_reactor`` of something that is not yet
    done, such as ``handler.flush`` to a slow client): it is left where it stands, ``run`` returns, and it goes on,
    again with the reactor waiting, when what it waits for is there. Works with task.Clock and MemoryReactor.
    """

    def __init__(self, reactor: Any) -> None:
        super().__init__(reactor, stop_timeout=0.0)
        self._current = threading.local()
        self._parked: dict[Job, SimpleQueue[Any]] = {}

    def beside(self, workers: int) -> Threads:
        """This one: here nobody waits for a thread."""
        return self

    def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Call ``fn``; see ``Threads.run`` for what it fails with."""
        if self._stopping:
            return fail(HTTPError(503, "the server is stopping"))
        job = Job(self, fn, args, kwargs)
        deferred = job.deferred
        assert deferred is not None
        self._unfinished.add(job)
        questions: SimpleQueue[Callable[[], Any] | None] = SimpleQueue()
        answers: SimpleQueue[Any] = SimpleQueue()
        threading.Thread(target=self._inline_worker, args=(job, questions, answers), daemon=True).start()
        self._serve(job, questions, answers)
        return deferred

    def _inline_worker(self, job: Job, questions: SimpleQueue[Any], answers: SimpleQueue[Any]) -> None:
        self._current.queues = questions, answers
        job.work()
        questions.put(None)

    def _serve(self, job: Job, questions: SimpleQueue[Any], answers: SimpleQueue[Any]) -> None:
        """Do for the thread what it asks for, until it is done or must wait."""
        while (question := questions.get()) is not None:
            results: list[Any] = []
            asked = maybeDeferred(question).addBoth(results.append)
            if not results:
                self._parked[job] = answers
                asked.addCallback(self._resume, job, questions, answers, results)
                return
            answers.put(results[0])
        self._finish(job)

    def _resume(
        self, _: None, job: Job, questions: SimpleQueue[Any], answers: SimpleQueue[Any], results: list[Any]
    ) -> None:
        if self._parked.pop(job, None):  # else the pool has stopped, and the thread has been told
            answers.put(results[0])
            self._serve(job, questions, answers)

    def tell_reactor(self, fn: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """See ``Threads.tell_reactor``; here, it is done when this returns."""
        self.call_in_reactor(fn, *args, **kwargs)

    def call_in_reactor(self, fn: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Any:
        """See ``Threads.call_in_reactor``."""
        queues = getattr(self._current, "queues", None)
        if queues is None:  # a thread that user code started, or the reactor
            return super().call_in_reactor(fn, *args, **kwargs)
        if self._abandoned:
            raise ThreadsStopped(f"{name_of(fn)}: the server is stopping")
        questions, answers = queues
        context = copy_context()
        questions.put(lambda: context.run(lambda: maybeDeferred(fn, *args, **kwargs)))
        result = answers.get()
        if isinstance(result, Failure):
            result.raiseException()
        return result

    def _wait_for_unfinished(self) -> Deferred[None]:
        return succeed(None)  # what is parked waits for the reactor, and a test's clock may never move again

    def _abandon(self, result: object) -> None:
        super()._abandon(result)
        parked, self._parked = self._parked, {}
        for answers in parked.values():
            answers.put(Failure(ThreadsStopped("the server is stopping")))
