"""The page of a table: its links, chips, form and cells. How it looks is in test_formats_browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import escape, unescape

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import arguments, formats, frame
from gramex_twisted.data.formats.download import download
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.records import Result
from gramex_twisted.data.schema import Field
from gramex_twisted.data.types import Kind
from tests.data.cases import ODD_NAMES
from tests.data.formatpages import MANY, NAMES, VILE, Reading, args_of, shown


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
        wanted = {"city": ["Oslo"], "_sort": ["n"], "_limit": ["100"], "_format": ["csv"]}
        self.assertEqual(args_of(found.links["CSV"]), wanted)
        _, whole = shown({"_sort": ["n"]}, MANY, formats=["csv"])
        self.assertEqual(args_of(whole.links["CSV"]), {"_sort": ["n"], "_format": ["csv"]})
        _, great = shown({"_limit": ["5"]}, MANY, formats=["csv", "xlsx"], count=10**6)
        self.assertEqual(args_of(great.links["CSV"])["_limit"], ["1000000"])
        self.assertEqual(args_of(great.links["Excel"])["_limit"], ["100000"])
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

    def test_moments_in_utc_say_so(self) -> None:
        given = pl.DataFrame({"at": [datetime(2024, 1, 31, 8, tzinfo=UTC)]})
        text, found = shown({}, frame.table_of(given))
        self.assertIn("at</a> <small>UTC</small></th>", text)
        self.assertEqual(found.cells, ["2024-01-31 08:00:00"])

    def test_one_row_is_not_rows(self) -> None:
        self.assertIn(">1 row<", shown({"n": ["5"]}, MANY)[0])
        self.assertIn(">100 rows<", shown({"city": ["Oslo"]}, MANY)[0])

    def test_a_page_without_a_request_has_the_table_only(self) -> None:
        text = download(pl.DataFrame({"a": [1]}), "html", title="T & U").decode()
        self.assertIn("<title>T &amp; U</title>", text)
        self.assertIn('<th scope="col" class="n">a</th>', text)
        self.assertNotIn("<form", text)
