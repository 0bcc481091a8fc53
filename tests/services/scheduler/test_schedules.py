"""schedule: from gramex.yaml to the function, by a clock of the test's."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any

from twisted.logger import globalLogPublisher

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.errors import ConfigError
from gramex_twisted.registry import Registry
from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.scheduler.task import Task
from gramex_twisted.testing import AppTestCase

JOBS = """
import sys, threading
from twisted.internet.defer import Deferred

runs = []
waiting = []

def run(*args, **kwargs):
    runs.append((args, kwargs))

def where():
    runs.append(threading.current_thread() is threading.main_thread())

def fail():
    runs.append("fail")
    raise ValueError("no such table")

def leave():
    runs.append("leave")
    sys.exit(3)

async def wait():
    runs.append("began")
    waiting.append(Deferred())
    await waiting[-1]
    runs.append("ended")

def steps():
    yield runs.append(1)
    yield runs.append(2)

async def asteps():
    yield runs.append(1)
    yield runs.append(2)

def two():
    return 2
"""


class ScheduleCase(AppTestCase):
    files = {"jobs.py": JOBS}

    def setUp(self) -> None:
        super().setUp()
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: Any) -> None:
        if str(event.get("log_namespace", "")).startswith(("gramex_twisted.services.scheduler", "gramex_twisted.app")):
            self.lines.append(event["log_format"].format(**event))

    def schedule(self, text: str) -> None:
        """Start an app with these schedules."""
        self.app = self.make_app(f"schedule:\n{text}")
        self.clock.advance(0)

    @property
    def jobs(self) -> Any:
        """The user's module."""
        return sys.modules["jobs"]

    @property
    def runs(self) -> list[Any]:
        """What its functions have noted."""
        found: list[Any] = self.jobs.runs
        return found

    def task(self, name: str) -> Task:
        """A task of the app."""
        return self.app.gramex.shared.part(Scheduler).tasks[name]

    def replacement(self, text: str) -> Gramex:
        """An app that is to replace this one, started as the daemon does it."""
        path = self.write("gramex.yaml", text)
        loaded = schema.build(reader.read(path, environ={"GRAMEXDATA": str(self.folder / "data")}), Registry())
        old = self.app.gramex
        new = Gramex(loaded, self.clock, threads=InlineThreads(self.clock), previous=old)
        new.startService()
        self.addCleanup(new.stopService)
        return new


class TimesTests(ScheduleCase):
    def test_every_so_often(self) -> None:
        self.schedule("  a: {function: jobs.run, every: 10s, args: [1, x], kwargs: {b: 2}}")
        self.clock.advance(9.9)
        self.assertEqual(self.runs, [])
        self.clock.advance(0.1)
        self.assertEqual(self.runs, [((1, "x"), {"b": 2})])
        self.clock.pump([5] * 6)
        self.assertEqual(len(self.runs), 4)

    def test_a_cron_line(self) -> None:
        self.schedule("  a: {function: jobs.run(), minutes: 30, hours: 0, utc: true}")
        self.clock.advance(1799)
        self.assertEqual(self.runs, [])
        self.clock.advance(1)
        self.assertEqual(len(self.runs), 1)
        self.assertEqual(self.task("schedule.a").next, datetime(1970, 1, 2, 0, 30, tzinfo=UTC).timestamp())

    def test_times_that_a_sleeping_machine_has_missed_are_run_once(self) -> None:
        self.schedule("  a: {function: jobs.run(), every: 10s}\n  b: {function: jobs.two(), minutes: '*', utc: true}")
        self.clock.advance(3605)
        self.assertEqual(len(self.runs), 1)
        self.assertEqual(self.task("schedule.a").next, 3610)
        self.assertEqual(self.task("schedule.b").next, 3660)

    def test_a_clock_that_is_put_back_delays_by_no_more_than_one_interval(self) -> None:
        self.clock.advance(100_000)
        self.schedule("  a: {function: jobs.run(), every: 10s}")
        self.clock.rightNow -= 50_000
        for call in self.clock.calls:
            call.time -= 50_000  # they go by a clock that nobody sets
        self.clock.pump([10, 10])
        self.assertGreaterEqual(len(self.runs), 1)

    def test_at_the_start(self) -> None:
        self.schedule("  a: {function: jobs.run(1), startup: true}\n  b: {function: jobs.run(2), startup: '*'}")
        self.assertEqual(self.runs, [((1,), {}), ((2,), {})])
        self.clock.advance(1_000_000)
        self.assertEqual(len(self.runs), 2)

    def test_every_wins_over_a_cron_line_and_the_log_says_so(self) -> None:
        self.schedule("  a: {function: jobs.run(), every: 10s, minutes: 5}")
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 1)
        self.assertIn("schedule.a: minutes:, hours: and so on have no effect beside every:", self.lines)

    def test_the_log_shows_the_next_time(self) -> None:
        self.schedule("""
  a: {function: jobs.run(), minutes: 5, utc: true}
  b: {function: jobs.run(), years: 1970, dates: 1, months: 1, hours: 0, minutes: 1, utc: true}
  c: {function: jobs.run(), years: 1970, dates: 1, months: 1, hours: 0, minutes: 0, utc: true}
""")
        self.assertIn("schedule.a: next run 1970-01-01 00:05:00+00:00", self.lines)
        self.clock.advance(60)
        self.assertIn("schedule.c: never runs again: its years are over", self.lines)
        self.assertIn("schedule.b: no more runs", self.lines)
        self.assertIsNone(self.task("schedule.b").next)


