"""AttrDict reads, writes and copies as a dict with attributes."""

import copy
import json
import pickle

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.attrdict import AttrDict


class AttrDictTests(TestCase):
    def test_a_key_is_an_attribute(self) -> None:
        data = AttrDict(x=1, name="n")
        self.assertEqual((data.x, data["name"], data.name), (1, "n", "n"))

    def test_an_attribute_set_is_a_key_and_deletes(self) -> None:
        data = AttrDict()
        data.x = 2
        self.assertEqual(data, {"x": 2})
        del data.x
        self.assertEqual(data, {})

    def test_a_missing_key_is_an_attribute_error(self) -> None:
        with self.assertRaises(AttributeError) as caught:
            _ = AttrDict().email
        self.assertEqual(str(caught.exception), "AttrDict has no key 'email'")
        with self.assertRaises(AttributeError):
            del AttrDict().email
        self.assertIsNone(getattr(AttrDict(), "email", None))

    def test_a_method_is_never_shadowed_in_silence(self) -> None:
        data = AttrDict(items=3)
        self.assertEqual(list(data.items()), [("items", 3)])
        with self.assertRaises(AttributeError) as caught:
            data.keys = 1  # type: ignore[method-assign,assignment]
        self.assertEqual(str(caught.exception), "'keys' is a dict method: use [\"keys\"]")

    def test_copies_and_pickles_keep_the_class(self) -> None:
        data = AttrDict(x=[1])
        for other in (data.copy(), copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
            self.assertEqual(other, data)
            self.assertIs(type(other), AttrDict)
        self.assertIsNot(copy.deepcopy(data).x, data.x)

    def test_it_is_json_like_any_dict(self) -> None:
        self.assertEqual(json.dumps(AttrDict(x=AttrDict(y=1))), '{"x": {"y": 1}}')

    def test_deep_converts_every_mapping_and_leaves_the_rest(self) -> None:
        rows = ({"z": 1}, 2)
        tree = {"a": {"b": [{"c": 1}]}, "t": rows}
        data = AttrDict.deep(tree)
        self.assertEqual(data.a.b[0].c, 1)
        self.assertEqual(data.t[0].z, 1)
        self.assertIs(type(tree["a"]), dict)

    @settings(deadline=None, max_examples=50)
    @given(st.recursive(st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
    def test_deep_equals_its_source(self, tree: object) -> None:
        self.assertEqual(AttrDict.deep(tree), tree)
