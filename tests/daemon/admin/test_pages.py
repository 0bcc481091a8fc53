"""The pages: what they tell people and programs, and what they do."""

from __future__ import annotations

import logging
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.document import Document
from gramex_twisted.config.schema import build
from gramex_twisted.daemon.admin.listing import config_text, span
from gramex_twisted.registry import Registry
from gramex_twisted.services.scheduler.service import Scheduler
from tests.daemon.admin.support import AdminCase

SECRETS = """
app:
  settings: {cookie_secret: s3cr3t-cookie-of-it}
  session: {type: redis, url: "redis://me:s3cr3t-redis@localhost/0"}
  admin: {token: s3cr3t-admin-token}
email: {post: {type: smtps, host: h, email: a@b.c, password: s3cr3t-mail}}
sms: {text: {type: twilio, account_sid: sid, auth_token: s3cr3t-sms, sender: '+1'}}
sentry: {dsn: "https://s3cr3tkey:s3cr3tpass@sentry.example.org/1"}
"""


class PageTests(AdminCase):
    config = """
    url:
      second: {pattern: /b, handler: FunctionHandler, kwargs: {function: str("b")}}
      first: {pattern: /b/c, handler: FunctionHandler, kwargs: {function: str("c")}, priority: 5}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: nowhere.at_all}}
      login: {pattern: /login/, handler: SimpleAuth, kwargs: {credentials: {ada: s3cr3t-lovelace}}}
      data: {pattern: /data, handler: FormHandler, kwargs: {url: 'postgresql://me:s3cr3t-data@nowhere/db', table: t}}
    variables: {API_KEY: s3cr3t-variable}
    mine: {api_key: s3cr3t-mine, key: plain, note: '<b>note</b>'}
    schedule:
      hourly: {function: work.tick(), every: 1 hour}
      nightly: {function: work.wait(), hours: 3, minutes: 30, utc: true}
      broken: {function: work.fail(), startup: false}
    """
    files = {
        "work.py": """
        import os, time

        HERE = os.path.dirname(__file__)
        ticks = []

        def tick():
            ticks.append(1)

        def wait():
            while not os.path.exists(os.path.join(HERE, "gate")):
                time.sleep(0.01)

        def fail():
            raise ValueError("not <today>")
        """,
        ".secrets.yaml": "WORD: hunter22-word\n",
    }

    def task(self, name: str) -> Any:
        return self.daemon.app.shared.part(Scheduler).tasks[f"schedule.{name}"]

    async def test_ready_tells_how_many_routes_failed(self) -> None:
        response = await self.ask("/ready", token=None)
        self.assertEqual((response.status, response.text), (503, "1 of 5 routes could not be set up\n"))
        self.assertEqual((await self.samples())["gramex_ready"], 0)
        self.configure(self.config.replace("nowhere.at_all", 'str("mended")'))
        await self.reload()
        response = await self.ask("/ready", token=None)
        self.assertEqual((response.status, response.text), (200, "ready\n"))

    async def test_the_overview_for_programs(self) -> None:
        await self.ask(f"{self.url}/b", token=None)
        found = (await self.ask("/admin/")).json()
        self.assertEqual((found["ready"], found["state"]), (False, "1 of 5 routes could not be set up"))
        self.assertEqual((found["requests"]["count"], found["requests"]["failed"]), (1, 0))
        self.assertEqual([route["name"] for route in found["busiest"]], ["second"])
        self.assertEqual(found["urls"], [self.url])
        self.assertIn('no module named "nowhere"', found["errors"][0])
        self.assertTrue(found["process"]["memory"] > 1 << 20)
        self.assertEqual([task["name"] for task in found["schedules"]][:1], ["schedule.hourly"])

    async def test_the_overview_for_people(self) -> None:
        page = await self.page("/admin/")
        self.assertIn("<strong>1 of 5 routes could not be set up</strong>", page)
        self.assertIn(f'<a href="{self.url}/">{self.url}</a>', page)
        self.assertIn("Watch</a>", page)
        self.assertNotIn("http-equiv", page)
        watched = await self.page("/admin/?watch=1")
        self.assertIn('<noscript><meta http-equiv="refresh" content="5"></noscript>', watched)
        self.assertIn('<body data-watch="5">', watched)

    async def test_no_page_has_scripts_or_styles_inline(self) -> None:
        for path in ("", "routes", "schedules", "sessions", "log", "config"):
            page = await self.page(f"/admin/{path}")
            self.assertEqual(re.findall(r"<script(?! src=\"/admin/static/)|<style| style=| on\w+=", page), [], path)

    async def test_a_mistake_of_ours_is_logged_and_shows_nothing(self) -> None:
        self.patch(self.daemon, "source", None)  # nothing that a page could cope with
        self.patch(self.daemon.reloader, "record", None)
        response = await self.ask("/admin/", html=True)
        self.assertEqual(
            (response.status, response.text), (500, "500 Internal Server Error: the server's log says why\n")
        )
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    async def test_routes_in_the_order_in_which_they_are_tried(self) -> None:
        for _ in range(3):
            await self.ask(f"{self.url}/b/c", token=None)
        await self.ask(f"{self.url}/broken", token=None)
        await self.ask(f"{self.url}/nowhere", token=None)
        rows = (await self.ask("/admin/routes")).json()["routes"]
        self.assertEqual([row["name"] for row in rows], ["first", "login", "second", "broken", "data", "404"])
        first, broken, missing = rows[0], rows[3], rows[5]
        self.assertEqual((first["pattern"], first["handler"], first["priority"]), ("/b/c", "FunctionHandler", 5))
        self.assertEqual((first["requests"], first["refused"], first["failed"], first["hits"]), (3, 0, 0, None))
        self.assertTrue(first["mean"] > 0 and 0 < first["p95"] <= 10)
        self.assertTrue(first["where"].endswith("gramex.yaml:8:3"), first["where"])
        self.assertEqual((broken["requests"], broken["failed"]), (1, 1))
        self.assertEqual(len(broken["errors"]), 1)
        self.assertEqual((missing["requests"], missing["refused"]), (1, 1))
        page = await self.page("/admin/routes")
        self.assertIn("<code>/b/c</code>", page)
        self.assertIn('<span class="tag bad">not set up</span>', page)

    async def test_the_configuration_without_its_secrets(self) -> None:
        response = await self.ask("/admin/config")
        text = response.json()["yaml"]
        self.assertNotIn("s3cr3t", response.text)
        self.assertNotIn("hunter22", response.text)
        self.assertNotIn(str(self.daemon.app.config.app.admin), text)
        self.assertIn("postgresql://me:***@nowhere/db", text)
        self.assertIn("function: work.tick()", text)
        page = await self.page("/admin/config")
        self.assertIn("note: &lt;b&gt;note&lt;/b&gt;", page)
        self.assertNotIn("s3cr3t", page)

    # Schedules --------------------------------------------------------------------------------------------------------

    async def test_schedules_and_their_times(self) -> None:
        found = {task["name"]: task for task in (await self.ask("/admin/schedules")).json()["schedules"]}
        self.assertEqual(sorted(found), ["schedule.broken", "schedule.hourly", "schedule.nightly"])
        self.assertEqual(list(found)[-1], "schedule.broken")  # it never runs by itself
        self.assertEqual(found["schedule.hourly"]["times"], "every 1 h")
        self.assertEqual(found["schedule.nightly"]["times"], "30 3 * * * (UTC)")
        self.assertEqual(found["schedule.broken"]["next"], None)
        self.assertEqual(found["schedule.hourly"]["last"], None)

    async def test_run_now_runs_it_and_says_what_came_of_it(self) -> None:
        browser = await self.log_in()
        sent = {"name": "schedule.hourly", "_xsrf": await browser.xsrf()}
        before = self.task("hourly").next
        done = await browser.post("/admin/schedules/run", sent)
        self.assertEqual(done.status, 303)
        page = await browser.get(done.headers["location"])
        self.assertIn('<p class="notice" role="status">schedule.hourly has begun.</p>', page.text)
        await self.until(lambda: self.task("hourly").last is not None)
        import work  # type: ignore[import-not-found]

        self.assertEqual(len(work.ticks), 1)
        self.assertEqual(self.task("hourly").next, before)

        await browser.post("/admin/schedules/run", {**sent, "name": "schedule.broken"})
        await self.until(lambda: self.task("broken").last is not None)
        self.flushLoggedErrors(ValueError)
        page = await browser.get("/admin/schedules")
        self.assertIn("ValueError: not &lt;today&gt;", page.text)

    async def test_what_runs_is_not_begun_again(self) -> None:
        name = {"name": "schedule.nightly"}
        self.assertEqual((await self.ask("/admin/schedules/run", "POST", data=name)).status, 200)
        await self.until(lambda: self.task("nightly").running is not None)
        again = await self.ask("/admin/schedules/run", "POST", data=name)
        self.assertEqual((again.status, again.json()["done"]), (409, False))
        self.assertIn("schedule.nightly runs already", again.json()["notice"])
        self.assertIn("running for 0 s", await self.page("/admin/schedules"))
        self.assertEqual((await self.samples())["gramex_schedule_running{schedule=schedule.nightly}"], 1)
        (self.folder / "gate").touch()
        await self.until(lambda: self.task("nightly").last is not None)
        missing = await self.ask("/admin/schedules/run", "POST", data={"name": "schedule.nothing"})
        self.assertEqual((missing.status, missing.json()["notice"]), (404, "There is no such schedule."))

    # Log --------------------------------------------------------------------------------------------------------------

    async def test_the_log_is_escaped_masked_and_newest_first(self) -> None:
        logger = logging.getLogger("mine")
        logger.info("<script>alert(1)</script> with hunter22-word")
        logger.error("second\nline")
        await self.until(lambda: any(line.text == "second\nline" for line in self.daemon.admin.tail.lines()))
        page = await self.page("/admin/log")
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt; with ***", page)
        self.assertNotIn("<script>alert", page)
        self.assertNotIn("hunter22", page)
        self.assertTrue(page.index("second\nline") < page.index("&lt;script&gt;alert"))
        errors = (await self.ask("/admin/log?level=errors")).json()["lines"]
        self.assertEqual(
            [(line["level"], line["logger"], line["text"]) for line in errors if line["logger"] == "mine"],
            [("error", "mine", "second\nline")],
        )
        self.assertIn("second: line", [line["text"] for line in (await self.ask("/admin/")).json()["warnings"]])

    async def test_requests_are_in_the_log_with_their_secrets_masked(self) -> None:
        await self.ask(f"{self.url}/b?token=s3cr3t&x=<i>", token=None)

        def seen() -> bool:
            return any(line.logger == "gramex.access" for line in self.daemon.admin.tail.lines())

        await self.until(seen)
        page = await self.page("/admin/log")
        self.assertIn("200 GET /b?token=***&amp;x=", page)
        self.assertNotIn("s3cr3t", page)

    async def test_the_log_is_bounded(self) -> None:
        logger = logging.getLogger("mine")
        for number in range(400):
            logger.info("line %d %s", number, "x" * 1000)
        await self.until(lambda: any(line.text.startswith("line 399") for line in self.daemon.admin.tail.lines()))
        lines = [line for line in (await self.ask("/admin/log")).json()["lines"] if line["logger"] == "mine"]
        self.assertTrue(lines[0]["text"].startswith("line 399"))
        self.assertTrue(100 <= len(lines) <= 130, len(lines))


class MaskingTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=30)
    @given(st.text("abcdefghijkXYZ0123456789", min_size=18, max_size=30))
    def test_nothing_that_is_secret_is_shown_wherever_it_is(self, secret: str) -> None:
        import yaml

        tree = yaml.safe_load(SECRETS.replace("s3cr3t", secret))
        config = build(Document(tree, {}, {"WORD": secret}, (), secrets=frozenset({"WORD"})), Registry())
        text = config_text(config)
        self.assertNotIn(secret, text)
        self.assertTrue(text.count("***") >= 6, text)

    def test_spans(self) -> None:
        self.assertEqual(
            [span(seconds) for seconds in (0.5, 90, 60, 3600, 5400, 7200, 86400, 172800)],
            ["0.5 s", "90 s", "1 min", "1 h", "90 min", "2 h", "1 day", "2 days"],
        )
