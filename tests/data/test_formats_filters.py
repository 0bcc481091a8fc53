"""Filters on the page of a table: their chips, and the form for one more."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data import arguments, formats, frame
from gramex_twisted.data.formats.filtering import literal
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.data.regexparser import parse as parse_regex
from tests.data.formatpages import MANY, args_of, redirected, shown


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
