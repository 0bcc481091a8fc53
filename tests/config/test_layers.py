"""Defaults, the file, `--set`."""

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.config.layers import overlay
from gramex_twisted.config.marks import Mark
from gramex_twisted.config.yamltree import plain, wrap
from tests.config.support import document, errors_of

HERE = Mark("f")
TREES = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.integers(0, 3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=6
    ),
)


def over(base: object, top: object) -> object:
    """Plain data of an overlay."""
    return plain(overlay(wrap(base, HERE), wrap(top, HERE)))


class OverlayTest(TestCase):
    def test_mappings_merge_null_removes_and_the_rest_replaces(self) -> None:
        base = {"a": {"x": 1, "y": [1, 2], "z": 3}, "b": 1, "c": {"k": 1}}
        top = {"a": {"x": None, "y": [3]}, "b": {"k": 2}, "c": 5, "d": None}
        self.assertEqual(over(base, top), {"a": {"y": [3], "z": 3}, "b": {"k": 2}, "c": 5, "d": None})

    @settings(deadline=None, max_examples=80)
    @given(TREES, TREES)
    def test_the_top_layer_wins(self, base: dict, top: dict) -> None:
        found = over(base, top)
        for key in {*base, *top}:
            if key not in top:
                self.assertEqual(found[key], base[key])
            elif top[key] is None and key in base:
                self.assertNotIn(key, found)
            elif not (isinstance(top[key], dict) and isinstance(base.get(key), dict)):
                self.assertEqual(found[key], top[key])

    @settings(deadline=None, max_examples=40)
    @given(TREES)
    def test_an_empty_layer_changes_nothing(self, tree: dict) -> None:
        self.assertEqual(over(tree, {}), tree)
        self.assertEqual(over({}, tree), tree)


class SetTest(TestCase):
    def set(self, text: str, *overrides: str) -> dict:
        return document(text, overrides=overrides).tree

    def test_values_are_yaml(self) -> None:
        tree = self.set("", "a.b.c=5", "a.b.d=[1, x]", "a.e={k: true}", "t=a: b" if False else "t='a: b'", "u=x=y")
        self.assertEqual(tree["a"], {"b": {"c": 5, "d": [1, "x"]}, "e": {"k": True}})
        self.assertEqual((tree["t"], tree["u"]), ("a: b", "x=y"))

    def test_the_file_is_overridden_and_mappings_merge(self) -> None:
        tree = self.set("app: {listen: {port: 1, address: x}}", "app.listen.port=2", "app={watch: true}")
        self.assertEqual(tree["app"], {"listen": {"port": 2, "address": "x"}, "watch": True})

    def test_null_removes(self) -> None:
        tree = self.set("a: {b: 1, c: 2}\nl: [1, 2]", "a.b=null", "a.z=null", "l.0=null", "version=")
        self.assertEqual((tree["a"], tree["l"]), ({"c": 2}, [2]))
        self.assertNotIn("version", tree)

    def test_items_of_lists_and_keys_that_are_numbers(self) -> None:
        tree = self.set("l: [{k: 1}, 2]\ne: {404: x}", "l.0.k=5", "e.404=y", "e.500=z")
        self.assertEqual((tree["l"], tree["e"]), ([{"k": 5}, 2], {404: "y", "500": "z"}))

    def test_a_mapping_may_replace_what_is_none(self) -> None:
        self.assertEqual(self.set("app: {listen: 8000}", "app.listen.port=9")["app"], {"listen": {"port": 9}})

    def test_a_shared_alias_changes_in_one_place_only(self) -> None:
        tree = self.set("a: &x {k: {v: 1}}\nb: *x", "b.k.v=2")
        self.assertEqual((tree["a"], tree["b"]), ({"k": {"v": 1}}, {"k": {"v": 2}}))

    def test_variables_are_set_before_the_file_is_read(self) -> None:
        tree = self.set("variables: {A: 1, B: {default: 2}, C: $A}\nx: [$A, $B, $C]", "variables.A=7", "variables.B=8")
        self.assertEqual(tree["x"], [7, 8, 7])
        self.assertEqual(tree["variables"], {"A": 7, "C": 7, "B": 8})

    def test_marks_name_the_option(self) -> None:
        read = document("", overrides=["app.listen.port=9"])
        self.assertEqual(str(read.marks["app", "listen", "port"]), "--set app.listen.port=9")

    def test_bad_options(self) -> None:
        self.assertEqual(
            errors_of(document, "l: [1]", overrides=["x", "=1", "a..b=1", "l.5=1", "k=[", "k={a: 1, a: 2}"]),
            [
                "--set x: write it as section.key=value",
                "--set =1: write it as section.key=value",
                "--set a..b=1: write it as section.key=value",
                "--set k=[: YAML syntax: did not find expected node content while parsing a flow node",
                "--set k={a: 1, a: 2}: duplicate key 'a'; the first is on line 1",
                "--set l.5=1: l has no item 5",
            ],
        )