class WhereTests(ScheduleCase):
    def test_in_a_thread_unless_it_says_otherwise(self) -> None:
        self.schedule("  a: {function: jobs.where(), startup: true}\n"
                      "  b: {function: jobs.where(), startup: true, thread: false}\n"
                      "  c: {function: jobs.where(), startup: true, thread: true}")  # fmt: skip
        self.assertEqual(self.runs, [False, True, False])

    def test_coroutines_pipelines_and_generators(self) -> None:
        self.schedule("""
  a: {function: jobs.wait(), startup: true}
  b: {startup: true, function: [{name: x, function: jobs.two()}, 'jobs.run(x + 1)']}
  c: {startup: true, function: jobs.steps()}
  d: {startup: true, function: jobs.asteps()}
""")
        self.assertEqual(self.runs, ["began", ((3,), {}), 1, 2, 1, 2])
        self.jobs.waiting[0].callback(None)
        self.assertEqual(self.runs[-1], "ended")


class FailureTests(ScheduleCase):
    def test_one_that_raises_is_logged_and_goes_on(self) -> None:
        self.schedule("  a: {function: jobs.fail(), every: 10s}")
        self.clock.pump([10, 10])
        self.assertEqual(self.runs, ["fail", "fail"])
        self.assertEqual(len(self.forget_errors(ValueError)), 2)
        self.assertIn("schedule.a: ValueError: no such table", self.lines)
        last = self.task("schedule.a").last
        assert last is not None
        self.assertEqual((last.began, last.error), (20, "ValueError: no such table"))

    def test_one_that_exits_ends_nothing(self) -> None:
        self.schedule(
            "  a: {function: jobs.leave(), every: 10s}\n  b: {function: jobs.leave(), every: 10s, thread: no}"
        )
        self.clock.pump([10, 10])
        self.assertEqual(self.runs, ["leave"] * 4)
        self.assertEqual(len(self.forget_errors(SystemExit, RuntimeError)), 4)

    def test_one_that_still_runs_is_not_begun_again(self) -> None:
        self.schedule("  a: {function: jobs.wait(), every: 10s, utc: true}")
        self.clock.pump([10, 10, 10])
        self.assertEqual(self.runs, ["began"])
        text = "schedule.a: still runs since 1970-01-01 00:00:10+00:00: not begun again"
        self.assertEqual(self.lines.count(text), 2)
        self.jobs.waiting[0].callback(None)
        self.clock.advance(10)
        self.assertEqual(self.runs, ["began", "ended", "began"])

    def test_functions_that_are_not_there_are_told_with_their_lines_and_the_app_serves(self) -> None:
        self.schedule("  a: {function: jobs.rum(), every: 10s}\n  b: {function: 'jobs.run(', every: 10s}\n"
                      "  c: {function: jobs.run(), every: 10s}")  # fmt: skip
        found = [f"gramex.yaml{str(error).partition('gramex.yaml')[2]}" for error in self.app.gramex.errors]
        self.assertTrue(found[0].startswith("gramex.yaml:2:7: schedule.a.function: "), found[0])
        self.assertIn("rum", found[0])
        self.assertTrue(found[1].startswith("gramex.yaml:3:7: schedule.b.function: "), found[1])
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 1)
        self.assertIsInstance(self.app.gramex.errors[0], ConfigError)

    def test_a_folder_that_cannot_be_written_to_costs_the_lock_alone(self) -> None:
        self.write("data", "a file, not a folder")
        self.schedule("  a: {function: jobs.run(), every: 10s}")
        self.clock.pump([10, 10])
        self.assertEqual(len(self.runs), 2)
        self.assertEqual(sum("cannot be locked" in line for line in self.lines), 1)


