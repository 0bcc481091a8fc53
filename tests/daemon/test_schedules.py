"""Schedules of real processes: two that serve one app, a reload, and the end of the one that runs them."""

from __future__ import annotations

import signal

from tests.processes import ProcessTestCase

GRAMEX = """
app: {listen: {port: 0}}
schedule:
  tick: {function: jobs.tick(), every: 0.2s}
  start: {function: jobs.start(), startup: true}
  slow: {function: jobs.slow(), startup: '*'}
"""
JOBS = """
import asyncio, os, time

async def tick():
    await asyncio.sleep(0.01)  # what asyncio has works in schedules
    print("ticked", flush=True)

def start():
    print("started once", flush=True)

def slow():
    print("slow has begun", flush=True)
    while not os.path.exists("gate"):
        time.sleep(0.01)
    print("slow has ended", flush=True)
"""


class ScheduleTests(ProcessTestCase):
    async def test_one_process_runs_them_through_reloads_and_another_when_it_is_killed(self) -> None:
        self.write({"gramex.yaml": GRAMEX, "jobs.py": JOBS})
        one = await self.serve()
        await one.line("ticked")
        two = await self.serve()
        await two.line("another process of this app runs its schedules")
        one.signal(signal.SIGHUP)
        await one.line("schedule.slow: still runs since .*: not begun again")
        await one.line("ticked")
        self.assertEqual((one.output.count("started once"), one.output.count("slow has begun")), (1, 1))
        self.assertNotIn("ticked", two.output)
        one.signal(signal.SIGKILL)
        await one.exited()
        await two.line("ticked")
        self.assertNotIn("started once", two.output)

    async def test_a_stop_waits_for_what_runs(self) -> None:
        self.write({"gramex.yaml": GRAMEX, "jobs.py": JOBS})
        server = await self.serve()
        await server.line("slow has begun")
        server.signal(signal.SIGTERM)
        await server.line("SIGTERM: stopping")
        self.write({"gate": ""})
        await server.line("slow has ended")
        self.assertEqual(await server.exited(), 0)
        self.assertNotIn("Traceback", server.output)
