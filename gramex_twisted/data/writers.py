"""Lets the threads of an app take turns at a file: those that wait for it are done together, by one of them."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from gramex_twisted.data.errors import Unavailable

T = TypeVar("T")

TIMEOUT = 30.0
"""Seconds to wait for a file that others write."""
MOST = 256
"""Files whose turns are remembered. Threads that have forgotten a file share no rewriting, but are kept apart still."""


class Job:
    """What one thread wants of a file. `run` sets `result` or `error`."""

    def __init__(self, key: Hashable, work: Any) -> None:
        self.key = key
        self.work = work
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None


Run: TypeAlias = Callable[[list[Job], float], None]
"""Does jobs, which have the same key, until a deadline by time.monotonic(); an error that it raises is that of all."""


class Turns:
    """The jobs that wait for one file."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._lock = Lock()
        self._waiting: list[Job] = []

    def submit(self, job: Job, run: Run, deadline: float) -> bool:
        """Do `job`, or have another thread do it. False: nobody has begun it when the deadline came."""
        with self._lock:
            self._waiting.append(job)
        while not job.done:  # those that do others' work first come round again
            if not self._turn.acquire(timeout=max(0.0, deadline - time.monotonic())):
                with self._lock:
                    if job in self._waiting:
                        self._waiting.remove(job)
                        return False
                # another thread is about to finish it, and has a deadline of its own
                if not self._turn.acquire(timeout=TIMEOUT):
                    return job.done
            try:
                if not job.done:
                    self._do(run, deadline)
            finally:
                self._turn.release()
        return True

    def _do(self, run: Run, deadline: float) -> None:
        with self._lock:
            key = self._waiting[0].key
            jobs = [job for job in self._waiting if job.key == key]
            self._waiting = [job for job in self._waiting if job.key != key]
        try:
            run(jobs, deadline)
        except Exception as error:  # noqa: BLE001 # raised again in every thread that waits
            for job in jobs:
                job.error = job.error or error
        finally:
            for job in jobs:
                job.done = True


class Writers:
    """The files that an app writes. Used from any thread."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self.timeout = timeout
        self._lock = Lock()
        self._turns: OrderedDict[Path, Turns] = OrderedDict()
        self._made: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()

    def made(self, owner: object, make: Callable[[], T]) -> T:
        """What `make` returns, which is kept for as long as `owner` lives."""
        with self._lock:
            found: T | None = self._made.get(owner)
        if found is None:
            found = make()
            with self._lock:
                self._made[owner] = found
        return found

    def submit(self, path: Path, key: Hashable, work: Any, run: Run) -> Any:
        """What `run` makes of `work`, together with what else waits for `path` with the same `key`.

        Raises the job's error; Unavailable where the file is in use for too long.
        """
        deadline = time.monotonic() + self.timeout
        job = Job(key, work)
        with self._lock:
            turns = self._turns.setdefault(path, Turns())
            self._turns.move_to_end(path)
            while len(self._turns) > MOST:
                self._turns.popitem(last=False)
        if not turns.submit(job, run, deadline):
            raise Unavailable(f"{path}: in use by others for {self.timeout:g} s")
        if job.error is not None:
            raise job.error
        return job.result