class StopTests(ScheduleCase):
    def test_stopping_leaves_no_timer_and_ends_what_waits(self) -> None:
        self.schedule("  a: {function: jobs.wait(), every: 10s}\n  b: {function: jobs.run(), startup: true}")
        self.clock.advance(10)
        stopping = self.app.gramex.stopService()
        self.clock.advance(10)  # what it had to end by itself
        self.successResultOf(stopping)
        self.assertIn("schedule.a: cut short, since the server stops", self.lines)
        self.assertEqual([call for call in self.clock.getDelayedCalls() if "scheduler" in repr(call.func)], [])
        self.assertEqual(self.runs, [((), {}), "began"])

    def test_an_app_that_is_stopped_at_once_runs_nothing(self) -> None:
        app = self.make_app("schedule: {a: {function: jobs.run(), startup: true}}")
        self.successResultOf(app.gramex.stopService())
        app.agent.clock.advance(1)
        self.assertEqual(self.runs, [])

    def test_a_stop_waits_for_what_runs(self) -> None:
        self.schedule("  a: {function: jobs.wait(), startup: true}")
        draining = self.app.gramex.drain()
        self.assertNoResult(draining)
        self.jobs.waiting[0].callback(None)
        self.successResultOf(draining)


class NowTests(ScheduleCase):
    def test_run_now(self) -> None:
        self.schedule("  a: {function: jobs.wait(), every: 1h}")
        scheduler = self.app.gramex.shared.part(Scheduler)
        running = scheduler.run_now("schedule.a")
        with self.assertRaisesRegex(RuntimeError, "schedule.a runs already, since 1970"):
            scheduler.run_now("schedule.a")
        self.jobs.waiting[0].callback(None)
        self.successResultOf(running)
        with self.assertRaises(KeyError):
            scheduler.run_now("schedule.b")
        self.assertEqual(self.task("schedule.a").next, 3600)


