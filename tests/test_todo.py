"""The to-do list of the example app, in Chromium."""

from __future__ import annotations

import os
from pathlib import Path

from tests.browser import Browser, Page
from tests.processes import ProcessTestCase
from tests.test_chat import UNTIL
from tests.test_example import ETC


class TodoTests(ProcessTestCase):
    timeout = 120

    async def state(self, page: Page, text: str) -> None:
        """Wait until the page says ``text`` under the list."""
        await page.evaluate(UNTIL.format(expression=f"document.getElementById('state').textContent === '{text}'"))

    async def test_items_are_added_done_and_removed(self) -> None:
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        url = f"http://127.0.0.1:{server.port}/todo/"
        browser = Browser.start(self)
        page = await browser.page(390, dark=True)
        await page.open(url)
        await self.state(page, "0 to do, 0 done")
        await page.evaluate("what.value = '<b>weigh</b> gold'; add.requestSubmit()")
        await self.state(page, "1 to do, 0 done")
        self.assertEqual(await page.evaluate("document.querySelector('#list span').textContent"), "<b>weigh</b> gold")
        await page.evaluate("document.querySelector('#list input').click()")
        await self.state(page, "0 to do, 1 done")
        await page.screenshot(Path(os.environ.get("SCREENSHOTS") or self.folder, "todo.png"))
        other = await browser.page(1280)
        await other.open(url)
        await self.state(other, "0 to do, 1 done")
        await other.evaluate("document.querySelector('#list button').click()")
        await self.state(other, "0 to do, 0 done")
        self.assertEqual((page.errors, other.errors), ([], []))
