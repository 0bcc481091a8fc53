"""The page of a table and charts as Chromium shows them: they fit, need no scripts or eval, and axe is content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from twisted.web.static import File

from gramex_twisted.data import formats, frame
from gramex_twisted.data.arguments import parse
from gramex_twisted.data.formats.filtering import asked
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.formats.vega import STATIC
from tests.browser import DEADLINE, Browser
from tests.browser import Page as Tab
from tests.resources.auth.test_pages import axe

LONG = "A text that is much longer than what fits into a cell, so that the rest of it is in its title, where one looks."
CITIES = ["Oslo", "Bergen", None, "Llanfairpwllgwyngyllgogerychwyrndrobwll"]
TABLE = frame.table_of(
    pl.DataFrame(
        {
            "id": range(300),
            "city": CITIES * 75,
            "sales": [n * 1.25 for n in range(300)],
            "active": [True, False, None] * 100,
            "note": [LONG, "short"] * 150,
            "url": ["https://example.org/a/rather/long/path", None, "no address"] * 100,
        }
    )
)
FORMATS = ("csv", "xlsx", "json", "parquet")
STATES = {
    "plain": "?_limit=25",
    "filtered": "?_limit=25&_offset=25&city=Oslo&city=Bergen&sales%3E=10&note*=short&_sort=-sales&town=Oslo",
    "grouped": "?_by=city&_c=sales|sum&_c=id|count&_sort=-sales|sum",
    "empty": "?city=Nowhere",
    "whole": "",
}
PLAIN_CSP = "default-src 'none'; style-src 'unsafe-inline'"
CHART_CSP = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; img-src 'self' data:"
BAR = {
    "title": "Sales by city",
    "width": 300,
    "mark": "bar",
    "encoding": {"x": {"field": "city", "type": "nominal"}, "y": {"field": "sales", "aggregate": "sum"}},
}
VEGA = {
    "width": 200,
    "height": 100,
    "data": [{"name": "data", "transform": [{"type": "formula", "as": "twice", "expr": "datum.sales * 2"}]}],
    "scales": [{"name": "x", "domain": {"data": "data", "field": "twice"}, "range": "width"}],
    "marks": [
        {"type": "symbol", "from": {"data": "data"}, "encode": {"enter": {"x": {"scale": "x", "field": "twice"}}}}
    ],
}


class Made(Resource):
    """A page that is made for each request."""

    isLeaf = True

    def __init__(self, make: Callable[[dict[str, list[str]]], bytes], policy: str) -> None:
        super().__init__()
        self.make = make
        self.policy = policy

    def render_GET(self, request: Request) -> bytes:
        args = {key.decode(): [text.decode() for text in texts] for key, texts in (request.args or {}).items()}
        target = asked(args, {"data": TABLE.schema})
        if target is not None:
            request.redirect(target.encode())
            return b""
        request.setHeader("Content-Security-Policy", self.policy)
        request.setHeader("Content-Type", "text/html; charset=utf-8")
        return self.make(args)


def table(args: dict[str, list[str]]) -> bytes:
    """The page of a table."""
    query = parse(args, TABLE.schema)
    section = Section(TABLE.schema, query, frame.count(query, TABLE))
    page = Page(args=args, sections={"data": section}, path="/sales", formats=FORMATS)
    return formats.write("html", {"data": frame.run(query, TABLE)}, single=True, page=page)


def chart(name: str, spec: object) -> Callable[[dict[str, list[str]]], bytes]:
    """The page of a chart."""

    def make(args: dict[str, list[str]]) -> bytes:
        page, found = Page(assets="/static/"), frame.run(parse({"_limit": ["20"]}, TABLE.schema), TABLE)
        return formats.write(name, {"data": found}, single=True, options={"spec": spec}, page=page)

    return make


class LookTests(TestCase):
    timeout = 300
    #: Where pictures of the pages go; nowhere when it is None.
    pictures: Path | None = None

    def setUp(self) -> None:
        root = Resource()
        root.putChild(b"sales", Made(table, PLAIN_CSP))
        root.putChild(b"bar", Made(chart("vega-lite", BAR), CHART_CSP))
        root.putChild(b"vega", Made(chart("vega", VEGA), CHART_CSP))
        root.putChild(b"wrong", Made(chart("vega-lite", {"mark": "nothing"}), CHART_CSP))
        root.putChild(b"static", File(str(STATIC)))
        root.putChild(b"favicon.ico", File(str(STATIC / "LICENSES.txt")))
        site = Site(root)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        self.base = f"http://127.0.0.1:{port.getHost().port}"
        self.browser = Browser.start(self)

    async def picture(self, tab: Tab, name: str) -> None:
        """A PNG, where they are wanted."""
        if self.pictures is not None:
            await tab.screenshot(self.pictures / f"{name}.png", whole=False)

    async def press(self, tab: Tab, script: str) -> None:
        """Do what loads another page."""
        tab._loaded = loaded = Deferred[None]()
        await tab.evaluate(script)
        await loaded.addTimeout(DEADLINE, reactor)

    async def test_tables_fit_without_scripts(self) -> None:
        for width, height, dark in ((360, 740, False), (360, 740, True), (1280, 800, False), (1280, 800, True)):
            tab = await self.browser.page(width, height, dark=dark, scripts=False)
            for name, query in STATES.items():
                await tab.open(f"{self.base}/sales{query}")
                self.assertLessEqual(await tab.evaluate("document.documentElement.scrollWidth"), width, name)
                self.assertEqual(tab.errors, [], name)
                await tab.evaluate("document.querySelector('details').open = true" if name == "empty" else "0")
                await self.picture(tab, f"{name}-{width}{'-dark' if dark else ''}")

    async def test_the_header_stays_while_rows_scroll(self) -> None:
        tab = await self.browser.page(1280, 800, scripts=False)
        await tab.open(f"{self.base}/sales")
        await tab.evaluate("document.querySelector('.box').scrollTop = 2000")
        top = "document.querySelector('th').getBoundingClientRect().top"
        box = "document.querySelector('.box').getBoundingClientRect().top"
        self.assertLess(await tab.evaluate(f"Math.abs({top} - {box})"), 2)

    async def test_the_form_filters(self) -> None:
        tab = await self.browser.page(1280, 800, scripts=False)
        await tab.open(f"{self.base}/sales?_limit=10&_offset=20&_sort=id")
        for name, value in (("_filter", "city"), ("_op", "*"), ("_value", "LLAN")):
            await tab.evaluate(f"document.getElementsByName('{name}')[0].value = '{value}'")
        await self.press(tab, "document.querySelector('form button').click()")
        self.assertEqual(await tab.evaluate("location.search"), "?_limit=10&_sort=id&city*=LLAN")
        self.assertEqual(await tab.evaluate("document.querySelector('.status').innerText"), "1–10 of 75 rows")
        await self.press(tab, "document.querySelector('.chips a').click()")
        self.assertEqual(await tab.evaluate("location.search"), "?_limit=10&_sort=id")

    async def test_axe_finds_nothing_wrong(self) -> None:
        script = axe()
        for width, dark in ((360, True), (1280, False)):
            for name, path in {**{key: f"sales{query}" for key, query in STATES.items()}, "chart": "bar"}.items():
                if name == "whole":
                    continue
                tab = await self.browser.page(width, dark=dark)
                await tab.call("Page.setBypassCSP", enabled=True)
                await tab.open(f"{self.base}/{path}")
                await tab.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
                await tab.evaluate(f"{script}; 0")
                found = await tab.evaluate(
                    "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
                    ".then(r => r.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html).join(' ')))"
                )
                self.assertEqual(found, [], f"{name} {width}")

    async def test_charts_are_drawn_without_eval(self) -> None:
        drawn = """new Promise(done => {
          const look = () => document.querySelector('#chart svg.marks, [role=alert]') ? done(0) : setTimeout(look, 20)
          look()
        })"""
        for name, marks in (("bar", ".mark-rect.marks path"), ("vega", ".mark-symbol path")):
            for dark in (False, True):
                tab = await self.browser.page(800, dark=dark)
                await tab.open(f"{self.base}/{name}")
                await tab.evaluate(drawn)
                await self.picture(tab, f"chart-{name}{'-dark' if dark else ''}")
                self.assertEqual(await tab.evaluate("document.querySelector('[role=alert]')?.innerText"), None)
                self.assertGreaterEqual(await tab.evaluate(f"document.querySelectorAll('{marks}').length"), 3)
                paper = await tab.evaluate("getComputedStyle(document.body).backgroundColor")
                self.assertEqual(paper, "rgb(20, 24, 29)" if dark else "rgb(255, 255, 255)")
                ink = await tab.evaluate("document.querySelector('.role-axis-label text')?.getAttribute('fill')")
                self.assertEqual(ink, ("#fff" if dark else "#000") if name == "bar" else None)
                behind = await tab.evaluate("document.querySelector('svg.marks').style.backgroundColor")
                self.assertEqual(behind, "transparent")
                self.assertEqual(tab.errors, [])
        await tab.open(f"{self.base}/wrong")
        await tab.evaluate(drawn)
        said = await tab.evaluate("document.querySelector('[role=alert]').innerText")
        self.assertIn("This chart cannot be drawn.", said)
