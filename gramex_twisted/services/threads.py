"""The thread pool in which blocking user functions run.

A thread hop is dear because of wake-ups, not because of the work: every wake-up is a system call and a hand-over of
the interpreter lock. So there are as few of them as can be:

- Jobs that arrive in one turn of the reactor wake **one** worker, at the end of that turn.
- A worker that takes a job and sees more waiting wakes **one** other before it starts, so that a job that blocks never
  holds up the next, while short jobs are all done by the first worker before the second is up.
- A function that waits for the reactor (for a slow client to read, say) gives its place in the pool to another.
- Results gather in a deque; the first of them asks for one ``callFromThread``, which delivers all that are there.

The worker that went to sleep last is woken first: its caches are warm, and a pool that has little to do stays small.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.jobs import Job, ReactorCall, ThreadsStopped, name_of

__all__ = ["Threads", "ThreadsStopped"]

log = Logger()
#: Seconds that a function waits for the reactor before another takes its place, and how many may be replaced.
PATIENCE, MOST_STANDING = 0.05, 500

P = ParamSpec("P")
T = TypeVar("T")


class Threads(Service):
    """A pool of at most ``workers`` daemon threads, each started when first needed.

    At most ``max_queue`` calls wait for a thread; more are refused with a 503. ``stopService`` waits ``stop_timeout``
    seconds for functions that run, then goes on without them: a function that never returns cannot stop an exit.
    """

    name = "threads"

    def __init__(self, reactor: Any, workers: int = 16, *, max_queue: int = 1000, stop_timeout: float = 5.0) -> None:
        self.workers = workers
        self.max_queue = max_queue
        self.stop_timeout = stop_timeout
        self._reactor = reactor
        self._reactor_thread: int | None = None
        self._lock = threading.Lock()  # guards _started, _calls and _abandoned
        self._started = 0
        self._standing = 0  # calls into the reactor that have waited so long that their workers do not count
        self._jobs: deque[Job] = deque()
        self._unfinished: set[Job] = set()  # touched on the reactor only
        self._idle: list[threading.Lock] = []  # one lock for each sleeping worker: releasing it wakes that worker
        self._waking = False  # a worker has been woken and has not yet looked at the queue
        self._kicking = False  # this turn of the reactor ends with a look at the queue
        self._done: deque[Job] = deque()
        self._notified = False  # the reactor knows that there is something in _done
        self._calls: set[ReactorCall] = set()
        self._stopping = False
        self._abandoned = False
        self._drained: Deferred[None] | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait for a thread."""
        return len(self._jobs)

    @property
    def busy(self) -> int:
        """How many calls run in a thread, or have run and are about to be delivered."""
        return max(0, len(self._unfinished) - len(self._jobs))

    def beside(self, workers: int) -> Threads:
        """Another pool, of ``workers`` threads, for what must not keep the functions of this one waiting."""
        return Threads(self._reactor, workers, max_queue=self.max_queue, stop_timeout=self.stop_timeout)

    @property
    def in_reactor(self) -> bool:
        """Whether the caller is on the reactor, and not in a thread."""
        return self._reactor_thread in (None, threading.get_ident())

    # --- the reactor's side

    def run(self, fn: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Call ``fn`` in a thread, in a copy of the current contextvars; fires on the reactor with what it returns.

        Fails with what ``fn`` raises, and with ``HTTPError`` 503 when ``max_queue`` calls wait already or the pool has
        stopped. Cancelling takes the call out of the queue; if it runs already, its result is dropped.
        """
        if self._stopping:
            return fail(HTTPError(503, "the server is stopping"))
        if len(self._jobs) >= self.max_queue:
            message = f"the server is busy: {self.max_queue} calls wait for a thread already"
            return fail(HTTPError(503, message, headers={"Retry-After": "1"}))
        job = Job(self, fn, args, kwargs)
        deferred = job.deferred
        assert deferred is not None
        self._unfinished.add(job)
        self._jobs.append(job)
        if not self._kicking:
            self._kicking = True
            self._reactor.callLater(0, self._kick)
        return deferred

    def _kick(self) -> None:
        self._kicking = False
        if self._jobs and not self._waking:
            self._wake_one()

    def _forget(self, job: Job) -> None:
        try:
            self._jobs.remove(job)
        except ValueError:
            return  # a worker has it: _deliver will see that nobody waits
        self._finish(job)

    def _deliver(self) -> None:
        self._notified = False  # before the loop: what is appended from here on asks for another delivery
        done = self._done
        while done:
            self._finish(done.popleft())

    def _finish(self, job: Job) -> None:
        self._unfinished.discard(job)
        job.deliver()
        if self._drained is not None and not self._unfinished:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def startService(self) -> None:
        """Accept calls (again). Threads start when there is work."""
        super().startService()
        self._reactor_thread = threading.get_ident()
        self._stopping = self._abandoned = False

    def stopService(self) -> Deferred[None]:
        """Refuse what is queued, wait for what runs, at most ``stop_timeout`` seconds, and end the threads."""
        super().stopService()
        self._stopping = True
        while self._jobs:
            job = self._jobs.popleft()
            job.refuse("the server is stopping")
            self._finish(job)
        return self._wait_for_unfinished().addCallback(self._abandon)

    def _wait_for_unfinished(self) -> Deferred[None]:
        if not self._unfinished:
            return succeed(None)
        drained: Deferred[None] = Deferred()
        self._drained = drained
        timeout = self._reactor.callLater(self.stop_timeout, self._finish_waiting)
        drained.addCallback(lambda _: timeout.cancel() if timeout.active() else None)
        return drained

    def _finish_waiting(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.callback(None)

    def _abandon(self, _result: object) -> None:
        with self._lock:
            self._abandoned = True
            calls, self._calls = self._calls, set()
        for call in calls:
            call.answer(Failure(ThreadsStopped("the server is stopping")))
        late, self._unfinished = self._unfinished, set()
        for job in late:
            log.warn(
                "{function} still runs {seconds} s after the server was told to stop: going on without it",
                function=name_of(job.fn),
                seconds=self.stop_timeout,
            )
            job.refuse("the server is stopping")
        while self._idle:
            self._idle.pop().release()

    # --- the threads' side

    def _wake_one(self) -> None:
        """Wake the worker that slept last, or start one. Called from any thread."""
        try:
            sleeper = self._idle.pop()
        except IndexError:
            self._start_one()
            return
        self._waking = True
        sleeper.release()

    def _start_one(self) -> None:
        with self._lock:
            if self._started >= self.workers + min(self._standing, MOST_STANDING):
                return
            self._started += 1
            number = self._started
        self._waking = True
        try:
            threading.Thread(target=self._worker, name=f"gramex-{number}", daemon=True).start()
        except RuntimeError:  # no more threads to be had: the others must do
            self._waking = False
            with self._lock:
                self._started -= 1
            if number == 1:
                raise

    def _worker(self) -> None:
        awake = threading.Lock()
        awake.acquire()
        self._waking = False
        while True:
            try:
                job = self._jobs.popleft()
            except IndexError:
                if self._stopping or self._surplus or not self._sleep(awake):
                    break
                continue
            if self._jobs and not self._waking:
                self._wake_one()
            job.work()
            self._done.append(job)
            if not self._notified:
                self._notified = True
                self._notify()
            del job  # a sleeping worker keeps no request alive
        with self._lock:
            self._started -= 1

    def _sleep(self, awake: threading.Lock) -> bool:
        """Sleep until woken; False when the pool has stopped."""
        self._idle.append(awake)
        # What came between the look at the queue and the line above wakes nobody. (A failing remove means that somebody
        # is waking this worker right now: acquire returns at once.)
        if (self._jobs or self._stopping) and self._unlist(awake):
            return True
        awake.acquire()
        self._waking = False
        return not self._stopping

    @property
    def _surplus(self) -> bool:
        """Whether there are more workers than places, since one that stood aside is back."""
        return self._started - min(self._standing, MOST_STANDING) > self.workers

    def _stand_aside(self, call: ReactorCall) -> None:
        """Wait for ``call`` while another worker runs what is queued."""
        with self._lock:
            self._standing += 1
        if self._jobs and not self._waking:
            self._wake_one()
        call.answered.wait()
        with self._lock:
            self._standing -= 1

    def _unlist(self, awake: threading.Lock) -> bool:
        try:
            self._idle.remove(awake)
        except ValueError:
            return False
        return True

    def _notify(self) -> None:
        try:
            self._reactor.callFromThread(self._deliver)
        except RuntimeError:
            if not self._abandoned:  # an event loop that is closed: the process ends, and nobody waits for results
                raise

    def tell_reactor(self, fn: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> None:
        """From a thread: call ``fn`` on the reactor soon, after what was told before, and do not wait for it."""
        self._reactor.callFromThread(fn, *args, **kwargs)

    def call_in_reactor(self, fn: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> Any:
        """From a thread: call ``fn`` on the reactor and wait for its result, or for that of the Deferred or coroutine
        that it returns. Raises what it raises, and ``ThreadsStopped`` once the server no longer waits for threads.
        """
        if threading.get_ident() == self._reactor_thread:
            raise RuntimeError(f"call_in_reactor({name_of(fn)}) was called on the reactor, which it would block")
        call = ReactorCall()
        with self._lock:
            if self._abandoned:
                raise ThreadsStopped("the server is stopping")
            self._calls.add(call)
        context = copy_context()
        try:
            self._reactor.callFromThread(
                lambda: context.run(lambda: maybeDeferred(fn, *args, **kwargs)).addBoth(call.answer),
            )
            if not call.answered.wait(PATIENCE):
                self._stand_aside(call)
            return call.wait()
        finally:
            with self._lock:
                self._calls.discard(call)
