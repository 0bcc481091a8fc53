"""handler.args, get_argument and argparse."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.web.arguments import Arguments, MissingArgumentError
from gramex_twisted.web.queries import parse_query


class Asked(Arguments):
    name = "route"

    def __init__(self, query: str, form: str = "") -> None:
        self._args = None
        self.request = SimpleNamespace(query_arguments=raw(query), body_arguments=raw(form), arguments=raw(query, form))


def raw(*queries: str) -> dict[str, list[bytes]]:
    result: dict[str, list[bytes]] = {}
    for query in queries:
        for name, values in parse_query(query.encode()).items():
            result.setdefault(name, []).extend(values)
    return result


class ArgsTests(SynchronousTestCase):
    def test_args_are_stripped_lists_of_text(self) -> None:
        self.assertEqual(Asked("x=+a+&x=b&y=", "x=c").args, {"x": ["a", "b", "c"], "y": [""]})

    def test_names_and_values_are_utf_8(self) -> None:
        self.assertEqual(Asked("%C3%A9=%C3%BC").args, {"é": ["ü"]})

    def test_an_argument_that_is_not_utf_8_leaves_the_others(self) -> None:
        self.assertEqual(Asked("x=%f4&y=1").args, {"y": ["1"]})

    def test_get_arg_takes_the_last_or_first(self) -> None:
        asked = Asked("x=1&x=2")
        self.assertEqual((asked.get_arg("x"), asked.get_arg("x", first=True), asked.get_arg("z", 9)), ("2", "1", 9))

    def test_a_missing_argument_is_400_and_named(self) -> None:
        for method in ("get_arg", "get_argument", "get_query_argument", "get_body_argument"):
            error = self.assertRaises(MissingArgumentError, getattr(Asked("x=1"), method), "q")
            self.assertEqual((error.status_code, error.log_message), (400, "q: missing ?q="))

    def test_query_and_form_are_told_apart(self) -> None:
        asked = Asked("x=q", "x=f")
        self.assertEqual((asked.get_query_argument("x"), asked.get_body_argument("x")), ("q", "f"))
        self.assertEqual(asked.get_arguments("x"), ["q", "f"])

    def test_a_named_argument_that_is_not_utf_8_is_400(self) -> None:
        error = self.assertRaises(HTTPError, Asked("x=%f4").get_argument, "x")
        self.assertEqual(error.log_message, "x: ?x= is not UTF-8")

    def test_strip_can_be_switched_off(self) -> None:
        self.assertEqual(Asked("x=+a+").get_argument("x", strip=False), " a ")

    @settings(deadline=None, max_examples=200)
    @given(st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=3), max_size=4))
    def test_what_a_browser_sends_is_what_args_has(self, sent: dict[str, list[str]]) -> None:
        try:
            query = urlencode(sent, doseq=True)
        except UnicodeEncodeError:
            return  # lone surrogates cannot be sent
        asked = Asked(query)
        self.assertEqual(set(asked.args), set(sent))
        for name, values in sent.items():
            self.assertEqual(len(asked.args[name]), len(values))
            for got, value in zip(asked.args[name], values, strict=True):
                self.assertEqual(
                    got, "".join(" " if c < " " and c not in "\t\n\x0b\x0c\r" else c for c in value).strip()
                )


class ArgparseTests(SynchronousTestCase):
    def test_required_names(self) -> None:
        self.assertEqual(Asked("x=1&x=2&y=3").argparse("x", "y"), {"x": "2", "y": "3"})
        error = self.assertRaises(HTTPError, Asked("x=1").argparse, "x", "y")
        self.assertEqual((error.status_code, error.log_message), (400, "y: missing ?y="))

    def test_defaults_types_and_names(self) -> None:
        rules: dict[str, Any] = {
            "limit": {"type": int, "default": 100},
            "department": {"name": "dept"},
            "org": {"default": "all"},
        }
        self.assertEqual(
            Asked("limit=5&dept=hr").argparse(**rules), {"limit": 5, "department": "hr", "org": "all", "dept": "hr"}
        )

    def test_a_value_of_the_wrong_type_is_named(self) -> None:
        error = self.assertRaises(HTTPError, Asked("limit=x").argparse, limit={"type": int})
        self.assertEqual((error.status_code, error.log_message), (400, "limit: ?limit=x is not of type int"))

    def test_choices(self) -> None:
        rule: dict[str, Any] = {"choices": ["M", "F"]}
        self.assertEqual(Asked("g=M").argparse(g=rule).g, "M")
        error = self.assertRaises(HTTPError, Asked("g=X").argparse, g=rule)
        self.assertEqual(error.log_message, "g: invalid choice ?g=X; use one of: M, F")

    def test_nargs(self) -> None:
        asked = Asked("c=a&c=b&c=c")
        self.assertEqual(asked.argparse(c={"nargs": "*"}).c, ["a", "b", "c"])
        self.assertEqual(asked.argparse(c={"nargs": 2}).c, ["a", "b"])
        self.assertEqual(asked.argparse(c={"nargs": 4}).c, ["a", "b", "c", ""])
        self.assertEqual(Asked("").argparse(c={"nargs": "*", "default": []}).c, [])
        error = self.assertRaises(HTTPError, Asked("").argparse, c={"nargs": "+"})
        self.assertEqual(error.log_message, "c: missing ?c=")
        self.assertRaises(ValueError, asked.argparse, c={"nargs": "x"})

    def test_required_option(self) -> None:
        error = self.assertRaises(HTTPError, Asked("").argparse, c={"required": True})
        self.assertEqual(error.log_message, "c: missing ?c=")

    def test_an_absent_optional_is_absent(self) -> None:
        self.assertEqual(Asked("").argparse(c={}), {})

    def test_the_first_parameter_sets_the_type_of_all(self) -> None:
        asked = Asked("x=1&y=2&y=3")
        self.assertEqual(asked.argparse(list, "x"), {"x": ["1"], "y": ["2", "3"]})
        self.assertEqual(asked.argparse(bytes), {"x": b"1", "y": b"2"})
        self.assertEqual(asked.argparse(None), {})
        self.assertRaises(HTTPError, asked.argparse, list, "z")
