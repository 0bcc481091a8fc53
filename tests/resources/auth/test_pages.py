"""The pages of signing in, as Chromium shows them: they fit, work without scripts, and axe-core finds nothing wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SkipTest

from gramex_twisted.resources.auth.hashes import hashed
from gramex_twisted.services.nodetools import module_folders
from tests.browser import DEADLINE, Browser, Page
from tests.processes import ROOT, ProcessTestCase
from tests.resources.auth.mailserver import MailServer

YAML = """
app: {{base_url: 'http://127.0.0.1'}}
email: {{post: {{type: smtp, host: 127.0.0.1, port: {port}, from: app@example.org}}}}
url:
  login:
    pattern: /login
    handler: DBAuth
    kwargs: {{url: 'sqlite:///users.db', forgot: {{email_from: post}}, signup: true, change: true, delay: 0.1}}
  plain:
    pattern: /plain
    handler: DBAuth
    kwargs: {{url: 'sqlite:///users.db', signup: {{columns: {{full_name: name}}}}, delay: 0.1}}
  mail: {{pattern: /mail, handler: EMailAuth, kwargs: {{service: post, delay: 0.1}}}}
  home: {{pattern: /, handler: FunctionHandler, kwargs: {{function: '"home of " + handler.current_user.id'}}}}
"""
#: Inputs that password managers look for, by page.
AUTOCOMPLETE = {
    "log in": ["username", "current-password"],
    "sign up": ["username", "off", "new-password", "new-password"],
    "reset": ["username", "new-password", "new-password"],
    "change": ["username", "current-password", "new-password", "new-password"],
    "code": ["one-time-code"],
}


def axe() -> str:
    """The script of axe-core."""
    for folder in module_folders(ROOT, os.environ):
        script = folder / "axe-core" / "axe.min.js"
        if script.is_file():
            return script.read_text("utf-8")
    if os.environ.get("CI") == "true":
        raise AssertionError("axe-core is missing: npm install axe-core")
    raise SkipTest("axe-core is not there: npm install --no-save axe-core")


class PageTests(ProcessTestCase):
    timeout = 180
    #: Where pictures of the pages go; nowhere when it is None.
    pictures: Path | None = None

    async def served(self) -> None:
        """A server with users, and its mails."""
        import sqlite3

        self.mail = MailServer.of(self)  # type: ignore[arg-type]
        with sqlite3.connect(self.folder / "users.db") as connection:
            connection.execute("CREATE TABLE users (user TEXT, password TEXT, email TEXT, name TEXT)")
            connection.execute("INSERT INTO users VALUES ('alpha', ?, 'alpha@example.org', '')", [hashed("alpha pass")])
        connection.close()
        self.write({"gramex.yaml": YAML.format(port=self.mail.port)})
        self.base = f"http://127.0.0.1:{(await self.serve()).port}"

    async def submit(self, page: Page, **fields: str) -> None:
        """Fill in the form and press its button, as a visitor does."""
        for name, value in fields.items():
            await page.evaluate(f"document.getElementsByName({json.dumps(name)})[0].value = {json.dumps(value)}")
        page._loaded = loaded = Deferred[None]()
        await page.evaluate("document.querySelector('form button').click()")
        await loaded.addTimeout(DEADLINE, reactor)

    async def visit(self, page: Page, look: Any) -> None:
        """Open every page in every state; ``look(name)`` at each."""
        await page.open(f"{self.base}/login")
        await look("log in")
        await self.submit(page, user="alpha", password="wrong")
        await look("log in refused")
        await page.open(f"{self.base}/plain?signup")
        await look("sign up")
        await self.submit(page, user="new", password="long enough", password2="something else")
        await look("sign up refused")
        await page.open(f"{self.base}/login?forgot")
        await look("forgot")
        await self.submit(page, email="alpha@example.org")
        await look("forgot sent")
        await page.open(self.mail.link().replace("http://127.0.0.1", self.base))
        await look("reset")
        await self.submit(page, password="alpha pass 2", password2="another one")
        await look("reset refused")
        await page.open(f"{self.base}/login")
        await self.submit(page, user="alpha", password="alpha pass")
        self.assertEqual(await page.evaluate("document.body.innerText"), "home of alpha")
        await page.open(f"{self.base}/login?change")
        await look("change")
        await self.submit(page, old_password="wrong one", password="alpha pass 2", password2="alpha pass 2")
        await look("change refused")
        await page.open(f"{self.base}/mail")
        await look("mail")
        await self.submit(page, user="bob@example.org")
        await look("code")

    async def test_they_fit_and_work_without_scripts(self) -> None:
        await self.served()
        browser = Browser.start(self)
        for width, height, dark in ((360, 740, False), (1280, 800, True)):
            page = await browser.page(width, height, dark=dark, scripts=False)

            async def look(name: str, page: Page = page, width: int = width) -> None:
                self.assertLessEqual(await page.evaluate("document.documentElement.scrollWidth"), width, name)
                errors = [error for error in page.errors if "status of 40" not in error]
                self.assertEqual(errors, [], name)
                kinds = "Array.from(document.querySelectorAll('form input:not([type=hidden])'), i => i.autocomplete)"
                if name in AUTOCOMPLETE:
                    self.assertEqual(await page.evaluate(kinds), AUTOCOMPLETE[name], name)
                if "refused" in name:
                    self.assertTrue(await page.evaluate("document.querySelector('[role=alert]').innerText"))
                    told = "document.querySelector('[aria-invalid]').getAttribute('aria-describedby').split(' ')"
                    self.assertTrue(
                        await page.evaluate(f"{told}.every(id => document.getElementById(id).innerText)"), name
                    )
                if self.pictures is not None:
                    await page.screenshot(self.pictures / f"{name.replace(' ', '-')}-{width}.png")

            await self.visit(page, look)

    async def test_axe_finds_nothing_wrong(self) -> None:
        script = axe()
        await self.served()
        browser = Browser.start(self)
        for width, dark in ((360, True), (1280, False)):
            page = await browser.page(width, dark=dark)

            async def look(name: str, page: Page = page) -> None:
                await page.evaluate(f"{script}; 0")
                found = await page.evaluate(
                    "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
                    ".then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
                )
                self.assertEqual(found, [], name)

            await self.visit(page, look)
