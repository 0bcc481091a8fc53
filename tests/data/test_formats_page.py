"""The page of a table: its links, chips, form and cells. How it looks is in test_formats_browser."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from html import escape, unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import arguments, formats, frame
from gramex_twisted.data.formats.download import download
from gramex_twisted.data.formats.filtering import asked, literal
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.frame import FrameTable
from gramex_twisted.data.records import Result
from gramex_twisted.data.regexparser import parse as parse_regex
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind
from tests.data.cases import ODD, ODD_NAMES
from tests.data.formatcases import TABLE, page

MANY = frame.table_of(
    pl.DataFrame({"n": range(300), "city": ["Oslo", "Bergen", "a.b (c)"] * 100, "at": [date(2024, 1, 1)] * 300})
)
NAMES = frame.table_of(pl.DataFrame(ODD.rows, list(ODD_NAMES), orient="row"))
VILE = "\"><script>alert(1)</script><img src=x onerror='alert(2)'>"
Args = Mapping[str, Sequence[str]]


class Reading(HTMLParser):
    """The links, inputs and elements of a page; an unclosed cell ends where the next begins."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: dict[str, str] = {}
        self.attributes: dict[str, dict[str, str | None]] = {}
        self.inputs: list[tuple[str, str]] = []
        self.tags: list[str] = []
        self._href: str | None = None
        self.cells: list[str] = []
        self._cell = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        self._cell = tag == "td" or (self._cell and tag not in ("tr", "th"))
        if tag == "td":
            self.cells.append("")
        if tag == "a":
            self._href = str(known["href"])
            self._name = known.get("aria-label")
            if self._name:
                self.links[self._name] = self._href
        if tag == "input":
            self.inputs.append((str(known.get("name")), str(known.get("value"))))

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._href = None
        if tag == "tbody":
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._href is not None and not self._name:
            self.links[data] = self._href
        if self._cell:
            self.cells[-1] += data.rstrip("\n")


def shown(args: Args, table: FrameTable = TABLE, **known: Any) -> tuple[str, Reading]:
    """The page, and what is on it."""
    found, about = page(args, table, **known)
    text = formats.write("html", {"data": found}, single=True, page=about).decode()
    return text, Reading(text)


def args_of(link: str) -> dict[str, list[str]]:
    """What a link asks for."""
    assert link.startswith("?"), link
    return parse_qs(link[1:], keep_blank_values=True)


def redirected(args: Args, schemas: Mapping[str, FrameTable] | None = None) -> dict[str, list[str]] | None:
    """What the form makes of its fields."""
    known = {name: table.schema for name, table in (schemas or {"data": MANY}).items()}
    found = asked(args, known)
    return None if found is None else args_of(found)


