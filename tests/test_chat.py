"""The chat of the example app, in Chromium: under its Content-Security-Policy, from two pages."""

from __future__ import annotations

import json
import signal

from tests.browser import Browser, Page
from tests.processes import ProcessTestCase, Server
from tests.test_example import ETC

#: Resolves when the expression is true, looking again whenever the page changes.
UNTIL = """new Promise((done) => {{
  const look = () => ({expression}) && (done(true), watcher.disconnect());
  const watcher = new MutationObserver(look);
  watcher.observe(document.body, {{subtree: true, childList: true, characterData: true, attributes: true}});
  look();
}})"""
SEND = """(() => {{
  document.getElementById("text").value = {text};
  document.getElementById("form").requestSubmit();
}})()"""


class ChatTests(ProcessTestCase):
    timeout = 240

    async def page(self, browser: Browser, server: Server, width: int) -> Page:
        """The chat, connected."""
        page = await browser.page(width)
        await page.open(f"http://127.0.0.1:{server.port}/chat/")
        await self.until(page, "document.getElementById('state').textContent.startsWith('You are')")
        return page

    async def until(self, page: Page, expression: str) -> None:
        """Wait until a JavaScript expression is true."""
        await page.evaluate(UNTIL.format(expression=expression))

    async def hears(self, page: Page, text: str) -> None:
        """Wait until the page shows ``text``."""
        await self.until(page, f"document.getElementById('said').textContent.includes({json.dumps(text)})")

    async def say(self, page: Page, text: str) -> None:
        await page.evaluate(SEND.format(text=json.dumps(text)))

    async def test_two_visitors_talk_and_go_on_after_a_reload_and_when_the_server_is_back(self) -> None:
        browser = Browser.start(self)
        config = ("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        server = await self.serve(*config)
        phone, desktop = await self.page(browser, server, 390), await self.page(browser, server, 1280)
        await self.hears(phone, " is here")
        await self.say(phone, "hello <b>there</b>")
        for page in (phone, desktop):
            await self.hears(page, "hello <b>there</b>")
        self.assertLessEqual(await phone.evaluate("document.documentElement.scrollWidth"), 390)
        self.assertEqual((phone.errors, desktop.errors), ([], []))

        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        await self.say(desktop, "still there")
        await self.hears(phone, "still there")
        self.assertEqual((phone.errors, desktop.errors), ([], []))

        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        await self.until(phone, "document.getElementById('state').textContent.includes('lost')")
        await self.serve(*config, "--port", str(server.port))
        await self.until(phone, "document.getElementById('state').textContent.startsWith('You are')")
        await self.say(phone, "back again")
        await self.hears(phone, "back again")
