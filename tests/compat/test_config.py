"""`gramex.config`: trees, JSON, and configurations that user code reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat import config
from gramex_twisted.compat.config import (
    ChainConfig,
    CustomJSONDecoder,
    CustomJSONEncoder,
    PathConfig,
    locate,
    merge,
    objectpath,
    prune_keys,
    random_string,
    recursive_encode,
    slug,
    used_kwargs,
    variables,
    walk,
)
from gramex_twisted.compat.orderedattrdict import DefaultAttrDict

TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


class TreeTests(SynchronousTestCase):
    def test_walk_goes_from_the_inside_out(self) -> None:
        tree = [{"x": 1}]
        self.assertEqual(list(walk(tree)), [("x", 1, {"x": 1}), (0, {"x": 1}, [{"x": 1}])])

    @settings(deadline=None, max_examples=50)
    @given(TREES)
    def test_walk_gives_each_entry_where_it_is(self, tree: Any) -> None:
        for key, value, node in walk(tree):
            self.assertIs(node[key], value)

    def test_merge(self) -> None:
        self.assertEqual(merge({"a": {"x": 1}}, {"a": {"y": 2}, "b": 1}), {"a": {"x": 1, "y": 2}, "b": 1})
        self.assertEqual(merge({"a": {"x": 1}}, {"a": {"x": 2}}), {"a": {"x": 2}})
        self.assertEqual(merge({"a": {"x": 1}}, {"a": {"x": 2, "z": 3}}, mode="setdefault"), {"a": {"x": 1, "z": 3}})
        new = {"a": [1]}
        self.assertIsNot(merge({}, new)["a"], new["a"])

    def test_merge_warns_of_conflicts(self) -> None:
        with self.assertLogs("gramex", "WARNING") as caught:
            merge({"url": {"a": {}}}, {"url": {"a": {}}}, warn=["url.*"])
        self.assertEqual([record.getMessage() for record in caught.records], ["Duplicate key: url.a"])

    def test_objectpath_takes_keys_before_attributes(self) -> None:
        node = AttrDict(request=AttrDict(headers={"X": "y"}))
        self.assertEqual(objectpath(node, "request.headers.X"), "y")
        self.assertEqual(objectpath(node, "request.nothing.X", 1), 1)
        self.assertEqual(objectpath(datetime(2020, 1, 2), "year"), 2020)

    def test_prune_keys_and_encode(self) -> None:
        self.assertEqual(prune_keys({"a": {"b": 1, "c": [{"b": 2}]}}, {"b"}), {"a": {"c": [{}]}})
        data = {"a": "é", "b": ["x"]}
        recursive_encode(data)
        self.assertEqual(data, {b"a": "é".encode(), b"b": [b"x"]})

    def test_used_kwargs(self) -> None:
        def method(a: int, b: int = 1) -> None: ...

        def rest(a: int, **kwargs: int) -> None: ...

        self.assertEqual(used_kwargs(method, {"a": 1, "c": 2}), ({"a": 1}, {"c": 2}))
        self.assertEqual(used_kwargs(rest, {"a": 1, "c": 2}), ({"a": 1, "c": 2}, {}))
        self.assertEqual(used_kwargs(rest, {"a": 1, "c": 2}, ignore_keywords=True), ({"a": 1}, {"c": 2}))

    def test_default_dicts(self) -> None:
        made = DefaultAttrDict(int)
        made["x"] += 1
        self.assertEqual((made.x, made.copy().y), (1, 0))
        self.assertRaises(AttributeError, lambda: AttrDict().x)


class TextTests(SynchronousTestCase):
    def test_slugs(self) -> None:
        found = [(slug.module(text), slug.filename(text)) for text in ("Hello World", "x/y z?", "Ünïcode (1).txt")]
        expected = [("hello_world", "hello-world"), ("x_y_z", "x-y-z"), ("unicode_1_txt", "unicode-(1).txt")]
        self.assertEqual(found, expected)

    def test_random_string(self) -> None:
        self.assertEqual(len(random_string(20)), 20)
        self.assertEqual(random_string(3, "a"), "aaa")

    def test_locate(self) -> None:
        self.assertIs(locate("str"), str)
        self.assertIs(locate("os.path.join"), __import__("os").path.join)
        self.assertIs(locate("dumps", modules=["json"]), json.dumps)
        self.assertIsNone(locate("nothing.at.all"))

    def test_variables_without_an_app_are_those_of_the_environment(self) -> None:
        self.assertEqual(variables["PATH"], __import__("os").environ["PATH"])
        self.assertEqual(variables["NO_SUCH_VARIABLE"], "")
        self.assertEqual(config.setup_variables()["GRAMEXHOST"], __import__("socket").gethostname())


class JsonTests(SynchronousTestCase):
    def test_dates_bytes_and_numpy(self) -> None:
        import numpy as np
        import pandas as pd  # type: ignore[import-untyped]

        values = {
            "date": datetime(2020, 1, 2, tzinfo=UTC),
            "bytes": b"ab",
            "array": np.array([1, 2]),
            "float": np.float32(0.5),
            "frame": pd.DataFrame({"a": [1]}),
        }
        text = json.dumps(values, cls=CustomJSONEncoder)
        expected = {"date": "2020-01-02T00:00:00+00:00", "bytes": "YWI=", "array": [1, 2], "float": 0.5}
        self.assertEqual(json.loads(text), {**expected, "frame": [{"a": 1}]})
        self.assertRaises(TypeError, json.dumps, object(), cls=CustomJSONEncoder)

    def test_dates_come_back(self) -> None:
        text = (
            '{"x": ["2020-01-02T03:04:05Z"], "y": {"z": "2020-01-02T03:04:05+00:00"}, "n": "2020-01-02T03:04:05 or so"}'
        )
        found = json.loads(text, cls=CustomJSONDecoder)
        moment = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC)
        self.assertEqual(found, {"x": ["2020-01-02T03:04:05Z"], "y": {"z": moment}, "n": "2020-01-02T03:04:05 or so"})
        self.assertEqual(json.loads('"2020-01-02T03:04:05Z"', cls=CustomJSONDecoder), moment)
        self.assertIsInstance(json.loads("{}", cls=CustomJSONDecoder, object_pairs_hook=AttrDict), AttrDict)


class PathConfigTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def test_a_file_with_imports_and_variables_is_read_again_when_it_changes(self) -> None:
        self.write("other.yaml", "b: {c: $YAMLFILE}\n")
        path = self.write("main.yaml", "variables: {X: 1}\na: $X\nimport: other.yaml\n")
        found = PathConfig(path)
        self.assertEqual((found.a, found.b.c, "app" in found), (1, "other.yaml", False))
        self.assertEqual([info.path.name for info in found.__info__.imports], ["main.yaml", "other.yaml"])
        self.write("other.yaml", "b: {c: another}\n")
        self.assertIs(+found, found)
        self.assertEqual(found.b.c, "another")

    def test_a_file_that_is_not_there_is_empty_until_it_is(self) -> None:
        with self.assertLogs("gramex", "WARNING"):
            found = PathConfig(self.folder / "none.yaml")
        self.assertEqual(dict(found), {})
        self.write("none.yaml", "a: 1\n")
        self.assertEqual((+found).a, 1)

    def test_chains_merge_and_leave_nulls_out(self) -> None:
        path = self.write("main.yaml", "a: {x: 1, y: 2}\n")
        chain = ChainConfig(base=PathConfig(path), over=AttrDict(a=AttrDict(y=None, z=3)))
        self.assertEqual(+chain, {"a": {"x": 1, "z": 3}})
