"""The dashboard and the drive of the example app, in Chromium, with scripts and without."""

from __future__ import annotations

import csv
import os
import runpy
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from tests.browser import Browser, Page
from tests.processes import Client, ProcessTestCase, Server
from tests.test_chat import UNTIL
from tests.test_example import ETC


class DataTests(TestCase):
    def test_the_orders_are_what_their_program_makes(self) -> None:
        made = runpy.run_path(str(ETC / "examples" / "sales" / "generate.py"))
        with (ETC / "examples" / "sales" / "orders.csv").open(encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        self.assertEqual(tuple(header), made["COLUMNS"])
        self.assertEqual(rows, [list(map(str, row)) for row in made["rows"]()])


class WalkTestCase(ProcessTestCase):
    timeout = 180

    async def serve_example(self) -> Server:
        return await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")

    async def picture(self, page: Page, name: str) -> None:
        await page.screenshot(Path(os.environ.get("SCREENSHOTS") or self.folder, f"{name}.png"))

    async def text(self, page: Page, selector: str) -> Any:
        return await page.evaluate(f"document.querySelector('{selector}')?.innerText.trim()")

    async def click(self, page: Page, selector: str) -> None:
        """Click what leads to another page."""
        await page.follow(f"document.querySelector('{selector}').click()")


class SalesTests(WalkTestCase):
    def kept(self, query: str) -> list[Any]:
        """What is in the database."""
        with closing(sqlite3.connect(self.folder / "data" / "elements-sales.db")) as connection:
            return connection.execute(query).fetchall()

    async def cells(self, page: Page, column: str) -> Any:
        return await page.evaluate(f"[...document.querySelectorAll('td.{column}')].map((cell) => cell.innerText)")

    async def query(self, page: Page) -> Any:
        return await page.evaluate("decodeURIComponent(location.search)")

    async def walk(self, page: Page, url: str) -> None:
        """Everything that needs no script, from a page of Darmstadt's orders on."""
        self.assertEqual(await self.text(page, "#count"), "38")
        await self.click(page, "th.price a")
        await self.click(page, "th.price a")
        self.assertEqual(await self.query(page), "?laboratory=Darmstadt&orders:_sort=-price")
        self.assertEqual(await page.evaluate("document.querySelector('th.price').ariaSort"), "descending")
        prices = [float(text.replace(",", "")) for text in await self.cells(page, "price")]
        self.assertEqual((len(prices), prices), (12, sorted(prices, reverse=True)))
        await self.click(page, "#next")
        self.assertEqual(await self.text(page, ".place"), "13–24 of 38")
        self.assertLessEqual(float((await self.cells(page, "price"))[0].replace(",", "")), prices[-1])
        await self.click(page, "#previous")
        self.assertEqual(await self.text(page, ".place"), "1–12 of 38")

        for name, value in (("element", "Iridium"), ("amount", "7"), ("price", "9999.5")):
            await page.evaluate(f"document.querySelector('#order [name={name}]').value = '{value}'")
        await self.click(page, "#order button")
        self.assertEqual(await self.text(page, ".said"), "The order has been added.")
        self.assertEqual(await self.text(page, "#count"), "39")
        self.assertEqual((await self.cells(page, "price"))[0], "9,999.50")
        columns = "element, symbol, laboratory, country, amount, price"
        [(number, *row)] = self.kept(f"SELECT id, {columns} FROM orders WHERE price > 9999")
        self.assertEqual((number, row), (401, ["Iridium", "Ir", "Darmstadt", "Germany", 7, 9999.5]))

        await self.click(page, ".change a")
        self.assertEqual(await self.text(page, "#order-heading"), "Change order 401")
        self.assertEqual(await page.evaluate("document.querySelector('#order [name=price]').value"), "9999.5")
        await self.picture(page, f"sales-edit-{await page.evaluate('innerWidth')}")
        await page.evaluate("document.querySelector('#order [name=price]').value = '8888'")
        await self.click(page, "#order button")
        self.assertEqual(await self.text(page, ".said"), "The order has been changed.")
        self.assertEqual((await self.cells(page, "price"))[0], "8,888.00")
        self.assertEqual(await self.query(page), "?laboratory=Darmstadt&orders:_sort=-price&done=changed")

        await self.click(page, ".change a")
        await self.click(page, ".delete button")
        self.assertEqual(await self.text(page, ".said"), "It is deleted.")
        self.assertEqual((await self.text(page, "#count"), self.kept("SELECT count(*) FROM orders")), ("38", [(400,)]))

    async def test_with_scripts_choices_narrow_before_anything_is_shown(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(1200)
        url = f"http://127.0.0.1:{server.port}/sales/"
        await page.open(url)
        await self.picture(page, "dashboard")
        self.assertEqual(await self.text(page, "#count"), "400")
        choose = "filters.{0}.value = '{1}', filters.{0}.dispatchEvent(new Event('change', {{bubbles: true}}))"
        await page.evaluate(choose.format("country", "Germany"))
        shown = "[...filters.laboratory.options].map((option) => option.text).join()"
        await page.evaluate(UNTIL.format(expression=f"{shown} === 'All,Darmstadt,Heidelberg'"))
        self.assertEqual(await self.text(page, "#count"), "400")
        await page.evaluate(choose.format("laboratory", "Darmstadt"))
        await page.evaluate(UNTIL.format(expression="filters.country.options.length === 2"))
        await page.evaluate(choose.format("country", ""))
        await self.click(page, "#filters button")
        self.assertEqual(await self.query(page), "?laboratory=Darmstadt")
        await self.walk(page, url)
        self.assertEqual(page.errors, [])

        href = await page.evaluate("document.querySelector('a[download]').href")
        found = await page.evaluate(f"fetch('{href}').then((answer) => answer.text())")
        header, *rows = csv.reader(found.strip().splitlines())
        self.assertEqual(header[-5:], ["laboratory", "country", "amount", "price", "month"])
        self.assertEqual((len(rows), {row[4] for row in rows}), (38, {"Darmstadt"}))
        prices = [float(row[7]) for row in rows]
        self.assertEqual(prices, sorted(prices, reverse=True))

    async def test_without_scripts_all_of_it_works_too(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(390, dark=True, scripts=False)
        url = f"http://127.0.0.1:{server.port}/sales/"
        await page.open(url)
        await page.evaluate("document.getElementById('filters').laboratory.value = 'Darmstadt'")
        await self.click(page, "#filters button")
        self.assertEqual(await self.query(page), "?month=&element=&laboratory=Darmstadt&country=")
        options = "[...document.getElementById('filters').country.options].map((option) => option.text)"
        self.assertEqual(await page.evaluate(options), ["All", "Germany"])
        await self.picture(page, "sales-phone")
        await self.walk(page, url)
        self.assertLessEqual(await page.evaluate("document.documentElement.scrollWidth"), 390)

    async def test_addresses_that_nobody_has_been_given(self) -> None:
        server = await self.serve_example()
        client = await Client.connect(server.port)
        for query, status in (
            ("month=never&element=%3Cb%3E", 200),
            ("orders:_sort=nothing&edit=4000000", 200),
            ("orders:_offset=1000", 200),
            ("_by=element", 400),
            ("orders:_limit=0", 400),
            ("orders:_offset=-1", 400),
            ("edit=x", 400),
        ):
            response = await client.get(f"/sales/?{query}")
            self.assertEqual(response.status, status, query)
            self.assertNotIn(b"<b>", response.body)
        client.transport.loseConnection()
        await client.closed

    async def test_bars_of_the_charts_are_filters(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(1200, scripts=False)
        await page.open(f"http://127.0.0.1:{server.port}/sales/?element=Gold")
        label = "document.querySelector('svg a').getAttribute('aria-label')"
        self.assertRegex(await page.evaluate(label), r"^Jan 2025: [\d,]+ €$")
        await page.follow("document.querySelector('svg a').dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        self.assertEqual(await self.query(page), "?element=Gold&month=2025-01")
        self.assertEqual(await page.evaluate("document.querySelectorAll('svg a').length"), 12)
        self.assertEqual(await page.evaluate("document.querySelectorAll('.elements [aria-current]').length"), 1)
        await self.click(page, ".elements [aria-current]")
        self.assertEqual(await self.query(page), "?month=2025-01")


class DriveTests(WalkTestCase):
    async def choose(self, page: Page, name: str, content: bytes) -> None:
        """Choose a file in the form."""
        file = self.folder / name
        file.write_bytes(content)
        document = (await page.call("DOM.getDocument"))["root"]["nodeId"]
        node = (await page.call("DOM.querySelector", nodeId=document, selector="#file"))["nodeId"]
        await page.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    async def test_without_scripts_files_are_kept_found_and_deleted(self) -> None:
        server = await self.serve_example()
        page = await Browser.start(self).page(390, scripts=False)
        await page.open(f"http://127.0.0.1:{server.port}/drive/")
        for name, element in (("spectrum <1>.csv", "Gold"), ("photo.png", "Neon")):
            await self.choose(page, name, b"x" * 1234)
            await page.evaluate(f"document.querySelector('[name=element]').value = '{element}'")
            await self.click(page, ".upload button")
        await self.picture(page, "drive")
        self.assertEqual(await page.evaluate("document.querySelectorAll('.drive li').length"), 2)
        await page.follow("[...document.querySelectorAll('.tag')].find((tag) => tag.innerText === 'Gold').click()")
        self.assertEqual(await self.text(page, "h1"), "Files about Gold")
        self.assertEqual(await self.text(page, ".drive li a"), "spectrum <1>.csv")
        self.assertIn("1,234 bytes", await self.text(page, ".drive li p"))
        href = await page.evaluate("document.querySelector('.drive li a').href")
        self.assertEqual(href, f"http://127.0.0.1:{server.port}/drive/?_download=&id=1")
        await self.click(page, ".drive li button")
        self.assertEqual(await page.evaluate("location.search"), "?element=Gold")
        self.assertEqual(await self.text(page, ".drive ul ~ p"), "There is nothing here yet.")
        kept = [path.name for path in (self.folder / "data" / "elements-drive").iterdir()]
        self.assertEqual([name for name in kept if not name.startswith(".")], ["photo.png"])
        self.assertEqual(page.errors, [])
