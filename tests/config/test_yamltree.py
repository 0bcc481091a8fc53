"""YAML -> Nodes: values, marks, and what cannot be read."""

import datetime

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.problems import GiveUp, Problems
from gramex_twisted.config.yamltree import Loader, load, plain, wrap


def parse(text: str | bytes) -> tuple[object, list[str]]:
    """The data and the errors of a YAML text; the data is None when there is no tree."""
    problems = Problems()
    data = text.encode() if isinstance(text, str) else text
    try:
        result = plain(load(data, "f", problems))
    except GiveUp:
        result = None
    return result, [str(error) for error in problems.errors]


class ValuesTest(TestCase):
    def assert_data(self, text: str, data: object) -> None:
        self.assertEqual(parse(text), (data, []))

    def test_scalars_have_their_yaml_types(self) -> None:
        self.assert_data(
            "{a: 1, b: 1.5, c: true, d: null, e: text, f: 2020-02-03, g: '1', h: !!str 1, i: 0x1F, j: .inf, k: =}",
            {
                "a": 1,
                "b": 1.5,
                "c": True,
                "d": None,
                "e": "text",
                "f": datetime.date(2020, 2, 3),
                "g": "1",
                "h": "1",
                "i": 31,
                "j": float("inf"),
                "k": "=",
            },
        )

    def test_words_for_booleans_stay_words_when_they_are_keys(self) -> None:
        self.assert_data(
            "{on: on, yes: yes, no: no, off: off, On: 1, true: 2, 404: 3}",
            {"on": True, "yes": True, "no": False, "off": False, "On": 1, True: 2, 404: 3},
        )

    def test_an_empty_text_is_null(self) -> None:
        for text in ("", "# only a comment\n", "---\n", "null"):
            self.assert_data(text, None)

    def test_merge_keys_lie_under_the_mappings_own(self) -> None:
        self.assert_data(
            "base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\none: {<<: *b, x: 9}\ntwo: {<<: [*b, *m]}\n",
            {
                "base": {"x": 1, "y": 2},
                "more": {"y": 3, "z": 4},
                "one": {"x": 9, "y": 2},
                "two": {"x": 1, "y": 2, "z": 4},
            },
        )

    def test_aliases_stand_for_their_anchors(self) -> None:
        self.assert_data("a: &x [1, &k two]\nb: *x\n*k : 3\n", {"a": [1, "two"], "b": [1, "two"], "two": 3})

    @settings(deadline=None, max_examples=60)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
            max_leaves=20,
        )
    )
    def test_whatever_yaml_writes_is_read_back(self, data: object) -> None:
        text = yaml.safe_dump({"data": data})
        self.assertEqual(parse(text), ({"data": data}, []))

    def test_wrap_is_the_inverse_of_plain(self) -> None:
        data = {"a": [1, {"b": None}], 2: "x"}
        self.assertEqual(plain(wrap(data, Mark("f"))), data)


class MarksTest(TestCase):
    def test_a_value_has_the_mark_of_its_key_and_its_own(self) -> None:
        root = load(b"url:\n  home:\n    pattern: /\n    list: [a, b]\n", "g.yaml", Problems())
        home = root.value["url"].value["home"]
        self.assertEqual(str(home.mark), "g.yaml:2:3")
        self.assertEqual(str(home.value["pattern"].mark), "g.yaml:3:5")
        self.assertEqual(str(home.value["pattern"].at), "g.yaml:3:14")
        self.assertEqual([str(node.mark) for node in home.value["list"].value], ["g.yaml:4:12", "g.yaml:4:15"])

    def test_what_an_alias_holds_has_the_marks_of_the_anchor(self) -> None:
        root = load(b"a: &x {k: 1}\nb: *x\n", "f", Problems())
        self.assertEqual(str(root.value["b"].mark), "f:2:1")
        self.assertEqual(str(root.value["b"].value["k"].mark), "f:1:8")