class LinkTests(SynchronousTestCase):
    def test_a_column_sorts_and_then_the_other_way(self) -> None:
        _, plain = shown({"city": ["Oslo"], "_offset": ["1"], "_limit": ["5"]}, MANY)
        self.assertEqual(args_of(plain.links["n"]), {"city": ["Oslo"], "_limit": ["5"], "_sort": ["n"]})
        text, up = shown({"_sort": ["n"]}, MANY)
        self.assertEqual(args_of(up.links["n"]), {"_sort": ["-n"]})
        self.assertIn('<th scope="col" class="n" aria-sort="ascending">', text)
        text, down = shown({"_sort": ["-n"]}, MANY)
        self.assertEqual(args_of(down.links["n"]), {"_sort": ["n"]})
        self.assertIn('aria-sort="descending"', text)

    def test_groups_sort_by_what_is_shown_of_them(self) -> None:
        text, found = shown({"_by": ["city"], "_c": ["n|sum"], "_sort": ["n|sum"]}, MANY)
        self.assertEqual(args_of(found.links["n|sum"])["_sort"], ["-n|sum"])
        self.assertEqual(text.count('aria-sort="'), 1)
        self.assertEqual(args_of(found.links["Remove: grouped by city"]), {})

    def test_links_ask_for_the_column_that_they_stand_over(self) -> None:
        _, found = shown({}, NAMES)
        for name in ODD_NAMES:
            [sort] = arguments.parse(args_of(found.links[name]), NAMES.schema).sort
            self.assertEqual((sort.term, sort.descending), (name, False))

    def test_pages_go_forth_and_back(self) -> None:
        text, first = shown({"_limit": ["100"]}, MANY)
        self.assertEqual(args_of(first.links["Next →"]), {"_limit": ["100"], "_offset": ["100"]})
        self.assertNotIn("← Previous", first.links)
        self.assertIn("1&ndash;100 of 300 rows", text)
        text, second = shown({"_limit": ["100"], "_offset": ["100"]}, MANY)
        self.assertEqual(args_of(second.links["← Previous"]), {"_limit": ["100"]})
        self.assertEqual(args_of(second.links["Next →"])["_offset"], ["200"])
        _, last = shown({"_limit": ["100"], "_offset": ["200"]}, MANY)
        self.assertNotIn("Next →", last.links)
        self.assertEqual(args_of(last.links["First"]), {"_limit": ["100"]})

    def test_without_a_count_there_is_a_next_page_after_a_full_one(self) -> None:
        text, found = shown({"_limit": ["150"], "_offset": ["150"]}, MANY, count=None)
        self.assertIn("Next →", found.links)
        self.assertIn("151&ndash;300 rows", text)
        _, short = shown({"_limit": ["299"], "_offset": ["150"]}, MANY, count=None)
        self.assertNotIn("Next →", short.links)

    def test_deep_pages_go_by_cursor(self) -> None:
        table = frame.table_of(pl.DataFrame({"n": range(10_100)}))
        _, found = shown({"_limit": ["50"], "_offset": ["9990"]}, table)
        following = args_of(found.links["Next →"])
        self.assertEqual(set(following), {"_limit", "_after"})
        text, found = shown(following, table)
        self.assertIn('<td class="n">10040', text)
        self.assertIn("50 of 10,100 rows", text)
        self.assertIn("First", found.links)
        self.assertNotIn("← Previous", found.links)
        self.assertEqual(set(args_of(found.links["Next →"])), {"_limit", "_after"})

    def test_lengths_of_pages_are_offered_where_there_are_rows(self) -> None:
        text, found = shown({"_limit": ["100"], "_offset": ["100"]}, MANY)
        self.assertEqual(args_of(found.links["25"]), {"_limit": ["25"]})
        self.assertIn("<b>100</b>", text)
        self.assertNotIn("Rows on a page", shown({})[0])

    def test_other_formats_have_all_rows(self) -> None:
        given = {"city": ["Oslo"], "_limit": ["5"], "_offset": ["5"], "_sort": ["n"], "_format": ["html"]}
        text, found = shown(given, MANY, formats=["csv", "json", "mine"])
        self.assertEqual(args_of(found.links["CSV"]), {"city": ["Oslo"], "_sort": ["n"], "_format": ["csv"]})
        self.assertIn("mine", found.links)
        self.assertEqual(text.count(" download>"), 1)

    def test_datasets_have_arguments_of_their_own(self) -> None:
        given = {"b:_limit": ["10"], "a:_offset": ["20"], "_limit": ["20"], "city": ["Oslo"], "b:_filter": ["x"]}
        sections, answers = {}, {}
        for name in ("a", "b"):
            query = arguments.parse(given, MANY.schema, dataset=name, datasets=("a", "b"))
            answers[name] = frame.run(query, MANY)
            sections[name] = Section(MANY.schema, query, frame.count(query, MANY))
        text = formats.write("html", answers, single=False, page=Page(given, sections, title="Two")).decode()
        self.assertIn("<h2>a</h2>", text)
        self.assertIn("21&ndash;40 of 100 rows", text)
        self.assertIn("1&ndash;10 of 100 rows", text)
        found = re.findall(r'rel="next">|href="([^"]*)" rel="next"', text)
        self.assertEqual([args_of(unescape(link)).get("a:_offset") for link in found], [["40"], ["20"]])
        self.assertEqual([args_of(unescape(link)).get("b:_offset") for link in found], [None, ["10"]])
        self.assertEqual(Reading(text).inputs.count(("_dataset", "b")), 1)

    def test_sections_of_one_dataset_have_no_arguments_of_their_own(self) -> None:
        query = arguments.parse({"_by": ["city"]}, MANY.schema)
        section = Section(MANY.schema, query, 3, dataset="")
        page = Page({"_limit": ["2"]}, {"city": section, "n": section})
        text = formats.write(
            "html", dict.fromkeys(("city", "n"), frame.run(query, MANY)), single=False, page=page
        ).decode()
        self.assertNotIn("city:_", text)
        self.assertNotIn("_dataset", text)
        self.assertIn("<li><span>grouped by <b>city</b></span></li>", text)


