"""The example app in etc/: everything that it links to answers, and every page of it looks right in Chromium."""

from __future__ import annotations

import html
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urljoin

import treq
import yaml
from twisted.trial.unittest import TestCase

from gramex_twisted import cli
from gramex_twisted.services.nodetools import find_tool
from tests.browser import Browser, Page
from tests.processes import ROOT, ProcessTestCase, Server

ETC = ROOT / "etc"
EXAMPLES = sorted(path.parent.name for path in ETC.glob("examples/*/gramex.yaml"))

#: What does not answer 200, and was meant not to.
STATUSES = {
    "/mass?formula=H2O&moles=lots": 400,
    "/mass?formula=Unobtainium": 400,
    "/celsius?kelvin=hot": 400,
    "/densest?top=many": 400,
    "/shelf/..%2Fgramex.yaml": 404,
    "/element/119": 404,
    "/api/elements/Xx": 404,
    "/badge/Xx.svg": 404,
    "/fahrenheit/Xx": 404,
    "/broken": 500,
    "/weigh/Au": 401,
    "/v1/query?size=5000&format=json": 400,
    "/v1/gene/nothing": 404,
}
CONTENTS = {
    "/": ["<h1>Elements</h1>", 'href="/page/formula"', "FunctionHandler"],
    "/page/formula": [
        "pattern</span>: /mass",
        "<summary>molar.py</summary>",
        'src="/mass?formula=C6H12O6&amp;moles=2"',
    ],
    "/mass?formula=Ca(OH)2&moles=0.5": ['"atoms":{"Ca":1,"O":2,"H":2}', '"grams":37.046'],
    "/mass?formula=H2O&moles=lots": ["moles", "lots"],
    "/celsius": ["1537.85"],
    "/count/f": ["28"],
    "/densest": [">Osmium</a>", ">22.61</td>"],
    "/decay": ["Carbon-14", "600 left", "none left", "</html>"],
    "/ticker/": ["No click yet"],
    "/ticker": ["id: 12", '"number":12}'],
    "/samples/": ['name="_xsrf"', 'type="file"'],
    "/samples/files": ["{"],
    "/sales/": ["<dt>Turnover</dt>", "1&ndash;12 of 400", 'aria-label="Jan 2025: 8,477 €"', 'name="_xsrf"'],
    "/sales/?country=Sweden&orders:_sort=-price": [
        "1&ndash;12 of 63",
        "1,423.79",
        "?country=Sweden&amp;_sort=-price&amp;_format=csv",
    ],
    "/sales/orders?_by=element&_c=price|sum&_sort=-price|sum&_limit=3": ['[{"element":"Gold","price|sum":48006.87}'],
    "/sales/choices?_c=laboratory&country=Germany": ['[{"laboratory":"Darmstadt"},{"laboratory":"Heidelberg"}]'],
    "/sales/orders?_format=html": ["of 400 rows"],
    "/sales/orders?_format=chart": ["draw.js"],
    "/page/sales": ["<summary>orders.py</summary>", "FormHandler, FilterHandler"],
    "/drive/": ['type="file"', "There is nothing here yet."],
    "/drive/?_format=json": ["[]"],
    "/v1/gene/CDK2": ['<q class="s">cyclin dependent kinase 2</q>', 'title="ensembl.gene"'],
    "/v1/gene/1017?fields=name,ensembl.gene&dotfield&format=yaml": [
        "_id: '1017'\nensembl.gene: ENSG00000123374\nname: cyclin dependent kinase 2\n"
    ],
    "/v1/query?q=symbol:CDK11*&fields=symbol,alias&jmespath=alias|[?contains(@,'p')]&format=json": [
        '{"_id":"728642","symbol":"CDK11A","alias":["CDK11-p110","CDK11-p58","CDK11-p46","p58GTA"]}'
    ],
    "/v1/query?q=chromosome:X&fields=symbol&fetch_all&format=jsonl": ['{"_id":"5127","symbol":"CDK16"}\n{"_id":"6792"'],
    "/v1/query?size=5000&format=json": ['"error":"Bad Request","keyword":"size","max":1000,"num":5000}'],
    "/v1/metadata/fields?kind=list&format=json": ['{"group":{"type":"list","genes":266}'],
    "/page/annotate": ["<summary>genes.py</summary>", "<summary>README.md</summary>", "QueryAPI"],
    "/todo/": ["What is to be done?"],
    "/todo/data/": [""],
    "/log/9": ["counts  "],
    "/table": ["grid-area: 4 / 8", 'title="Oganesson"'],
    "/notes/iron.md": [
        "<strong>until iron</strong>",
        '<a href="/element/26">',
        "<li>Symbol: <code>Fe</code>",
    ],
    "/flames/flames.scss": [".flames .cu::before", "radial-gradient("],
    "/trends/trends.ts": ["getElementById"],
    "/shelf/": ["elements.csv", "README.txt"],
    "/data/elements.csv": ["number,symbol,name", "118,Og,Oganesson"],
    "/element/119": ["Element 119 has not been discovered"],
    "/element/79": ["Gold", "1337.33 K"],
    "/broken": ["not set up"],
    "/api/elements?period=2": ['["Li","Be","B","C","N","O","F","Ne"]'],
    "/fahrenheit/W": ['"name":"Tungsten"', '"melts":6191.33', '"units":"°F"'],
    "/fahrenheit/Xx": ["there is no element Xx"],
    "/badge/Au.svg": [">Gold</text>", "196.97"],
    "/lab": ['<input id="user"', 'type="password"', 'autocomplete="current-password"'],
    "/weigh/Au": ["sign in first"],
    "/heaviest": ["Tennessine"],
    "/chat/": ["<h1>Chat</h1>", 'role="log"'],
    "/page/chat": ["<summary>talk.py</summary>", "<summary>chat.js</summary>"],
    "/rows?period=4": ["<h1>18 rows</h1>", "Krypton"],
}
#: Addresses that differ in a number alone: one of them will do.
SKIPPED = re.compile(
    r"/element/(?!26$|79$|119$)|/shelf/\?_sort|/sales/\?(?!country=Sweden&orders:_sort=-price$)"
    r"|/sales/orders\?.*_format=html&"
)
#: Where Chromium reports the status of a page that is meant to have it.
EXPECTED_ERROR = re.compile(r"status of (404|500) .*(/element/119|/broken)$")


