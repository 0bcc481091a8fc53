"""Schedules of real processes: two that serve one app, a reload, and the end of the one that runs them."""

from __future__ import annotations

import signal

from tests.processes import ProcessTestCase
from tests.resources.auth.mailserver import MailServer

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


class AlertTests(ProcessTestCase):
    async def test_alerts_user_code_and_watches_in_a_process(self) -> None:
        mail = MailServer.of(self)
        self.write(
            {
                "gramex.yaml": f"""
                app: {{listen: {{port: 0}}}}
                email: {{post: {{host: 127.0.0.1, port: {mail.port}, email: app@example.org}}}}
                alert:
                  hello: {{startup: true, data: [ada, bob], each: data, to: '{{{{ row }}}}@example.org', subject: Hi,
                          html: '<b>{{{{ index }}}}</b>', attachments: [gramex.yaml]}}
                watch:
                  file: {{paths: data.csv, on_any_event: jobs.changed}}
                """,
                "jobs.py": """
                def changed(event):
                    print("changed", event.event_type, flush=True)
                """,
            }
        )
        server = await self.serve()
        await server.line("email.post: sent to ada@example.org")
        await server.line("email.post: sent to bob@example.org")
        self.assertEqual(mail.recipients, [["ada@example.org"], ["bob@example.org"]])
        await server.line("alert.hello: done in")
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        self.write({"data.csv": "1"})
        await server.line("changed (created|modified)")
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        self.assertEqual(len(mail.mails), 2)