class FilterTests(SynchronousTestCase):
    def test_each_filter_has_a_chip_that_takes_it_away(self) -> None:
        given = {"city": ["Oslo", "Bergen"], "n>": ["5"], "city*": ["o\\.x"], "at!": [""], "_offset": ["1"]}
        text, found = shown({**given, "city*": ["o"]}, MANY)
        self.assertIn("<b>city</b> is Oslo or Bergen", text)
        self.assertIn("<b>n</b> is above 5", text)
        self.assertIn("<b>at</b> is empty", text)
        removed = args_of(found.links["Remove: city is Oslo or Bergen"])
        self.assertEqual(removed, {"n>": ["5"], "city*": ["o"], "at!": [""]})
        self.assertIn("<b>city</b> contains o.x", shown(given, MANY)[0])

    def test_many_values_are_counted(self) -> None:
        text, _ = shown({"n": [str(n) for n in range(20)]}, MANY)
        self.assertIn("<b>n</b> is 0, 1, 2, 3, 4 or 15 more", text)

    def test_a_default_cannot_be_taken_away(self) -> None:
        query = arguments.parse({}, MANY.schema, defaults={"city": ["Oslo"]})
        about = Page({}, {"data": Section(MANY.schema, query)})
        text = formats.write("html", {"data": frame.run(query, MANY)}, single=True, page=about).decode()
        self.assertIn("<li><span><b>city</b> is Oslo</span></li>", text)

    def test_conditions_on_groups_and_chosen_columns_have_chips(self) -> None:
        _, found = shown({"_by": ["city"], "_c": ["n|sum"], "n|sum>": ["5"]}, MANY)
        self.assertEqual(args_of(found.links["Remove: n|sum is above 5"]), {"_by": ["city"], "_c": ["n|sum"]})
        _, found = shown({"_c": ["n"]}, MANY)
        self.assertEqual(args_of(found.links["Remove: 1 of 3 columns"]), {})

    def test_what_was_ignored_is_told(self) -> None:
        text, _ = shown({"town": ["<Oslo>"]}, MANY)
        self.assertIn("No such column, so these were ignored: town=&lt;Oslo&gt;", text)

    def test_the_form_keeps_the_other_arguments(self) -> None:
        _, found = shown({"city": ["Oslo", "Bergen"], "_sort": ["n"], "_offset": ["20"], "_format": ["html"]}, MANY)
        self.assertEqual(found.inputs[:-1], [("city", "Oslo"), ("city", "Bergen"), ("_sort", "n"), ("_format", "html")])

    def test_the_form_becomes_an_argument(self) -> None:
        for op, value, wanted in (
            ("=", "Oslo", {"city": ["Oslo"]}),
            ("!", "Oslo", {"city!": ["Oslo"]}),
            ("*", "a.b (c)", {"city*": [r"a\.b \(c\)"]}),
            ("!*", "+", {"city!*": [r"\+"]}),
            (">~", "M", {"city>~": ["M"]}),
            ("null", "", {"city": [""]}),
            ("null!", "x", {"city!": [""]}),
            ("=", "", {}),
        ):
            form = {"_filter": ["city"], "_op": [op], "_value": [value]}
            self.assertEqual(redirected({**form, "_sort": ["n"], "_offset": ["5"]}), {"_sort": ["n"], **wanted}, op)

    def test_it_adds_to_what_is_there_where_that_makes_sense(self) -> None:
        form = {"_filter": ["city"], "_op": ["="], "_value": ["Oslo"]}
        self.assertEqual(redirected({"city": ["Bergen"], **form}), {"city": ["Bergen", "Oslo"]})
        self.assertEqual(redirected({"city": ["Oslo"], **form}), {"city": ["Oslo"]})
        number = {"_filter": ["n"], "_op": [">"], "_value": ["5"]}
        self.assertEqual(redirected({"n>": ["1"], **number}), {"n>": ["5"]})

    def test_contains_is_equals_where_there_is_no_text(self) -> None:
        self.assertEqual(redirected({"_filter": ["n"], "_op": ["*"], "_value": ["5"]}), {"n": ["5"]})
        self.assertEqual(redirected({"_filter": ["n"], "_op": ["!*"], "_value": ["5"]}), {"n!": ["5"]})

    def test_it_is_for_one_dataset(self) -> None:
        form = {"_filter": ["n"], "_op": ["<"], "_value": ["5"], "_dataset": ["b"], "b:_offset": ["9"]}
        self.assertEqual(redirected(form, {"a": MANY, "b": MANY}), {"b:n<": ["5"]})

    def test_other_requests_are_left_alone(self) -> None:
        for each in ({}, {"_filter": ["n"]}, {"_filter": ["n"], "_op": ["??"]}, {"_op": ["="], "_value": ["x"]}):
            self.assertIsNone(redirected(each))

    @settings(deadline=None, max_examples=100)
    @given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
    def test_what_is_looked_for_is_taken_literally(self, text: str) -> None:
        self.assertEqual(parse_regex(literal(text), ignore_case=False).literal, text)


