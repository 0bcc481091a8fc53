"""The HTML format: a tree that folds, in which data stay data, whoever has sent them."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.api.formats.htmlpage import (
    GLANCE,
    LONGEST,
    MOST,
    MOST_ITEMS,
    UNFOLDED_ITEMS,
    Page,
    glance,
    step,
    to_html,
)
from tests.browser import Browser
from tests.processes import ROOT, ProcessTestCase

HOSTILE = {
    "<script>bad()</script>": "<img src=x onerror=bad()>",
    "a\"b'c": "javascript:bad()",
    "url": "https://example.org/?a=<b>&\"x'",
    "link": "https://example.org/a?b=1&c=2",
    "</ul></details>": ["</q><script>bad()</script>", {"$x ${title} $tree": "$script"}],
    "tab\x00\x1f": "\ud83d lone",
    "": {"": ""},
    "style": "</style><script>bad()</script>",
}


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KNOWN = set(
    re.findall(
        r"\w+",
        "html head meta title style body main header h1 nav a div p button ul li details summary span q code script",
    )
)


class Elements(HTMLParser):
    """The elements and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(value: Any, **options: Any) -> str:
    return to_html(value, Page("/x", **options)).decode()


class PageTests(SynchronousTestCase):
    def test_data_never_become_elements(self) -> None:
        found = Elements(page(HOSTILE))
        self.assertEqual([tag for tag, _ in found.tags].count("script"), 1)
        self.assertNotIn("img", [tag for tag, _ in found.tags])
        self.assertEqual([a for _, a in found.tags if any(name.startswith("on") for name in a)], [])
        links = [a["href"] for tag, a in found.tags if tag == "a" and a.get("class") == "u"]
        self.assertEqual(links, ["https://example.org/a?b=1&c=2"])
        self.assertIn("$script", found.texts)

    @settings(deadline=None, max_examples=60)
    @given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=15))
    def test_every_value_has_a_page_of_the_same_elements(self, value: Any) -> None:
        tags = {tag for tag, _ in Elements(page(value)).tags}
        self.assertLessEqual(tags, KNOWN)

    def test_paths_are_as_jmespath_writes_them(self) -> None:
        text = page({"hits": [{"_id": 1, "a b": {"c": 2}}]})
        titles = re.findall(r'title="([^"]+)"', text)
        self.assertEqual(
            titles, ["hits", "hits[0]", "hits[0]._id", "hits[0][&quot;a b&quot;]", "hits[0][&quot;a b&quot;].c"]
        )
        self.assertEqual((step("a", first=True), step("a", first=False), step(3, first=False)), ("a", ".a", "[3]"))

    def test_a_long_answer_is_shown_in_part_and_says_so(self) -> None:
        for value in (
            ["x"] * (MOST_ITEMS + 5),
            {f"k{n}": list(range(100)) for n in range(200)},
            "y" * (LONGEST + 5),
        ):
            text = page(value)
            self.assertLess(text.count("<li>"), MOST + 200)
            self.assertIn("Only the beginning is shown", text)
        self.assertIn('<li class="more">5 more</li>', page(["x"] * (MOST_ITEMS + 5)))
        self.assertNotIn("Only the beginning", page([1, 2]))
        self.assertLess(len(page(["z" * 100_000] * 1000)), 2_000_000)

    def test_other_formats_are_offered_where_the_page_can_be_asked_for_again(self) -> None:
        self.assertIn('href="?q=a%26b&amp;format=yaml"', page({}, query="q=a%26b&format=html"))
        self.assertNotIn("format=yaml", page({}, repeatable=False))

    def test_what_was_asked_is_read_as_it_was_meant(self) -> None:
        text = page({}, query="q=a%26b+c&verbose=&format=html")
        self.assertIn("<span>?q=a&amp;b c&amp;verbose</span>", text)
        self.assertIn("<h1>/x<span></span></h1>", page({}))

    def test_a_folded_branch_tells_what_is_in_it(self) -> None:
        self.assertEqual(
            glance({"id": 1, "deep": {"x": 2}, "name": "a\n <b>", "on": True, "none": None}), "id: 1, name: a <b>"
        )
        self.assertEqual(glance(["x", [1], 2.5]), "x, 2.5")
        self.assertEqual(glance([]), "")
        self.assertLessEqual(len(glance({str(n): "y" * 1000 for n in range(1000)})), GLANCE + 1)
        self.assertIn('<span class="g">id: 1, name: &lt;b&gt;</span>', page({"a": {"id": 1, "name": "<b>"}}))

    def test_a_long_list_is_unfolded_and_its_items_are_lines(self) -> None:
        text = page({"hits": [{"id": number, "tags": ["x"]} for number in range(UNFOLDED_ITEMS + 1)]})
        self.assertEqual(text.count("<details open>"), 1)
        few = page({"hits": [{"id": number} for number in range(3)]})
        self.assertEqual(few.count("<details open>"), 4)

    def test_an_error_says_its_status(self) -> None:
        self.assertIn("<b>404</b>", page({"code": 404}, status=404))