def uncompiled() -> dict[str, str]:
    """Examples that cannot be compiled here for want of an npm package, with what answers 500 for that."""
    files = {"flames": ("sass", "/flames/flames.scss"), "trends": ("esbuild", "/trends/trends.ts")}
    missing = {name: url for name, (tool, url) in files.items() if find_tool(tool, ETC, os.environ) is None}
    if os.environ.get("CI") == "true" and missing:
        raise AssertionError(f"npm packages are missing for {', '.join(missing)}")
    return missing


class ConfigurationTests(TestCase):
    def test_check_finds_no_error_and_no_warning(self) -> None:
        report = cli.inspect(str(ETC / "gramex.yaml"))
        self.assertEqual([str(fault) for fault in (*report.errors, *report.warnings)], [])

    def test_every_example_says_what_the_home_page_needs(self) -> None:
        numbers = []
        for name in EXAMPLES:
            tile = yaml.safe_load((ETC / "examples" / name / "gramex.yaml").read_text())["notebook"][name]
            self.assertLessEqual({"number", "symbol", "family", "title", "text"}, set(tile), name)
            self.assertTrue((ETC / "examples" / name / "page.html").is_file(), name)
            numbers.append(tile["number"])
        self.assertEqual(sorted(numbers), list(range(1, len(EXAMPLES) + 1)))


def links(page: str, url: str) -> Iterator[str]:
    """What a page of the app links to within the app."""
    for link in re.findall(r'(?:href|src)="([^"]+)"', page):
        target = urljoin(url, html.unescape(link)).partition("#")[0]
        if target.startswith("/") and not SKIPPED.match(target):
            yield target


