"""JMESPath within bounds: the same answers as JMESPath itself, and none to who wants the whole memory."""

from __future__ import annotations

from typing import Any

import jmespath
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.options.errors import OptionError
from gramex_twisted.options.jmes import LONGEST, jmespath_parts
from gramex_twisted.options.jmessearch import search

LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=3)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner), max_leaves=20
)
EXPRESSIONS = [
    "a", "a.b", "[]", "[*].a", "*.b", "[?a]", "[?a==`1`].b", "[0]", "[-1:]", "[a, b]", "{x: a, y: @}", "a || b",
    "a && b", "!a", "length(@)", "keys(@)", "sort_by(@, &a)", "map(&a, @)", "to_string(@)", "join('', @)", "max(@)",
    "[].[a][]", "a | [0]", "not_null(a, b)", "type(@)", "reverse(@)", "contains(@, 'a')", "merge(@, {z: `1`})",
]  # fmt: skip


def outcome(run: Any) -> Any:
    """What ``run`` returns, or the kind of what it raises."""
    try:
        return run()
    except ValueError as error:
        return type(error)


class SearchTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=150)
    @given(st.sampled_from(EXPRESSIONS), VALUES)
    def test_it_is_jmespath(self, expression: str, value: Any) -> None:
        compiled = jmespath.compile(expression)
        self.assertEqual(outcome(lambda: search(compiled, value)), outcome(lambda: compiled.search(value)))

    def test_the_functions_of_biothings(self) -> None:
        value = ["b", "a", "b"]
        self.assertEqual(search(jmespath.compile("unique(@)"), value), ["a", "b"])
        self.assertEqual(search(jmespath.compile("unique_count(@)"), value), 2)

    def test_what_fills_the_memory_is_an_error(self) -> None:
        doubled = "|".join(["[@,@]"] * 60)
        for expression in (
            doubled,
            "|".join(["{a: @, b: @}"] * 60),
            doubled + "|to_string(@)",
            "|".join(["join('', [@,@])"] * 60),
            "to_string([" * 60 + "@" + "])" * 60,
            "|".join(["join('', map(&@, [@,@,@,@,@,@]))"] * 40),
            "|".join(["join(@, [@,@,@])"] * 40),
        ):
            error = self.assertRaises(ValueError, search, jmespath.compile(expression), '"x' * 1000, 100_000)
            self.assertEqual(str(error), "it takes more than 100,000 steps", expression)

    def test_steps_are_counted_too(self) -> None:
        rows = [{"a": n} for n in range(1000)]
        self.assertEqual(len(search(jmespath.compile("[?a > `5`]"), rows, 20_000)), 994)
        self.assertRaises(ValueError, search, jmespath.compile("[?a > `5`]"), rows, 2_000)
        self.assertRaises(ValueError, search, jmespath.compile("map(&a, @)|" * 20 + "@"), rows, 10_000)

    def test_an_expression_is_no_value(self) -> None:
        for expression in ("&a", "[&a]", "not_null(&a)", "to_array(&a)"):
            self.assertRaises(ValueError, search, jmespath.compile(expression), {"a": 1})


class PartsTests(SynchronousTestCase):
    def refused(self, text: str) -> str:
        error = self.assertRaises(OptionError, jmespath_parts, text)
        self.assertEqual((error.info["reason"], error.info["keyword"]), _SAID)
        return str(error.info["details"])

    def test_expressions_that_are_too_long_or_too_deep(self) -> None:
        self.assertEqual(self.refused("a|" + "x" * LONGEST), f"more than {LONGEST} characters")
        self.assertEqual(self.refused("a|" + "[" * (LONGEST - 10)), "it is nested too deep")
        self.assertTrue(self.refused("a|`" + "[" * (LONGEST - 10) + "`"))

    def test_what_makes_no_sense(self) -> None:
        self.assertEqual(self.refused("a"), "a field and a query, with | between them, are wanted")
        self.assertIn("Invalid jmespath expression", self.refused("a|[?"))


_SAID = ("Invalid value for jmespath parameter", "jmespath")
