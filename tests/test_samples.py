"""The upload page of the example app, in Chromium, with a script and without."""

from __future__ import annotations

import os
from pathlib import Path

from tests.browser import Browser, Page
from tests.processes import ProcessTestCase, Server
from tests.test_chat import UNTIL
from tests.test_example import ETC


class SamplesTests(ProcessTestCase):
    timeout = 120

    async def choose(self, page: Page, name: str, content: bytes) -> None:
        """Choose a file in the form."""
        file = self.folder / name
        file.write_bytes(content)
        document = (await page.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await page.call("DOM.querySelector", nodeId=document, selector="#file"))["nodeId"]
        await page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    async def shows(self, page: Page, selector: str, text: str) -> None:
        """Wait until an element has a text."""
        await page.evaluate(UNTIL.format(expression=f"document.querySelector('{selector}')?.textContent === '{text}'"))

    async def serve_example(self) -> Server:
        return await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")

    async def test_files_are_kept_listed_and_removed(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(390)
        await page.open(f"http://127.0.0.1:{server.port}/samples/")
        await self.choose(page, "spectrum.csv", b"x" * 2_000_000)
        await page.evaluate("form.requestSubmit()")
        await self.shows(page, "#state", "1 kept: spectrum.csv")
        await self.shows(page, "#list span", "spectrum.csv, 2.0 MB")
        await page.screenshot(Path(os.environ.get("SCREENSHOTS") or self.folder, "samples.png"))
        kept = self.folder / "data" / "elements-samples" / "spectrum.csv"
        self.assertEqual(kept.read_bytes(), b"x" * 2_000_000)
        await self.choose(page, "big.bin", b"x" * 21_000_000)
        await page.evaluate("form.requestSubmit()")
        await self.shows(page, "#state", 'Not kept: the file "big.bin" is over 20971520 bytes'.replace('"', "\\'"))
        await page.evaluate("document.querySelector('#list button').click()")
        await page.evaluate(UNTIL.format(expression="document.querySelector('#list li') === null"))
        self.assertFalse(kept.exists())

    async def test_the_form_works_without_a_script(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(1280, scripts=False)
        url = f"http://127.0.0.1:{server.port}/samples/"
        await page.open(url)
        await self.choose(page, "photo.png", b"png")
        document = (await page.call("DOM.getDocument"))["root"]["nodeId"]
        button = (await page.call("DOM.querySelector", nodeId=document, selector="#form button"))["nodeId"]
        box = (await page.call("DOM.getBoxModel", nodeId=button))["model"]["content"]
        for kind in ("mousePressed", "mouseReleased"):
            await page.call(
                "Input.dispatchMouseEvent", type=kind, x=box[0] + 5, y=box[1] + 5, button="left", clickCount=1
            )
        await server.line(r"302 POST /samples/upload")
        kept = self.folder / "data" / "elements-samples" / "photo.png"
        self.assertEqual(kept.read_bytes(), b"png")
