"""What docs/queries.md and docs/data.md show is what the server answers: each URL of theirs is asked."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import yaml

from gramex_twisted.testing import AppTestCase, Response
from tests.test_docs import ROOT, snippets

QUERIES, DATA = ROOT / "docs" / "queries.md", ROOT / "docs" / "data.md"
ROW = re.compile(r"^\| `(/sales[^`]*)` \|[^|]*(?:`[^`]*`[^|]*)*\| ([\d, ]*) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """A request of a page, and what the page says is answered."""

    method: str
    url: str
    status: int
    answer: Any
    options: dict[str, Any]


def requests(page: Path) -> Iterator[Example]:
    """Those of the `http` snippets: a line `GET /url`, then the JSON of the answer, after a status that is not 200."""
    for snippet in snippets(page):
        if snippet.language == "http":
            for part in re.split(r"^GET ", snippet.text, flags=re.MULTILINE)[1:]:
                url, answer = part.split("\n", 1)
                status, text = re.fullmatch(r"(?:(\d{3}) )?(.*)", answer.strip(), re.DOTALL).groups()  # type: ignore[union-attr]
                yield Example("GET", url, int(status or 200), json.loads(text), {})


def commands(page: Path) -> Iterator[Example]:
    """The curl commands, with the JSON below them."""
    for snippet in snippets(page):
        if snippet.language == "console":
            for part in re.split(r"^\$ (?=curl )", snippet.text.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
                line, _, answer = part.partition("\n")
                yield curl(shlex.split(line), json.loads(answer.strip() or "null"))


def curl(words: list[str], answer: Any) -> Example:
    """What a curl command sends."""
    method, headers, data, urls = "", {}, [], []
    left = iter(words[1:])
    for word in left:
        if word == "-X":
            method = next(left)
        elif word == "-H":
            name, _, value = next(left).partition(": ")
            headers[name] = value
        elif word == "--json":
            headers["Content-Type"] = "application/json"
            data.append(next(left))
        elif word == "-d":
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
            data.append(next(left))
        else:
            urls.append(word)
    parts = urlsplit(urls[0])
    options = {"headers": headers} | ({"data": "&".join(data).encode()} if data else {})
    return Example(method or ("POST" if data else "GET"), f"{parts.path}?{parts.query}", 200, answer, options)


def encoded(url: str) -> str:
    """`url` as a browser sends it."""
    path, mark, query = url.partition("?")
    return f"{path}{mark}{quote(query, safe='&=%:')}"


class PageTestCase(AppTestCase):
    def ask(self, example: Example) -> Response:
        return self.request(example.method, encoded(example.url), xsrf=False, **example.options)

    def check(self, example: Example) -> None:
        response = self.ask(example)
        self.assertEqual(response.status, example.status, (example, response.text))
        if example.status != 200:
            self.assertLessEqual(example.answer.items(), response.json().items(), example.url)
        elif example.answer is not None:
            self.assertEqual(response.json(), example.answer, example.url)


CSV = next(snippet.text for snippet in snippets(QUERIES) if snippet.language == "csv")


class QueryPageTests(PageTestCase):
    files: ClassVar[dict[str, str | bytes]] = {"sales.csv": CSV}
    config = """
        url:
          sales: {pattern: /sales, handler: FormHandler, kwargs: {url: $YAMLPATH/sales.csv}}
          choices: {pattern: /choices, handler: FilterHandler, kwargs: {url: $YAMLPATH/sales.csv}}
    """

    def test_the_rows_of_its_tables(self) -> None:
        found = ROW.findall(QUERIES.read_text("utf-8"))
        self.assertEqual(len(found), 26)
        for url, ids in found:
            response = self.get(encoded(url))
            self.assertEqual(response.status, 200, (url, response.text))
            self.assertEqual(", ".join(str(row["id"]) for row in response.json()), ids, url)

    def test_its_requests(self) -> None:
        found = list(requests(QUERIES))
        self.assertEqual(len(found), 13)
        for example in found:
            self.check(example)

    def test_following_the_links_shows_every_row_once(self) -> None:
        ids: list[int] = []
        url = "/sales?_sort=-sales&_limit=2"
        while url:
            response = self.get(url)
            ids += [row["id"] for row in response.json()]
            link = response.headers.get("link", "")
            url = link[1 : link.index(">")] if link else ""
        self.assertEqual(ids, [2, 1, 4, 5, 3])


class DataPageTests(PageTestCase):
    files: ClassVar[dict[str, str | bytes]] = {
        "sales.csv": CSV,
        "months/2025-01.csv": "city,sales\nOslo,3\n",
        **{snippet.name: snippet.text for snippet in snippets(DATA) if snippet.language == "python" and snippet.name},
        "report.html": next(snippet.text for snippet in snippets(DATA) if "report.html: " in snippet.text),
    }

    def setUp(self) -> None:
        routes: dict[str, Any] = {}
        for snippet in snippets(DATA):
            if snippet.language == "yaml":
                routes |= yaml.safe_load(snippet.text)["url"]
        type(self).config = yaml.safe_dump({"app": {"session": {"type": "memory"}}, "url": routes}, sort_keys=False)
        super().setUp()
        self.assertEqual(self.app.gramex.errors, [])

    def test_its_requests(self) -> None:
        found = list(requests(DATA))
        self.assertEqual(len(found), 7)
        for example in found:
            self.check(example)

    def test_its_commands_one_after_the_other(self) -> None:
        found = list(commands(DATA))
        self.assertEqual(len(found), 7)
        for example in found:
            self.check(example)
        self.assertEqual(self.get("/chosen").json(), [{"orders": 3}])
        self.assertEqual(len(self.get("/chosen?city=Rome").json()), 2)
        form = {"id": "5", "next": "/orders?_format=html&city=Rome"}
        response = self.request("POST", "/orders/form?x-http-method-override=DELETE", data=form)
        self.assertEqual((response.status, response.headers["location"]), (302, form["next"]))
        self.assertEqual([row["id"] for row in self.get("/orders").json()], [1, 2])

    def test_its_formats(self) -> None:
        page = self.get("/report?city=Oslo&_format=page&_sort=id")
        self.assertIn("<h1>2 sales</h1>", page.text)
        self.assertIn("<li>Tea: 10.5</li><li>Coffee: 20.0</li>", page.text)
        old = self.get("/report?_format=old-excel&_c=id&_c=city&_limit=1")
        self.assertEqual(
            (old.text, old.headers["content-disposition"]), ("id;city\n1;Oslo\n", "attachment; filename=old.csv")
        )
        self.assertIn('"field":"city"', self.get("/report?_format=bars").text)

    def test_a_folder(self) -> None:
        found = self.get("/files?_c=name&_c=size").json()
        self.assertEqual(found, [{"name": "2025-01.csv", "size": 18}])