class ErrorsTest(TestCase):
    def assert_errors(self, text: str | bytes, *errors: str) -> None:
        self.assertEqual(parse(text)[1], list(errors))

    def test_syntax(self) -> None:
        self.assert_errors(
            "a: [1\n",
            "f:2:1: YAML syntax: did not find expected ',' or ']' while parsing a flow sequence that starts on line 1",
        )
        self.assert_errors("a: b: c", "f:1:5: YAML syntax: mapping values are not allowed in this context")
        self.assert_errors(
            "a: 'x",
            "f:1:6: YAML syntax: found unexpected end of stream while scanning a quoted scalar",
        )

    def test_tabs(self) -> None:
        self.assert_errors(
            "a:\n\tb: 1\n",
            "f:2:1: YAML syntax: found character that cannot start any token while scanning for the next token; "
            "indent with spaces, not tabs",
        )

    def test_bytes_that_are_no_text(self) -> None:
        self.assert_errors(
            b"a: 1\nb: \xff", "f:2:4: not YAML text: invalid leading UTF-8 octet; save the file as UTF-8"
        )
        self.assert_errors(
            b"a: \x00", "f:1:4: not YAML text: control characters are not allowed; save the file as UTF-8"
        )

    def test_duplicate_keys_are_all_told(self) -> None:
        self.assert_errors(
            "a: 1\nb: {c: 1, c: 2}\na: 3\n1: x\n1: y\n",
            "f:2:11: duplicate key 'c'; the first is on line 2",
            "f:3:1: duplicate key 'a'; the first is on line 1",
            "f:5:1: duplicate key '1'; the first is on line 4",
        )

    def test_a_key_that_a_merge_also_brings_is_no_duplicate(self) -> None:
        self.assert_errors("a: &a {x: 1}\nb: {x: 2, <<: *a}\n")

    def test_keys_that_are_no_scalars(self) -> None:
        text = "a key must be text, a number or a date, not a list or a mapping"
        self.assert_errors("? [1, 2]\n: {x: 1}\nb: 1\n", f"f:1:3: {text}")
        self.assert_errors("a: &a [1]\n*a : 2\n", f"f:2:1: {text}")

    def test_tags(self) -> None:
        self.assert_errors(
            "a: !!python/object/apply:os.system [id]\nb: !thing 1\n",
            "f:1:4: the tag !!python/object/apply:os.system is not allowed; use plain lists and mappings",
            "f:2:4: the tag !thing is not allowed; use plain values, lists and mappings",
        )

    def test_values_that_are_not_what_they_look_like(self) -> None:
        self.assert_errors(
            "a: 2020-99-99\nb: !!int x\nc: !!float ''\nd: !!bool maybe\ne: !!timestamp x\nf: !!binary é\n",
            "f:1:4: '2020-99-99' is not a valid timestamp; quote it if it is text",
            "f:2:4: 'x' is not a valid int; quote it if it is text",
            "f:3:4: '' is not a valid float; quote it if it is text",
            "f:4:4: 'maybe' is not a valid bool; quote it if it is text",
            "f:5:4: 'x' is not a valid timestamp; quote it if it is text",
            "f:6:4: 'é' is not a valid binary; quote it if it is text",
        )

    def test_merges_of_something_else(self) -> None:
        self.assert_errors("a: {<<: 1}\n", "f:1:9: '<<' takes a mapping or a list of mappings")

    def test_aliases_that_lead_nowhere(self) -> None:
        self.assert_errors("a: *x\n", "f:1:4: the alias *x has no anchor &x above it")
        self.assert_errors("a: &x [*x]\n", "f:1:8: the alias *x is inside itself")

    def test_a_second_document(self) -> None:
        self.assert_errors("a: 1\n---\nb: 2\n", "f:2:1: a second YAML document starts here; keep one per file")

    def test_deep_nesting(self) -> None:
        self.assert_errors("[" * 100_000, "f:1:65: nested more than 64 levels deep")
        self.assert_errors("- " * 100_000, "f:1:129: nested more than 64 levels deep")

    def test_an_alias_bomb_is_refused_before_it_grows(self) -> None:
        rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
        rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
        self.assert_errors(
            "\n".join(rows), "f:5:55: aliases expand to more than 100000 values; write them out or remove them"
        )

    def test_large_files_may_use_an_anchor_many_times(self) -> None:
        rows = ["base: &b {a: 1, b: 2, c: [1, 2, 3]}", *(f"k{n}: {{<<: *b, d: {n}}}" for n in range(20_000))]
        data, errors = parse("\n".join(rows))
        self.assertEqual(errors, [])
        assert isinstance(data, dict)
        self.assertEqual(data["k19999"], {"a": 1, "b": 2, "c": [1, 2, 3], "d": 19999})

    def test_the_fast_loader_is_used(self) -> None:
        self.assertIs(Loader, yaml.CSafeLoader)
