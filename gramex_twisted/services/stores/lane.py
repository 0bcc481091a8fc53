"""One thread for one file: what a store has to do there, in order, many at a time.

It is not the pool of user functions, since those wait for stores: a full pool could then wait for itself. Jobs that
arrive in one turn of the reactor, or while the thread works, make **one** batch, so that whoever writes can share one
transaction and one fsync among them. Results of a batch return to the reactor together.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.services.stores.base import StoreError

log = Logger()
Work = TypeVar("Work")


class Job(Generic[Work]):
    """Something to be done. ``result`` is what came of it; ``deferred`` is None once nobody waits for it.

    ``deadline``: when to give up, by time.monotonic().
    """

    __slots__ = ("deadline", "deferred", "result", "work")

    def __init__(self, work: Work, deadline: float) -> None:
        self.work = work
        self.deadline = deadline
        self.deferred: Deferred[Any] | None = Deferred(self._cancel)
        self.result: Any = None

    def _cancel(self, _deferred: Deferred[Any]) -> None:
        self.deferred = None

    def fail(self, error: BaseException) -> None:
        """In the thread: what was tried ended with ``error``."""
        self.result = Failure(error)

    def give_up(self, message: str) -> None:
        """On the reactor: nobody waits any longer; ``result`` is the thread's to write."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.errback(StoreError(message))

    def deliver(self) -> None:
        """On the reactor: hand the result to whoever waits."""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.callback(self.result)
        elif isinstance(self.result, Failure) and not self.result.check(StoreError):
            log.failure("a store failed after its caller was gone", self.result)


class Lane(Generic[Work]):
    """Hands lists of jobs to ``run``, in a thread of its own, and their results to those who wait.

    ``run(jobs)`` sets the ``result`` of each and raises nothing but bugs. A job without a result at its deadline fails
    with StoreError, and is not given to ``run`` any more.

    :param name: what jobs wait for, as error messages call it.
    :param finish: closes what ``run`` has opened, in the thread, at its end.
    :param threaded: False: run each job at once, on the reactor (tests with a Clock).
    """

    def __init__(
        self,
        reactor: Any,
        name: str,
        run: Callable[[list[Job[Work]]], None],
        timeout: float,
        *,
        finish: Callable[[], None] = lambda: None,
        threaded: bool = True,
    ) -> None:
        self.name = name
        self.timeout = timeout
        self.stopping = False
        self._reactor = reactor
        self._run = run
        self._finish = finish
        self._threaded = threaded
        self._thread: threading.Thread | None = None
        self._turn: list[Job[Work]] = []
        self._queue: SimpleQueue[list[Job[Work]] | None] = SimpleQueue()
        self._pending: deque[Job[Work]] = deque()  # in the order of their deadlines; the reactor's
        self._watch: Any = None
        self._ending: Any = None
        self._stopped: Deferred[None] | None = None

    def submit(self, work: Work) -> Deferred[Any]:
        """Have ``work`` done. Fires with its result. Cancelling it takes it out of the queue; if it is being done
        already, its result is dropped.
        """
        if self.stopping:
            return fail(StoreError(f"{self.name}: the server is stopping"))
        job = Job(work, time.monotonic() + self.timeout)
        deferred = job.deferred
        assert deferred is not None
        if not self._threaded:
            self._work([job])
            job.deliver()
            return deferred
        if not self._turn:
            self._reactor.callLater(0, self._kick)
        self._turn.append(job)
        self._pending.append(job)
        if self._watch is None:
            self._watch = self._reactor.callLater(self.timeout, self._look)
        return deferred

    def _kick(self) -> None:
        turn, self._turn = self._turn, []
        if not turn:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name=f"store {self.name}", daemon=True)
            self._thread.start()
        self._queue.put(turn)

    def _look(self) -> None:
        """Fail what is overdue, which happens when the thread hangs: a disk that does not answer, say."""
        self._watch = None
        now = time.monotonic()
        overdue = []
        self._prune()
        while self._pending and self._pending[0].deadline <= now:
            overdue.append(self._pending.popleft())
            self._prune()
        if self._pending:
            self._watch = self._reactor.callLater(max(0.0, self._pending[0].deadline - now), self._look)
        for job in overdue:
            job.give_up(f"{self.name}: no answer within {self.timeout:g} s")

    def _prune(self) -> None:
        while self._pending and self._pending[0].deferred is None:
            self._pending.popleft()

    def _deliver(self, jobs: list[Job[Work]]) -> None:
        for job in jobs:
            job.deliver()
        self._prune()

    def stop(self) -> Deferred[None]:
        """Do what has been submitted, then ``finish`` and end the thread. Fires then, or ``timeout`` seconds later: a
        thread that hangs cannot stop an exit.
        """
        self.stopping = True
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        self._kick()
        if self._thread is None:
            self._finish()
            self._end()
        else:
            self._ending = self._reactor.callLater(self.timeout, self._end)
            self._queue.put(None)
        return stopped

    def _end(self) -> None:
        for timer in (self._watch, self._ending):
            if timer is not None and timer.active():
                timer.cancel()
        self._watch = self._ending = self._thread = None
        for job in self._pending:
            job.give_up(f"{self.name}: the server is stopping, and no answer came within {self.timeout:g} s")
        self._pending.clear()
        stopped, self._stopped = self._stopped, None
        if stopped is not None:
            stopped.callback(None)

    # --- the thread's side

    def _loop(self) -> None:
        while (jobs := self._queue.get()) is not None:
            last = False
            with suppress(Empty):  # what else has been submitted is done with them
                while not last:
                    more = self._queue.get_nowait()
                    last = more is None
                    jobs += more or []
            self._work(jobs)
            self._call_reactor(self._deliver, jobs)
            if last:
                break
            del jobs  # a sleeping thread keeps no request alive
        try:
            self._finish()
        finally:
            self._call_reactor(self._end)

    def _call_reactor(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._reactor.callFromThread(call, *args)
        except RuntimeError:
            if not self.stopping:  # else an event loop that is closed: the process ends
                raise

    def _work(self, jobs: list[Job[Work]]) -> None:
        wanted = [job for job in jobs if job.deferred is not None]
        try:
            if wanted:
                self._run(wanted)
        except Exception as error:  # noqa: BLE001 - a bug of the store must not end its thread
            for job in wanted:
                job.fail(error)
