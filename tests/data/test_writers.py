"""Threads take turns at a file; each piece of work is done once, whoever does it, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import writers
from gramex_twisted.data.errors import Unavailable
from gramex_twisted.data.writers import Job, Writers

DEADLINE = 60.0
PATH = Path("/a/file")


class WritersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.writers = Writers(DEADLINE)
        self.done: list[list[object]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def run_(self, jobs: list[Job], deadline: float) -> None:
        """Notes what is done together."""
        self.done.append([job.work for job in jobs])
        self.began.set()
        self.go_on.wait(DEADLINE)
        for job in jobs:
            job.result = job.work

    def started(self, *calls: Callable[[], object]) -> list[threading.Thread]:
        """Threads that run the calls."""
        threads = [threading.Thread(target=call, daemon=True) for call in calls]
        for thread in threads:
            thread.start()
            self.addCleanup(thread.join, DEADLINE)
        return threads

    def waiting(self, count: int) -> None:
        """Return when as many wait for their turn."""
        turns = self.writers._turns[PATH]
        until = time.monotonic() + DEADLINE
        while len(turns._waiting) < count:
            self.assertLess(time.monotonic(), until)
            threading.Event().wait(0.001)

    def test_what_comes_while_a_file_is_written_is_done_together_and_once(self) -> None:
        results: list[object] = []
        [first] = self.started(lambda: results.append(self.writers.submit(PATH, "a", 0, self.run_)))
        self.assertTrue(self.began.wait(DEADLINE))
        keys = "aabbab"
        calls = [
            lambda key=key, work=work: results.append(self.writers.submit(PATH, key, work, self.run_))
            for work, key in enumerate(keys, 1)
        ]
        threads = self.started(*calls)
        self.waiting(6)
        self.go_on.set()
        for thread in [first, *threads]:
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive())
        self.assertEqual(sorted(results), list(range(7)))
        self.assertEqual(self.done[0], [0])
        together = sorted(sorted(works) for works in self.done[1:])
        self.assertEqual(together, [[1, 2, 5], [3, 4, 6]])

    def test_who_has_waited_too_long_is_told_so_and_its_work_is_not_done(self) -> None:
        self.started(lambda: self.writers.submit(PATH, "a", 0, self.run_))
        self.assertTrue(self.began.wait(DEADLINE))
        self.writers.timeout = 0.05
        with self.assertRaisesRegex(Unavailable, "/a/file: in use by others for 0.05 s"):
            self.writers.submit(PATH, "a", 1, self.run_)
        self.go_on.set()
        self.writers.timeout = DEADLINE
        self.assertEqual(self.writers.submit(PATH, "a", 2, self.run_), 2)
        self.assertEqual(self.done, [[0], [2]])

    def test_an_error_of_all_is_raised_for_each_and_the_next_is_done(self) -> None:
        def fail(jobs: list[Job], deadline: float) -> None:
            raise RuntimeError("broken")

        self.assertRaisesRegex(RuntimeError, "broken", self.writers.submit, PATH, "a", 1, fail)
        self.go_on.set()
        self.assertEqual(self.writers.submit(PATH, "a", 2, self.run_), 2)

    def test_only_so_many_files_are_remembered(self) -> None:
        self.go_on.set()
        for number in range(writers.MOST + 50):
            self.writers.submit(Path(f"/f{number}"), "a", number, self.run_)
        self.assertEqual(len(self.writers._turns), writers.MOST)

    def test_what_is_made_for_an_owner_goes_with_it(self) -> None:
        class Owner:
            pass

        owner = Owner()
        made = [self.writers.made(owner, object) for _ in range(2)]
        self.assertIs(made[0], made[1])
        del owner
        self.assertEqual(len(self.writers._made), 0)
