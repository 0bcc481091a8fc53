"""A walk through the admin in Chromium: with scripts and without them, wide and on a phone."""

from __future__ import annotations

import json

from tests.browser import Browser, Page
from tests.processes import Client, ProcessTestCase, Server, free_port

TOKEN = "a-token-of-the-tests"
GRAMEX = """
app:
  listen: {{port: 0, address: 127.0.0.1}}
  session: {{type: memory}}
  admin: {{listen: {port}, token: {token}}}
url:
  hello: {{pattern: /, handler: FunctionHandler, kwargs: {{function: str("hello")}}}}
  visit: {{pattern: /visit, handler: FunctionHandler, kwargs: {{function: jobs.visit(handler)}}}}
schedule:
  report: {{function: jobs.report(), every: 1 day}}
"""
JOBS = """
import logging

def visit(handler):
    handler.session["user"] = {"id": "ada <ada@example.org>"}
    return "welcome"

def report():
    logging.getLogger("jobs").warning("<b>reported</b>")
    print("the report ran", flush=True)
"""
PAGES = ("", "routes", "schedules", "sessions", "log", "config")
MAIN = "document.querySelector('main').innerText"


class BrowserTests(ProcessTestCase):
    timeout = 240

    async def begin(self) -> tuple[Server, str]:
        port = free_port()
        self.write({"gramex.yaml": GRAMEX.format(port=port, token=TOKEN), "jobs.py": JOBS})
        server = await self.spawn().started()
        client = await Client.connect(server.port)
        for path in ("/", "/visit", "/nowhere"):
            await client.get(path)
        return server, f"http://127.0.0.1:{port}"

    async def log_in(self, page: Page, admin: str, path: str = "") -> None:
        """Be asked for the token, and end where one wanted to go."""
        await page.open(f"{admin}/admin/{path}")
        self.assertEqual(await page.evaluate("document.activeElement.id"), "token")
        await page.evaluate(f"document.getElementById('token').value = {json.dumps(TOKEN)}")
        await page.follow("document.querySelector('button').click()")
        self.assertEqual(await page.evaluate("location.pathname"), f"/admin/{path}")

    async def test_log_in_look_around_run_a_schedule_and_log_out(self) -> None:
        server, admin = await self.begin()
        page = await Browser.start(self).page(1280)
        await self.log_in(page, admin, "schedules")
        self.assertIn("not yet", await page.evaluate(MAIN))
        await page.follow("document.querySelector('main form button').click()")
        self.assertIn("schedule.report has begun.", await page.evaluate(MAIN))
        await server.line("the report ran")
        await server.line("schedule.report: done")
        await page.open(f"{admin}/admin/schedules")
        self.assertIn("done", await page.evaluate(MAIN))

        await page.open(f"{admin}/admin/")
        text = await page.evaluate(MAIN)
        for expected in ("Ready", "3 altogether", "hello", "schedule.report", "<b>reported</b>"):
            self.assertIn(expected, text)
        self.assertEqual(await page.evaluate("document.querySelectorAll('main b').length"), 0)

        await page.open(f"{admin}/admin/sessions")
        self.assertIn("ada <ada@example.org>", await page.evaluate(MAIN))
        # A dialog would wait for a person.
        await page.follow("window.confirm = () => true; document.querySelector('td button').click()")
        self.assertIn("The session has ended.", await page.evaluate(MAIN))
        self.assertIn("There are no sessions.", await page.evaluate(MAIN))

        await page.follow("document.querySelector('header button').click()")
        self.assertEqual(await page.evaluate("location.pathname"), "/admin/login")
        await page.open(f"{admin}/admin/log")
        self.assertEqual(await page.evaluate("location.pathname"), "/admin/login")
        self.assertEqual(page.errors, [])

    async def test_every_page_fits_a_phone_without_errors_and_without_scripts(self) -> None:
        _, admin = await self.begin()
        browser = Browser.start(self)
        for scripts in (True, False):
            page = await browser.page(390, scripts=scripts)
            if scripts:  # then the other page has the cookie too
                await self.log_in(page, admin)
            for path in PAGES:
                await page.open(f"{admin}/admin/{path}")
                self.assertEqual(await page.evaluate("location.pathname"), f"/admin/{path}")
                self.assertEqual((path, page.errors), (path, []))
                self.assertLessEqual(await page.evaluate("document.documentElement.scrollWidth"), 390, path)
                found = await page.evaluate("getComputedStyle(document.querySelector('.top')).borderBottomStyle")
                self.assertEqual(found, "solid")  # the style sheet is allowed to act

    async def test_a_page_that_is_watched_keeps_itself_up_to_date(self) -> None:
        server, admin = await self.begin()
        page = await Browser.start(self).page(1280)
        await self.log_in(page, admin)
        await page.open(f"{admin}/admin/log?watch=1")
        client = await Client.connect(server.port)
        await client.get("/?fresh=yes")
        seen = "document.querySelector('main').innerText.includes('/?fresh=yes')"
        again = f"setInterval(() => {seen} && (clearInterval(timer), done(true)), 50)"
        await page.evaluate(f"new Promise(done => {{ const timer = {again} }})")
        self.assertEqual(await page.evaluate("performance.getEntriesByType('navigation').length"), 1)
        self.assertEqual(page.errors, [])