#: Presses the button that copies, and says what came of it.
COPIED = """
new Promise(done => {
  const button = document.querySelector('.path button')
  const look = () => {
    if (button.textContent === 'Copied') done('Copied')
    else if (getSelection().toString()) done(getSelection().toString())
    else setTimeout(look, 20)
  }
  button.click()
  look()
})
"""


class ChromiumTests(ProcessTestCase):
    timeout = 120

    async def test_hostile_data_run_nothing_and_fit_the_screen(self) -> None:
        """The page as the example app sends it, under its Content-Security-Policy, and without any."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "hostile.py").write_text(
            f"DATA = {HOSTILE!r}\n\n\ndef data():\n    return DATA\n".replace("\\ud83d ", "")
        )
        routes = "url:\n  x: {pattern: '/x(.*)', handler: APIHandler, kwargs: {function: hostile.data}}\n"
        (folder / "gramex.yaml").write_text(routes)
        browser = Browser.start(self)
        server = await self.serve("--config", str(folder / "gramex.yaml"))
        for width, dark, scripts in ((390, False, True), (1280, True, True), (390, True, False)):
            view = await browser.page(width, dark=dark, scripts=scripts)
            await view.open(f"http://127.0.0.1:{server.port}/x%3Cscript%3Ebad()%3C%2Fscript%3E?format=html")
            self.assertEqual(view.errors, [])
            self.assertLessEqual(await view.evaluate("document.documentElement.scrollWidth"), width)
            paper = await view.evaluate("getComputedStyle(document.body).backgroundColor")
            self.assertEqual(paper, "rgb(20, 24, 29)" if dark else "rgb(246, 247, 249)")
            self.assertEqual(await view.evaluate("document.scripts.length"), 1)
            self.assertEqual(await view.evaluate("document.images.length"), 0)
            self.assertIn("<img src=x onerror=bad()>", await view.evaluate("document.body.innerText"))

    async def test_keys_show_their_path_and_branches_fold(self) -> None:
        browser = Browser.start(self)
        server = await self.serve("--config", str(ROOT / "etc" / "gramex.yaml"), "--set", "app.watch=false")
        view = await browser.page(1280)
        url = f"http://127.0.0.1:{server.port}/v1/query?size=2"
        await view.open(url)
        self.assertEqual(await view.evaluate("document.querySelector('.path').hidden"), True)
        await view.evaluate("document.querySelectorAll('a.k')[4].click()")
        shown = "document.querySelector('.path code').textContent"
        self.assertEqual(await view.evaluate(shown), "hits[0].symbol")
        # Where the clipboard may not be written, the path is selected for whoever presses Ctrl+C.
        self.assertIn(await view.evaluate(COPIED), ("Copied", "hits[0].symbol"))
        await view.evaluate("document.querySelector('[data-open=true]').click()")
        closed = "document.querySelectorAll('.tree details:not([open])').length"
        self.assertEqual(await view.evaluate(closed), 0)
        await view.open(f"{url}&again#hits[1].ensembl.gene")
        self.assertEqual(await view.evaluate(shown), "hits[1].ensembl.gene")
        self.assertEqual(view.errors, [])
        await view.open(f"http://127.0.0.1:{server.port}/v1/query?size=5000")
        self.assertEqual(await view.evaluate("document.querySelector('[data-open]').parentElement.hidden"), True)
        plain = await browser.page(390, scripts=False)
        await plain.open(url)
        self.assertIn("A1BG", await plain.evaluate("document.body.innerText"))
