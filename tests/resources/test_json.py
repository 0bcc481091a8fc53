"""JSONHandler: what each method does to a tree, and what it refuses."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.jsondata.places import MISSING, get, keys_of, put, remove
from gramex_twisted.services.jsontree import DEEPEST, depth, dumped, loaded
from gramex_twisted.testing import AppTestCase


class JSONCase(AppTestCase):
    config = r"""
    url:
      file: {pattern: /file/(.*), handler: JSONHandler, kwargs: {path: data/store.json}}
      same: {pattern: /same/(?P<place>.*), handler: JSONHandler, kwargs: {path: data/../data/store.json}}
      memory: {pattern: /memory/(.*), handler: JSONHandler, kwargs: {data: {a: {b: [1, 2]}, n: null}}}
      whole: {pattern: /whole, handler: JSONHandler, kwargs: {data: [1]}}
      next: {pattern: /next/(.*), handler: JSONHandler, kwargs: {redirect: /done}}
      wide: {pattern: /wide/(.*), handler: JSONHandler, kwargs: {max_body_size: 20MB}}
    """

    def ask(self, method: str, place: str, body: Any = None, **headers: str) -> Any:
        options: dict[str, Any] = {"headers": {name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request(method, place, **options)

    def tree(self, place: str = "/file/") -> Any:
        return self.ask("GET", place).json()


class MethodTests(JSONCase):
    def test_get(self) -> None:
        for place, found in [
            ("/memory/", {"a": {"b": [1, 2]}, "n": None}),
            ("/memory/a/b", [1, 2]),
            ("/memory/a/b/1", 2),
            ("/memory/a/b/2", None),
            ("/memory/a/b/x", None),
            ("/memory/a/b/1/x", None),
            ("/memory/n", None),
            ("/memory/none", None),
            ("/whole", [1]),
        ]:
            response = self.get(place)
            self.assertEqual((response.status, response.json()), (200, found), place)
            self.assertEqual(response.headers["content-type"], "application/json; charset=UTF-8")

    def test_put_makes_what_is_missing(self) -> None:
        self.assertEqual(self.tree(), None)
        self.assertEqual(self.ask("PUT", "/file/a/b/c", {"x": 1}).json(), {"x": 1})
        self.assertEqual(self.tree(), {"a": {"b": {"c": {"x": 1}}}})
        self.ask("PUT", "/file/a/b/c/x/y", 2)
        self.assertEqual(self.tree("/file/a/b/c"), {"x": {"y": 2}})
        self.ask("PUT", "/file/list", [])
        for index, value in (("0", "a"), ("1", "b"), ("0", "c")):
            self.ask("PUT", f"/file/list/{index}", value)
        self.assertEqual(self.tree("/file/list"), ["c", "b"])
        self.assertEqual(self.ask("PUT", "/file/", "all").json(), "all")
        self.assertEqual(self.tree(), "all")

    def test_a_list_has_no_place_for_other_keys(self) -> None:
        self.ask("PUT", "/file/list", [1])
        for key in ("2", "x", "-1", "٣"):
            response = self.ask("PUT", f"/file/list/{key}", 0)
            self.assertEqual(response.status, 400)
            self.assertIn("no place in a list of 1; use 0 to 1", response.json()["error"])
        self.assertEqual(self.tree(), {"list": [1]})

    def test_post_adds_under_a_new_key(self) -> None:
        names = [self.ask("POST", "/file/items", number).json()["name"] for number in (1, 2)]
        self.assertEqual(self.tree("/file/items"), dict(zip(names, (1, 2), strict=True)))
        self.assertRegex(names[0], "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")
        self.ask("PUT", "/file/list", ["a"])
        self.assertEqual(self.ask("POST", "/file/list", "b").json(), {"name": "1"})
        self.assertEqual(self.tree("/file/list"), ["a", "b"])
        self.ask("PUT", "/file/text", "a")
        self.assertEqual(self.ask("POST", "/file/text", "b").status, 400)
        self.assertEqual(self.tree("/file/text"), "a")

    def test_patch_sets_keys_of_an_object(self) -> None:
        self.ask("PUT", "/file/a", {"x": 1, "y": 2})
        self.assertEqual(self.ask("PATCH", "/file/a", {"y": 3, "z": 4}).json(), {"y": 3, "z": 4})
        self.assertEqual(self.tree("/file/a"), {"x": 1, "y": 3, "z": 4})
        self.assertEqual(self.ask("PATCH", "/file/none", {"y": 3}).json(), None)
        for place, body in (("/file/a/x", {"y": 1}), ("/file/a", [1]), ("/file/a", 5)):
            self.assertEqual(self.ask("PATCH", place, body).status, 400)
        self.assertEqual(self.tree(), {"a": {"x": 1, "y": 3, "z": 4}})

    def test_delete(self) -> None:
        self.ask("PUT", "/file/", {"a": [1, 2, 3], "b": None, "c": {"d": 1}})
        for place in ("a/1", "b", "c/d", "none", "a/9", "c/d/e"):
            response = self.ask("DELETE", f"/file/{place}")
            self.assertEqual((response.status, response.json()), (200, None))
        self.assertEqual(self.tree(), {"a": [1, 3], "c": {}})
        self.ask("DELETE", "/file/")
        self.assertEqual(self.tree(), None)

    def test_an_empty_body_changes_nothing(self) -> None:
        self.ask("PUT", "/file/a", 1)
        for method in ("PUT", "POST"):
            self.assertEqual(self.ask(method, "/file/a").json(), None)
        self.assertEqual(self.tree(), {"a": 1})

    def test_keys_are_decoded_and_a_backslash_keeps_a_slash(self) -> None:
        self.ask("PUT", "/file/h%C3%A9%20llo/a%5C/b", 1)
        self.assertEqual(self.tree(), {"hé llo": {"a/b": 1}})
        self.assertEqual(self.tree("/file/h%C3%A9%20llo/a%5C/b"), 1)

    def test_routes_of_one_file_share_it(self) -> None:
        self.ask("PUT", "/file/a", 1)
        self.assertEqual(self.tree("/same/a"), 1)
        self.ask("PUT", "/same/b", 2)
        self.assertEqual(self.tree(), {"a": 1, "b": 2})

    def test_a_body_over_ten_megabytes_needs_the_routes_leave(self) -> None:
        body = b'"' + b"x" * (10 << 20) + b'"'
        refused = self.ask("PUT", "/memory/long", body)
        self.assertEqual(refused.status, 413)
        self.assertEqual(refused.json()["error"], "the request body is over 10485760 bytes (max_body_size)")
        self.assertEqual(self.get("/memory/long").text, "null")
        self.assertEqual(self.ask("PUT", "/wide/long", body).status, 200)
        self.assertEqual(len(self.get("/wide/long").body), len(body))

    def test_a_redirect_takes_the_place_of_the_answer(self) -> None:
        response = self.ask("PUT", "/next/a", 1)
        self.assertEqual((response.status, response.headers["location"]), (302, "/done"))
        self.assertEqual(self.tree("/next/a"), 1)


class FileTests(JSONCase):
    files = {"data/store.json": '{"a": 12345678901234567890123, "b": "caf\\u00e9"}'}

    def test_what_is_there_is_served_and_kept(self) -> None:
        self.assertEqual(self.get("/file/").text, '{"a":12345678901234567890123,"b":"café"}')
        self.ask("PUT", "/file/c", 1.5)
        text = (self.folder / "data" / "store.json").read_text()
        self.assertEqual(text, '{"a":12345678901234567890123,"b":"café","c":1.5}')

    def test_the_files_mode_stays(self) -> None:
        path = self.folder / "data" / "store.json"
        path.chmod(0o640)
        self.ask("PUT", "/file/c", 1)
        self.assertEqual(path.stat().st_mode & 0o777, 0o640)

    def test_what_another_program_writes_is_picked_up(self) -> None:
        self.tree()
        self.write("data/store.json", '{"other": 1}')
        self.assertEqual(self.tree(), {"other": 1})
        self.ask("PUT", "/file/ours", 2)
        self.assertEqual(self.tree(), {"other": 1, "ours": 2})

    def test_a_file_that_is_not_json_is_an_error_and_stays(self) -> None:
        self.write("data/store.json", '{"half": ')
        for method, body in (("GET", None), ("PUT", 1), ("DELETE", None)):
            response = self.ask(method, "/file/a", body)
            self.assertEqual(response.status, 503, method)
        self.assertEqual((self.folder / "data" / "store.json").read_text(), '{"half": ')
        self.write("data/store.json", '{"whole": 1}')
        self.assertEqual(self.tree(), {"whole": 1})

    def test_a_link_stays_one(self) -> None:
        target = self.write("elsewhere.json", "{}")
        path = self.folder / "data" / "store.json"
        path.unlink()
        path.symlink_to(target)
        self.app = self.make_app(self.config)
        self.ask("PUT", "/file/a", 1)
        self.assertTrue(path.is_symlink())
        self.assertEqual(json.loads(target.read_text()), {"a": 1})


class ConditionTests(JSONCase):
    def test_a_good_copy_is_304(self) -> None:
        etag = self.get("/memory/a").headers["etag"]
        self.assertEqual(self.ask("GET", "/memory/a", If_None_Match=etag).status, 304)
        self.ask("PUT", "/memory/n", 1)
        self.assertEqual(self.ask("GET", "/memory/a", If_None_Match=etag).status, 304)
        self.ask("PUT", "/memory/a/b/0", 5)
        self.assertEqual(self.ask("GET", "/memory/a", If_None_Match=etag).json(), {"b": [5, 2]})

    def test_a_change_of_something_else_than_was_seen_is_412(self) -> None:
        etag = self.get("/memory/a").headers["etag"]
        self.assertEqual(self.ask("PUT", "/memory/a", 1, If_Match='"other"').status, 412)
        self.assertEqual(self.ask("PUT", "/memory/a", 1, If_Match=etag).status, 200)
        for method, body in (("PUT", 2), ("PATCH", {}), ("POST", 1), ("DELETE", None)):
            self.assertEqual(self.ask(method, "/memory/a", body, If_Match=etag).status, 412, method)
        self.assertEqual(self.tree("/memory/a"), 1)

    def test_what_is_there_is_not_replaced_where_it_must_be_new(self) -> None:
        self.assertEqual(self.ask("PUT", "/memory/new", 1, If_None_Match="*").status, 200)
        self.assertEqual(self.ask("PUT", "/memory/new", 2, If_None_Match="*").status, 412)
        self.assertEqual(self.ask("PUT", "/memory/none", 2, If_Match="*").status, 412)
        self.assertEqual(self.tree("/memory/new"), 1)


class RefusalTests(JSONCase):
    def test_bodies_that_are_not_json_change_nothing(self) -> None:
        self.ask("PUT", "/file/a", {"x": 1})
        deep = b"[" * 100_000
        for body in (b"{", b"nan", b"NaN", b"[1,]", b'{"a": Infinity}', b"\xff", deep, b'"\\ud800"', b"{'a': 1}"):
            for method in ("PUT", "POST", "PATCH"):
                response = self.ask(method, "/file/a", body)
                self.assertEqual(response.status, 400, (method, body[:20]))
                self.assertIn("the request body cannot be stored: ", response.json()["error"])
        self.assertEqual(self.tree(), {"a": {"x": 1}})

    def test_depth_is_bounded_by_path_and_body_together(self) -> None:
        nested: Any = 1
        for _ in range(DEEPEST - 1):
            nested = [nested]
        self.assertEqual(self.ask("PUT", "/file/a", nested).status, 200)
        self.assertEqual(self.ask("PUT", "/file/a/b", [nested]).status, 400)
        self.assertEqual(self.ask("PUT", "/file/" + "/".join("b" * DEEPEST), 1).status, 200)
        self.assertEqual(self.ask("PUT", "/file/" + "/".join("b" * (DEEPEST + 1)), 1).status, 400)
        self.assertEqual(self.get("/file/").status, 200)

    def test_a_large_body_is_taken(self) -> None:
        rows = [{"n": number, "text": "x" * 50} for number in range(5000)]
        self.assertEqual(self.ask("PUT", "/file/rows", rows).json(), rows)
        self.assertEqual(self.tree("/file/rows/4999"), rows[-1])

    def test_mistakes_in_the_configuration(self) -> None:
        self.write("folder/x", "")
        app = self.make_app(
            "url:\n"
            "  a: {pattern: /a, handler: JSONHandler, kwargs: {path: folder}}\n"
            "  b: {pattern: /b, handler: JSONHandler, kwargs: {data: .nan}}\n"
        )
        messages = [str(error).partition(": ")[2] for error in app.gramex.errors]
        self.assertEqual(messages[0], "url.a.kwargs.path: folder is a folder, not a file")


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("abc"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab01/\\", max_size=2), inner, max_size=4),
    max_leaves=20,
)
KEYS = st.lists(st.text("ab01", min_size=1, max_size=2), max_size=4)


class PlaceTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=300)
    @given(TREES, KEYS, TREES)
    def test_what_is_put_is_there_and_the_old_tree_stays(self, tree: Any, keys: list[str], value: Any) -> None:
        before = json.dumps(tree)
        try:
            new = put(tree, keys, value)
        except HTTPError as error:
            self.assertEqual(error.status_code, 400)
        else:
            self.assertEqual(get(new, keys), value)
        self.assertEqual(json.dumps(tree), before)

    @settings(deadline=None, max_examples=300)
    @given(TREES, KEYS)
    def test_what_is_removed_is_gone_and_the_rest_stays(self, tree: Any, keys: list[str]) -> None:
        before = json.dumps(tree)
        if keys and get(tree, keys) is not MISSING:
            parent, smaller = get(tree, keys[:-1]), get(remove(tree, keys), keys[:-1])
            self.assertEqual(len(smaller), len(parent) - 1)
            if isinstance(parent, dict):
                self.assertEqual({**smaller, keys[-1]: parent[keys[-1]]}, parent)
        self.assertEqual(json.dumps(tree), before)

    @settings(deadline=None, max_examples=300)
    @given(TREES)
    def test_text_and_back(self, tree: Any) -> None:
        self.assertEqual(loaded(dumped(tree)), tree)

    def test_paths(self) -> None:
        for path, keys in [("", []), ("a", ["a"]), ("a/b", ["a", "b"]), ("a\\/b/c", ["a/b", "c"]), ("a/", ["a", ""])]:
            self.assertEqual(keys_of(path), keys)

    def test_depth(self) -> None:
        for tree, levels in [(1, 0), ([], 1), ({}, 1), ([[]], 2), ({"a": [1, {"b": 2}]}, 3)]:
            self.assertEqual(depth(tree), levels, tree)