class ReloadTests(ScheduleCase):
    TEXT = "schedule:\n  a: {function: jobs.run(1), every: 10s}\n"

    def test_an_unchanged_one_keeps_its_time(self) -> None:
        self.schedule("  a: {function: jobs.run(1), every: 10s}")
        self.clock.advance(7)
        new = self.replacement(self.TEXT)
        self.clock.advance(1)
        self.app.gramex.hand_over(new)
        self.clock.advance(1.9)
        self.assertEqual(self.runs, [])
        self.clock.advance(0.1)
        self.assertEqual(len(self.runs), 1)
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 2)

    def test_nothing_runs_in_an_app_that_does_not_take_over(self) -> None:
        self.schedule("  a: {function: jobs.run(1), every: 10s}")
        new = self.replacement(self.TEXT.replace("every", "startup: '*', every"))
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 1)
        self.successResultOf(new.stopService())
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 2)

    def test_what_comes_due_while_the_reload_is_at_work_is_run_once(self) -> None:
        self.schedule("  a: {function: jobs.run(1), every: 10s}")
        self.clock.rightNow += 10.5  # the timer has not been looked at yet
        self.app.gramex.hand_over(self.replacement(self.TEXT))
        self.clock.advance(0)
        self.assertEqual(len(self.runs), 1)
        self.clock.advance(9.5)
        self.assertEqual(len(self.runs), 2)

    def test_a_changed_one_starts_anew_and_a_removed_one_ends(self) -> None:
        self.schedule("  a: {function: jobs.run(1), every: 10s}\n  b: {function: jobs.run(2), every: 10s}")
        self.clock.advance(7)
        self.app.gramex.hand_over(self.replacement(self.TEXT.replace("10s", "20s")))
        self.clock.advance(19)
        self.assertEqual(self.runs, [])
        self.clock.advance(1)
        self.assertEqual(self.runs, [((1,), {})])

    def test_only_a_star_runs_after_a_reload(self) -> None:
        text = "  a: {function: jobs.run(1), startup: true}\n  b: {function: jobs.run(2), startup: '*'}\n"
        self.schedule(text)
        self.app.gramex.hand_over(self.replacement(f"schedule:\n{text}  c: {{function: jobs.run(3), startup: true}}"))
        self.clock.advance(0)
        self.assertEqual([args for args, _ in self.runs], [(1,), (2,), (2,)])

    def test_one_that_runs_across_a_reload_is_not_begun_again(self) -> None:
        self.schedule("  a: {function: jobs.wait(), every: 10s}")
        self.clock.advance(10)
        self.app.gramex.hand_over(self.replacement("schedule:\n  a: {function: jobs.wait(), every: 10s}"))
        self.clock.advance(10)
        self.assertEqual(self.runs, ["began"])
        self.assertEqual(self.app.gramex.in_flight, 1)
        self.jobs.waiting[0].callback(None)
        self.assertEqual(self.app.gramex.in_flight, 0)
        self.clock.advance(10)
        self.assertEqual(self.runs, ["began", "ended", "began"])

    def test_schedules_that_a_reload_adds(self) -> None:
        self.app.gramex.hand_over(self.replacement(self.TEXT))
        self.clock.advance(10)
        self.assertEqual(len(self.runs), 1)


class ProcessesTests(ScheduleCase):
    def test_one_of_two_processes_runs_them_and_the_other_when_that_has_ended(self) -> None:
        text = "schedule: {a: {function: jobs.run(), every: 10s, startup: true}}"
        first, second = self.make_app(text), self.make_app(text)
        for app in (first, second):
            app.agent.clock.advance(0)
        self.assertEqual(len(self.runs), 1)
        for app in (first, second):
            app.agent.clock.advance(10)
        self.assertEqual(len(self.runs), 2)
        self.assertIn("another process of this app runs its schedules", self.lines)
        self.successResultOf(first.gramex.stopService())
        second.agent.clock.advance(10)
        self.assertEqual(len(self.runs), 3)

    def test_two_apps_in_one_folder_do_not_wait_for_each_other(self) -> None:
        first = self.make_app("schedule: {a: {function: jobs.run(1), startup: true}}")
        first.gramex.shared.part(Scheduler)
        environ = {"GRAMEXDATA": str(self.folder / "data")}
        path = self.write("other.yaml", "schedule: {a: {function: jobs.run(2), startup: true}}")
        other = Gramex(schema.build(reader.read(path, environ=environ), Registry()), first.agent.clock,
                       threads=InlineThreads(first.agent.clock))  # fmt: skip
        other.startService()
        self.addCleanup(other.stopService)
        first.agent.clock.advance(0)
        self.assertEqual(sorted(args for args, _ in self.runs), [(1,), (2,)])
