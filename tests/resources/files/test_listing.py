"""The index of a folder: order, sizes, and names that no name can break out of."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.files.listing import DEFAULT, Item, human_size, natural, page

ITEMS = [
    Item("x10.txt", False, 5, 30),
    Item("x9.txt", False, 1_500_000, 10),
    Item("Beta", True, 4096, 20),
    Item("alpha", True, 4096, 50),
]


def order(sort: str) -> list[str]:
    body = page("$body", "/", ITEMS, sort, parent=False).decode()
    return re.findall(r">([^<]+)</a>", body)


class OrderTests(SynchronousTestCase):
    def test_folders_come_first_and_numbers_count(self) -> None:
        self.assertEqual(order("name"), ["alpha/", "Beta/", "x9.txt", "x10.txt"])
        self.assertEqual(order("-name"), ["Beta/", "alpha/", "x10.txt", "x9.txt"])

    def test_by_size_and_date(self) -> None:
        self.assertEqual(order("-size")[2:], ["x9.txt", "x10.txt"])
        self.assertEqual(order("modified"), ["Beta/", "alpha/", "x9.txt", "x10.txt"])

    def test_an_unknown_column_is_the_name(self) -> None:
        self.assertEqual(order("<script>"), order("name"))

    @settings(deadline=None)
    @given(st.lists(st.text(max_size=8)))
    def test_any_names_can_be_sorted(self, names: list[str]) -> None:
        self.assertEqual(len(sorted(names, key=natural)), len(names))


class PageTests(SynchronousTestCase):
    def test_sizes_and_dates_are_shown(self) -> None:
        text = page(DEFAULT.read_text(), "/docs/", ITEMS).decode()
        self.assertIn('<span title="1500000 bytes">1.4 MB</span>', text)
        self.assertIn('<time datetime="1970-01-01T00:00:10Z">1970-01-01 00:00</time>', text)
        self.assertIn('<html lang="en">', text)
        self.assertIn("<h1>/docs/</h1>", text)
        self.assertIn('aria-sort="ascending"><a href="?_sort=-name">', text)

    def test_an_empty_folder_says_so(self) -> None:
        self.assertIn("There is nothing in this folder.", page("$table", "/", [], parent=False).decode())

    @settings(deadline=None)
    @given(st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1))
    def test_every_name_links_to_itself_and_adds_no_markup(self, name: str) -> None:
        text = page("$body", "/", [Item(name, False, 0, 0)], parent=False).decode()
        [href] = re.findall(r'<li><a href="([^"]*)">[^<]*</a></li>', text)
        self.assertEqual(unquote(unescape(href)), name)
        self.assertNotIn(":", href)
        self.assertEqual(len(re.findall("<", text)), 6)

    def test_sizes(self) -> None:
        sizes = {0: "0 B", 1023: "1023 B", 1024: "1.0 KB", 1536: "1.5 KB", 5 << 20: "5.0 MB", 3 << 50: "3072.0 TB"}
        self.assertEqual({size: human_size(size) for size in sizes}, sizes)
