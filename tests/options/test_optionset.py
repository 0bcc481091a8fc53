"""Options: where values are found, what becomes of them, and what is said of those that do not do."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.options import Args, Arguments, ManyOptionsError, Option, OptionError, OptionSet


def parsed(definition: dict[str, Any], keyword: str = "x", **arguments: Any) -> Any:
    """What an option makes of the arguments; "absent" where it makes nothing."""
    return OptionSet({"*": {keyword: definition}}).parse("GET", Arguments(**arguments)).get(keyword, "absent")


def refused(definition: dict[str, Any], keyword: str = "x", **arguments: Any) -> dict[str, Any]:
    """What is said of the arguments."""
    try:
        value = parsed(definition, keyword, **arguments)
    except OptionError as error:
        return error.info
    raise AssertionError(f"{arguments} became {value!r}")


class FindTests(SynchronousTestCase):
    def test_places_have_an_order(self) -> None:
        everywhere = {
            "path": ["p"],
            "query": {"x": ["q"]},
            "form": {"x": ["f"]},
            "json": {"x": "j"},
            "yaml": {"x": "y"},
        }
        found = []
        for place in ("path", "query", "form", "json", "yaml"):
            found.append(parsed({"path": 0}, **everywhere))
            del everywhere[place]
        self.assertEqual(found, ["p", "q", "f", "j", "y"])

    def test_a_location_chooses_them(self) -> None:
        arguments = {"query": {"x": ["q"]}, "form": {"x": ["f"]}, "json": {"x": "j"}, "yaml": {"x": "y"}}
        self.assertEqual(parsed({"location": "form"}, **arguments), "f")
        self.assertEqual(parsed({"location": ["yaml", "query"]}, **arguments), "y")
        self.assertEqual(parsed({"location": "body"}, json={"x": "j"}, query={"x": ["q"]}), "j")
        self.assertEqual(parsed({"location": "body"}, query={"x": ["q"]}), "absent")

    def test_an_alias_comes_after_the_keyword_and_a_place_before_both(self) -> None:
        definition = {"alias": ["y", "z"]}
        self.assertEqual(parsed(definition, query={"y": ["2"], "x": ["1"]}), "1")
        self.assertEqual(parsed(definition, query={"z": ["3"], "y": ["2"]}), "2")
        self.assertEqual(parsed(definition, query={"z": ["3"]}, form={"x": ["1"]}), "3")
        self.assertEqual(parsed({"alias": "y"}, query={"y": ["2"]}), "2")

    def test_groups_of_the_pattern(self) -> None:
        self.assertEqual(parsed({"path": 1}, path=["a", "b"]), "b")
        self.assertEqual(parsed({"path": 2}, path=["a", "b"]), "absent")
        self.assertEqual(parsed({"path": "id"}, names={"id": "7"}), "7")
        self.assertEqual(parsed({"path": "id"}, names={"id": None}), "absent")
        self.assertEqual(parsed({}, path=["a"]), "absent")

    def test_null_is_absent(self) -> None:
        self.assertEqual(parsed({"default": 5}, json={"x": None}), 5)
        self.assertEqual(parsed({"alias": "y"}, json={"x": None, "y": "z"}), "z")

    def test_defaults(self) -> None:
        self.assertEqual(parsed({}), "absent")
        self.assertIsNone(parsed({"default": None}))
        self.assertEqual(parsed({"type": int, "default": "seven"}), "seven")
        self.assertEqual(parsed({"default": 0}), 0)

    def test_a_default_list_is_new_each_time(self) -> None:
        options = OptionSet({"*": {"x": {"type": "list", "default": []}}})
        options.parse("GET", Arguments()).x.append(1)
        self.assertEqual(options.parse("GET", Arguments()).x, [])

    def test_of_repeated_values_the_last_counts_but_a_list_takes_all(self) -> None:
        values = {"x": ["1,2", "3"]}
        self.assertEqual(parsed({}, query=values), "3")
        self.assertEqual(parsed({"type": "int"}, form=values), 3)
        self.assertEqual(parsed({"type": "list"}, query=values), ["1", "2", "3"])
        self.assertEqual(parsed({"type": "tuple"}, form=values), ("1", "2", "3"))
        self.assertEqual(parsed({"type": "set"}, query={"x": ["a", "a b"]}), {"a", "b"})


class ConvertTests(SynchronousTestCase):
    def test_texts(self) -> None:
        for kind, text, value in [
            ("str", " a ", " a "),
            ("str", "", ""),
            ("int", "12", 12),
            ("int", "-3", -3),
            ("int", " 4 ", 4),
            ("float", "1.5", 1.5),
            ("float", "1e3", 1000.0),
            ("list", "", []),
            ("list", "a 'b c'", ["a", "b c"]),
            (Decimal, "1.10", Decimal("1.10")),
        ]:
            got = parsed({"type": kind}, query={"x": [text]})
            self.assertEqual((got, type(got)), (value, type(value)), (kind, text))

    def test_texts_that_do_not_do(self) -> None:
        for kind, text in [("int", "1.9"), ("int", ""), ("int", "x"), ("float", "x"), ("dict", "a"), (Decimal, "x")]:
            name = kind if isinstance(kind, str) else kind.__name__
            expected = {"reason": f"Expect type {name}.", "keyword": "x"}
            self.assertEqual(refused({"type": kind}, query={"x": [text]}), expected, (kind, text))
        self.assertEqual(
            refused({"type": "list"}, query={"x": ["'a b"]}),
            {"reason": "No closing quotation for 'a b.", "keyword": "x"},
        )

    def test_a_lenient_int_may_have_a_point(self) -> None:
        self.assertEqual(parsed({"type": "int", "strict": False}, query={"x": ["1.9"]}), 1)
        self.assertEqual(refused({"type": "int", "strict": False}, query={"x": ["inf"]})["reason"], "Expect type int.")

    def test_truth(self) -> None:
        for text in ("1", "true", "TRUE", "yes", "y", "t", "T", "on", "0.5", "7"):
            self.assertIs(parsed({"type": "bool"}, query={"x": [text]}), True, text)
        for text in ("0", "false", "no", "off", "-1", "nan", "2x", "null"):
            self.assertIs(parsed({"type": "bool"}, query={"x": [text]}), False, text)
        self.assertIs(parsed({"type": "bool"}, query={"x": [""]}), True)
        self.assertIs(parsed({"type": "bool"}, form={"x": [""]}), False)
        self.assertIs(parsed({"type": "bool", "path": 0}, path=[""]), False)

    def test_json_has_types(self) -> None:
        for kind, value in [("int", 1), ("str", "a"), ("bool", False), ("list", [1, "a"]), ("dict", {"a": 1})]:
            self.assertEqual(parsed({"type": kind}, json={"x": value}), value)
            self.assertEqual(parsed({"type": kind}, yaml={"x": value}), value)
        for kind, value in [
            ("int", True),
            ("int", "1"),
            ("int", 1.0),
            ("str", 1),
            ("bool", 1),
            ("list", "a"),
            ("float", True),
        ]:
            self.assertEqual(
                refused({"type": kind}, json={"x": value}), {"reason": f"Expect type {kind}.", "keyword": "x"}
            )

    def test_json_writes_a_whole_float_without_a_point_and_has_one_kind_of_list(self) -> None:
        for kind, value, wanted in [("float", 3, 3.0), ("tuple", [1], (1,)), ("set", [1, 1], {1})]:
            got = parsed({"type": kind}, json={"x": value})
            self.assertEqual((got, type(got)), (wanted, type(wanted)))
        self.assertEqual(refused({"type": "set"}, json={"x": [[1]]})["reason"], "Expect type set.")

    def test_lenient_json(self) -> None:
        for kind, value, wanted in [
            ("list", "a,b", ["a", "b"]),
            ("list", 5, [5]),
            ("tuple", {"a": 1}, ({"a": 1},)),
            ("int", "7", 7),
            ("int", 7.9, 7),
            ("str", 7, "7"),
            ("bool", "false", False),
            ("bool", "true", True),
            ("bool", 0, False),
        ]:
            got = parsed({"type": kind, "strict": False}, json={"x": value})
            self.assertEqual((got, type(got)), (wanted, type(wanted)), (kind, value))
        self.assertEqual(refused({"type": "int", "strict": False}, json={"x": []})["reason"], "Expect type int.")

    def test_a_form_may_hold_json(self) -> None:
        definition = {"type": "list", "jsoninput": True}
        self.assertEqual(parsed(definition, form={"x": ['["a b", 1]']}), ["a b", 1])
        self.assertEqual(parsed(definition, form={"x": ["a b"]}), ["a", "b"])
        self.assertEqual(parsed(definition, form={"x": ['["a"]', "b"]}), ["a", "b"])
        self.assertEqual(parsed(definition, query={"x": ["[1]"]}), ["[1]"])
        self.assertEqual(parsed({"type": "dict", "jsoninput": True}, form={"x": ['{"a": {}}']}), {"a": {}})
        self.assertEqual(parsed({"type": "str", "jsoninput": True}, form={"x": ['"a"']}), "a")
        self.assertEqual(parsed({"type": "int", "jsoninput": "true"}, form={"x": ["7"]}), 7)
        self.assertEqual(
            refused({"type": "dict", "jsoninput": True}, form={"x": ["[]"]})["reason"], "Expect type dict."
        )

    def test_translations(self) -> None:
        mapping = {r"rs[0-9]+": "variant", "variant": "v"}
        self.assertEqual(parsed({"translations": mapping}, query={"x": ["rs12 b"]}), "v b")
        pairs = [[["^HGNC:", "i"], "hgnc:"], [[r"\s", re.S], "_"]]
        self.assertEqual(parsed({"translations": pairs}, query={"x": ["hgnc: 5"]}), "hgnc:_5")
        self.assertEqual(parsed({"type": "list", "translations": {"^a": "b"}}, query={"x": ["ab,ca"]}), ["bb", "ca"])
        self.assertEqual(parsed({"type": "int", "translations": {"1": "2"}}, query={"x": ["1"]}), 1)
        self.assertEqual(parsed({"translations": ((re.compile("a"), "b"),)}, query={"x": ["a"]}), "b")
        self.assertEqual(parsed({"translations": {"a": "b"}, "enum": ["b"]}, query={"x": ["a"]}), "b")

    @settings(deadline=None, max_examples=200)
    @given(st.sampled_from(["str", "int", "float", "bool", "list", "tuple", "set", "dict"]), st.text(), st.booleans())
    def test_any_text_is_of_its_type_or_an_error(self, kind: str, text: str, strict: bool) -> None:
        for place in ("query", "form"):
            try:
                value = parsed({"type": kind, "strict": strict, "jsoninput": True}, **{place: {"x": [text]}})
            except OptionError as error:
                self.assertEqual(list(error.info), ["reason", "keyword"])
            else:
                self.assertEqual(type(value).__name__, kind)


class CheckTests(SynchronousTestCase):
    def test_a_missing_argument_names_its_aliases(self) -> None:
        self.assertEqual(refused({"required": True}), {"missing": "x"})
        self.assertEqual(refused({"required": True, "alias": "y"}), {"missing": "x", "alias": "y"})
        self.assertEqual(refused({"required": True, "alias": ["y", "z"]}), {"missing": "x", "alias": ["y", "z"]})

    def test_enum(self) -> None:
        definition = {"type": "list", "enum": ["a", "b"], "alias": "y"}
        self.assertEqual(parsed(definition, query={"x": ["b,a"]}), ["b", "a"])
        expected = {"keyword": "x", "allowed": ["a", "b"], "alias": "y"}
        self.assertEqual(refused(definition, query={"x": ["a,c"]}), expected)
        self.assertEqual(parsed({"enum": ["a"]}), "absent")
        self.assertEqual(refused({"enum": ["a"]}, query={"x": [""]}), {"keyword": "x", "allowed": ["a"]})
        self.assertEqual(refused({"type": "dict", "enum": [1]}, json={"x": {}}), {"keyword": "x", "allowed": [1]})

    def test_limits_are_inclusive_and_zero_is_one(self) -> None:
        definition = {"type": "float", "min": 0, "max": 0.5}
        for text, wanted in (("0", 0.0), ("0.5", 0.5)):
            self.assertEqual(parsed(definition, query={"x": [text]}), wanted)
        self.assertEqual(refused(definition, query={"x": ["0.6"]}), {"keyword": "x", "max": 0.5, "num": 0.6})
        self.assertEqual(refused(definition, query={"x": ["-1"]}), {"keyword": "x", "min": 0, "num": -1.0})
        self.assertEqual(refused({"type": "int", "max": 0}, query={"x": ["1"]}), {"keyword": "x", "max": 0, "num": 1})
        self.assertEqual(refused(definition, query={"x": ["nan"]})["max"], 0.5)

    def test_limits_of_a_list_are_of_its_length(self) -> None:
        definition = {"type": "list", "min": 1, "max": 2, "alias": "y"}
        self.assertEqual(parsed(definition, query={"x": ["a,b"]}), ["a", "b"])
        self.assertEqual(
            refused(definition, query={"x": ["a,b,c"]}), {"keyword": "x", "max": 2, "size": 3, "alias": "y"}
        )
        self.assertEqual(refused(definition, query={"x": [""]}), {"keyword": "x", "min": 1, "size": 0, "alias": "y"})

    def test_dates(self) -> None:
        definition = {"date_format": "%Y-%m-%d"}
        self.assertEqual(parsed(definition, query={"x": ["2026-02-28"]}), "2026-02-28")
        self.assertEqual(
            refused(definition, query={"x": ["2026-02-30"]}),
            {"keyword": "x", "date_format": "%Y-%m-%d", "num": "2026-02-30"},
        )

    def test_jmespath(self) -> None:
        parent, field, query = parsed({}, "jmespath", query={"jmespath": ["a.b.c|[?x]"]})
        self.assertEqual((parent, field, query.search([{"x": 1}, {}])), ("a.b", "c", [{"x": 1}]))
        self.assertEqual(parsed({}, "jmespath", query={"jmespath": ["|a"]})[:2], ("", ""))
        self.assertEqual(parsed({}, "jmespath", query={"jmespath": ["c|a"]})[:2], ("", "c"))
        for text in ("a", "a|[", "a|"):
            info = refused({}, "jmespath", query={"jmespath": [text]})
            self.assertEqual(info["reason"], "Invalid value for jmespath parameter", text)
            self.assertTrue(info["details"])


class SetTests(SynchronousTestCase):
    written = {
        "*": {"size": {"type": "int", "default": 10}, "q": {}},
        "get": {"q": {"required": True}},
        "POST": {"ids": {"type": "list", "group": "body"}, "raw": {"type": "bool", "group": ["body", "control"]}},
    }

    def test_a_method_comes_before_the_star(self) -> None:
        options = OptionSet(self.written)
        for method in ("GET", "HEAD"):
            with self.assertRaises(OptionError) as caught:
                options.parse(method, Arguments())
            self.assertEqual(caught.exception.info, {"missing": "q"})
        self.assertEqual(options.parse("PUT", Arguments()), {"size": 10})

    def test_groups_are_nested_and_always_there(self) -> None:
        options = OptionSet(self.written)
        self.assertEqual(options.parse("POST", Arguments()), {"size": 10, "body": {}, "control": {}})
        args = options.parse("POST", Arguments(json={"ids": ["a"], "raw": True, "other": 1}))
        self.assertEqual(args, {"size": 10, "body": {"ids": ["a"], "raw": True}, "control": {"raw": True}})
        self.assertEqual((args.body.ids, args.body.none, args.none), (["a"], None, None))

    def test_unknown_arguments_are_ignored(self) -> None:
        self.assertEqual(OptionSet(self.written).parse("PUT", Arguments(query={"zzz": ["1"]})), {"size": 10})

    def test_all_errors_at_once(self) -> None:
        options = OptionSet(self.written, all_errors=True)
        with self.assertRaises(ManyOptionsError) as caught:
            options.parse("GET", Arguments(query={"size": ["x"]}))
        infos = [error.info for error in caught.exception.errors]
        self.assertEqual(infos, [{"reason": "Expect type int.", "keyword": "size"}, {"missing": "q"}])

    def test_args_are_attributes_and_copy_as_dicts_do(self) -> None:
        args = Args(a=1)
        self.assertEqual((args.a, args.b), (1, None))
        self.assertFalse(hasattr(args, "__length_hint__"))


class DefinitionTests(SynchronousTestCase):
    def test_what_makes_no_sense_is_told(self) -> None:
        for definition, message in [
            ({"type": "integr"}, "type: 'integr' is no type, use str, int, .*; did you mean 'int'?"),
            ({"type": 5}, "type: 5 is no type"),
            ({"min": 20, "max": 10}, "option 'size': max 10 is below min 20"),
            ({"min": "few"}, "min: "),
            ({"min": True}, "min: must be a number"),
            ({"enum": "abc"}, "enum: must be a list of what is allowed"),
            ({"location": "header"}, "location: 'header' is no place of arguments, use path, query, form, json, yaml"),
            ({"location": "path"}, "location: path needs the group's number or name in path:"),
            ({"translations": {"(": "x"}}, r"translations: '\(' is no regular expression: "),
            ({"translations": [["a"]]}, "translations: translations are pairs"),
            ({"translations": [[["a", "z"], "b"]]}, "the flags of a pattern are letters of AIMSUX"),
            ({"defalt": 1}, "unknown defalt; use type, default"),
            ({"default": 50, "max": 10}, "option 'size': its default is not allowed"),
            ({"default": "c", "enum": ["a"]}, "option 'size': its default is not allowed"),
        ]:
            with self.assertRaisesRegex(ValueError, message):
                Option("size", definition)

    def test_a_method_must_be_one(self) -> None:
        with self.assertRaisesRegex(ValueError, "^'FETCH' is no HTTP method, use GET, "):
            OptionSet({"FETCH": {}})