@dataclass(frozen=True)
class Answer:
    """One response; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class PagesTests(ProcessTestCase):
    async def get(self, server: Server, url: str, **headers: str) -> Answer:
        """The answer to one request. Streams are asked to be quick."""
        pause = f"{'&' if '?' in url else '?'}pause=0" if url.startswith("/decay") else ""
        sent = {"Accept": "text/html"} | headers
        response = await treq.get(f"http://127.0.0.1:{server.port}{url}{pause}", headers=sent, persistent=False)
        found = response.headers.getAllRawHeaders()
        named = {name.decode().lower(): values[-1].decode() for name, values in found}
        return Answer(response.code, named, await response.content())

    async def crawl(self, server: Server) -> dict[str, Answer]:
        """Every address that can be reached from the home page."""
        found: dict[str, Answer] = {}
        waiting = deque(["/"])
        while waiting:
            url = waiting.popleft()
            if url not in found:
                found[url] = answer = await self.get(server, url)
                if answer.headers.get("content-type", "").startswith("text/html"):
                    waiting.extend(links(answer.body.decode(), url))
        return found

    async def test_every_link_leads_somewhere_and_every_example_shows_its_output(self) -> None:
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        found = await self.crawl(server)
        missing = uncompiled().values()
        wrong = {
            url: answer.status
            for url, answer in found.items()
            if answer.status != STATUSES.get(url, 200) and not (url in missing and answer.status == 500)
        }
        self.assertEqual(wrong, {})
        self.assertLessEqual({f"/page/{name}" for name in EXAMPLES}, set(found))
        self.assertLessEqual(set(STATUSES), set(found))
        for url, texts in CONTENTS.items():
            if found[url].status == STATUSES.get(url, 200):
                for text in texts:
                    self.assertIn(text, found[url].body.decode(), url)
        for url in missing:
            self.assertIn("npm install", found[url].body.decode())

    async def test_a_part_of_a_download_and_one_that_has_not_changed(self) -> None:
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        part = await self.get(server, "/data/elements.csv", Range="bytes=0-72")
        heading = (ETC / "data" / "elements.csv").read_bytes()[:73]
        self.assertEqual((part.status, part.body), (206, heading))
        self.assertTrue(heading.endswith(b"discovered"))
        self.assertEqual(part.headers["content-disposition"], "attachment")
        whole = await self.get(server, "/data/elements.csv")
        again = await self.get(server, "/data/elements.csv", **{"If-None-Match": whole.headers["etag"]})
        self.assertEqual((again.status, again.body), (304, b""))


class ChromiumTests(ProcessTestCase):
    timeout = 180

    async def look_at(self, page: Page, url: str, width: int) -> None:
        """Open ``url`` and find nothing wrong with it."""
        await page.open(url)
        errors = [error for error in page.errors if not EXPECTED_ERROR.search(error)]
        self.assertEqual(errors, [], url)
        self.assertLessEqual(await page.evaluate("document.documentElement.scrollWidth"), width, url)
        self.assertEqual(await page.evaluate("document.documentElement.lang"), "en", url)
        self.assertTrue(await page.evaluate("document.title && document.querySelector('main h1').innerText"), url)

    async def test_every_page_fits_a_phone_and_a_desktop_and_its_console_is_silent(self) -> None:
        browser = Browser.start(self)
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        pages = [f"/page/{name}" for name in EXAMPLES if name not in uncompiled()]
        for width in (390, 1280):
            page = await browser.page(width)
            others = ["/table", "/notes/iron.md", "/densest", "/rows", "/sales/", "/drive/", "/v1/gene/CDK2"]
            for url in ["/", *pages, *others]:
                await self.look_at(page, f"http://127.0.0.1:{server.port}{url}", width)

    async def test_without_scripts_a_form_still_gets_its_answer(self) -> None:
        browser = Browser.start(self)
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        page = await browser.page(390, scripts=False)
        await page.open(f"http://127.0.0.1:{server.port}/page/formula")
        self.assertEqual(page.errors, [])
        frame = "document.querySelector('iframe').contentDocument.body.innerText"
        self.assertIn('"grams":360.312', await page.evaluate(frame))