class CellTests(SynchronousTestCase):
    def test_values_are_shown_by_their_kind(self) -> None:
        text, found = shown({})
        self.assertIn('<td class="n">9223372036854775807', text)
        self.assertIn('<td class="d">2024-01-31 08:00:00.500000', text)
        self.assertIn('<td class="n z">&ndash;', text)
        self.assertEqual(found.cells[:6], ["1", "Oslo", "10.5", str(2**63 - 1), "true", "2024-01-31"])
        self.assertEqual(found.cells[9 + 1], 'a,"b"')
        self.assertEqual(found.cells[18 + 1], "–")

    def test_web_addresses_are_links_and_nothing_else_is(self) -> None:
        good, bad = "https://example.org/?a=1&b=2", "javascript:alert(1)//https://x"
        _, found = shown({}, frame.table_of(pl.DataFrame({"u": [good, bad, "see https://x.org", None]})))
        self.assertEqual(found.links[good], good)
        self.assertEqual(set(found.links), {"u", good})
        self.assertEqual(found.cells, [good, bad, "see https://x.org", "–"])

    def test_long_texts_have_titles_and_an_end(self) -> None:
        text, found = shown({}, frame.table_of(pl.DataFrame({"t": ["x" * 5000, "short"]})))
        self.assertIn('<td title="' + "x" * 2000 + '">' + "x" * 300 + "…", text)
        self.assertEqual(found.cells[1], "short")

    def test_everything_is_escaped(self) -> None:
        table = frame.table_of(pl.DataFrame({VILE: [VILE, None], "t": [VILE * 9, f"http://{VILE}"]}))
        given = {f"{VILE}!": ["x"], VILE: [VILE], f"{VILE}2": [VILE], "_sort": [VILE], "_format": [VILE]}
        text, found = shown({k: v for k, v in given.items() if not k.endswith("!")}, table, title=VILE, formats=[VILE])
        self.assertEqual(found.tags.count("script") + found.tags.count("img"), 0)
        self.assertNotIn("<script", text)
        self.assertNotIn("<img", text)
        self.assertEqual(found.cells[0], VILE)
        both = {VILE: frame.run(arguments.parse({}, table.schema), table)}
        again = formats.write("html", both, single=False, page=Page(given, {})).decode()
        self.assertNotIn("<script", again)

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.tuples(st.none() | st.text(), st.none() | st.text()), min_size=1, max_size=4), st.text())
    def test_any_text_comes_back(self, found: list[tuple[str | None, str | None]], name: str) -> None:
        result = Result((Field("a", Kind.TEXT), Field(name + "b", Kind.TEXT)), found)
        text = formats.write("html", {"x": result}, single=True).decode()
        self.assertEqual(text.count("<td"), 2 * len(found))

    def test_values_of_another_type_than_their_column_are_escaped(self) -> None:
        fields = tuple(Field(kind.name, kind) for kind in Kind)
        text = formats.write("html", {"x": Result(fields, [(VILE,) * len(fields)])}, single=True).decode()
        self.assertNotIn("<script", text)
        self.assertEqual([cell.strip() for cell in re.findall(r"<td[^>]*>([^<]*)", text)], [escape(VILE)] * len(fields))

    def test_no_rows_and_no_columns_say_so(self) -> None:
        text, found = shown({"city": ["Nowhere"], "_offset": ["3"]}, MANY)
        self.assertIn("There are no such rows.", text)
        self.assertIn("Columns: n, city, at", text)
        self.assertEqual(args_of(found.links["To the first page"]), {"city": ["Nowhere"]})
        self.assertIn("No columns are asked for.", download(pl.DataFrame(), "html").decode())

    def test_one_row_is_not_rows(self) -> None:
        self.assertIn(">1 row<", shown({"n": ["5"]}, MANY)[0])
        self.assertIn(">100 rows<", shown({"city": ["Oslo"]}, MANY)[0])

    def test_a_page_without_a_request_has_the_table_only(self) -> None:
        text = download(pl.DataFrame({"a": [1]}), "html", title="T & U").decode()
        self.assertIn("<title>T &amp; U</title>", text)
        self.assertIn('<th scope="col" class="n">a</th>', text)
        self.assertNotIn("<form", text)
