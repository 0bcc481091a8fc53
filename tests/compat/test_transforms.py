"""`gramex.transforms`, and the names that every expression has."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.compat import transforms
from gramex_twisted.compat.transforms import (
    build_pipeline,
    build_transform,
    condition,
    flattener,
    handler_expr,
    time_key,
)
from gramex_twisted.testing import AppTestCase
from tests.functions.modulecase import ModuleCase


class BuildTests(SynchronousTestCase):
    def test_variables_have_defaults_and_names(self) -> None:
        add = build_transform({"function": "x + y"}, vars={"x": 1, "y": 2}, iter=False)
        self.assertEqual([add(), add(3), add(x=3), add(3, y=4)], [3, 5, 5, 7])
        self.assertEqual(build_transform({"function": "_val + 1"}, iter=False)(3), 4)
        self.assertRaises(TypeError, add, 1, 2, 3)
        self.assertRaises(TypeError, add, 1, x=2)
        self.assertRaisesRegex(TypeError, "takes no argument z", add, z=1)

    def test_a_function_that_is_only_named_gets_them(self) -> None:
        upper = build_transform({"function": "str.upper"}, vars={"content": ""}, iter=False)
        self.assertEqual(upper("a"), "A")
        dumps = build_transform({"function": "json.dumps", "args": [[1]], "kwargs": {"indent": 2}}, vars={}, iter=False)
        self.assertEqual(dumps(), json.dumps([1], indent=2))
        made = {
            text: build_transform({"function": "str", "args": [text]}, vars={"x": 1}, iter=False)()
            for text in ("x", "=x", "==x")
        }
        self.assertEqual(made, {"x": "x", "=x": "1", "==x": "=x"})

    def test_what_is_returned_can_be_iterated(self) -> None:
        self.assertEqual(build_transform({"function": "4"})(), [4])
        self.assertEqual(build_transform({"function": "[4, 5]"})(), [[4, 5]])
        generator = build_transform({"function": "(x for x in range(2))"}, vars={})()
        self.assertEqual(list(generator), [0, 1])

    def test_other_keyword_arguments(self) -> None:
        rest = build_transform({"function": "kwargs"}, vars={}, kwargs=True, iter=False)
        self.assertEqual([rest(), rest(x=1)], [{}, {"x": 1}])
        named = build_transform({"function": "[a, kw]"}, vars={"a": 1}, kwargs="kw", iter=False)
        self.assertEqual(named(2, b=3), [2, {"b": 3}])

    def test_pipelines(self) -> None:
        steps: list[Any] = [{"name": "x", "function": "1 + n"}, {"function": "x * 2"}]
        self.assertEqual(build_pipeline(steps, vars={"n": 0}, iter=False)(n=2), 6)
        self.assertEqual(build_transform({"function": steps}, vars={"n": 1}, iter=False)(), 4)
        self.assertRaisesRegex(ValueError, "must be a list of steps", build_pipeline, [])

    def test_what_is_no_function_says_where(self) -> None:
        self.assertRaisesRegex(ValueError, 'place: needs "function:"', build_transform, {}, filename="place")
        self.assertRaisesRegex(
            ValueError, "place: .*no module named", build_transform, {"function": "no.such"}, filename="place"
        )


class SmallTests(SynchronousTestCase):
    def test_condition(self) -> None:
        found = [condition(True, 1, 2), condition(False, 1, 2), condition(False, 1), condition({False: 1, True: 2})]
        self.assertEqual(found, [1, 2, None, 2])
        self.assertEqual(condition("$PATH.startswith('no')", 1, "$PATH != ''", 2), 2)
        self.assertEqual({w["category"] for w in self.flushWarnings()}, {DeprecationWarning})

    def test_flattener(self) -> None:
        flat = flattener(
            {"id": "id", "name": "user.name", "first": "tags.0", "all": "", "zero": 0, "none": "x.y"}, default=-1
        )
        obj = {"id": 1, "user": {"name": "n"}, "tags": ["t"]}
        self.assertEqual(flat(obj), {"id": 1, "name": "n", "first": "t", "all": obj, "zero": -1, "none": -1})
        self.assertEqual(flattener({"a": True, "b": 1})([5, 6]).b, 6)
        with self.assertLogs("gramex", "ERROR"):
            self.assertEqual(flattener({"a": None})({}), {})

    def test_time_key(self) -> None:
        key = time_key("%Y", freq="D")
        self.assertRegex(key["function"](), r"^\d{4}$")
        self.assertTrue(0 <= key["expiry"]() <= 86400)
        self.assertTrue(0 < time_key("%m", offset="MonthEnd")["expiry"]() <= 31 * 86400)
        self.assertEqual(set(time_key("%m")), {"function"})

    def test_log_names(self) -> None:
        self.assertEqual(eval(handler_expr("user.id"), {"handler": type("H", (), {"current_user": {"id": 3}})}), 3)
        self.assertRaisesRegex(ValueError, "Unknown expression nothing; there is name", handler_expr, "nothing")
        asked: list[Any] = []
        handler = type("H", (), {"get_argument": lambda self, *args: asked.extend(args)})()
        eval(handler_expr("args.x', 1/0, '"), {"handler": handler})
        self.assertEqual(asked, ["x', 1/0, '", ""])  # text stays text

    def test_pandas_and_numpy_are_there(self) -> None:
        self.assertEqual((transforms.pd.__name__, transforms.np.__name__), ("pandas", "numpy"))


class RequestTests(AppTestCase):
    config = """
    url:
      log: {pattern: /log, handler: FunctionHandler, kwargs: {function: work.log}}
      once: {pattern: /once, handler: FunctionHandler, kwargs: {function: work.once(handler)}}
      pd: {pattern: /pd, handler: FunctionHandler, kwargs: {function: 'pd.DataFrame({"a": np.arange(2)})'}}
      cond: {pattern: /cond, handler: FunctionHandler, kwargs: {function: 'condition(handler.args, "yes", "no")'}}
      mine: {pattern: /mine, handler: FunctionHandler, kwargs: {function: template.mine(handler)}}
      single: {pattern: /single, handler: FunctionHandler, kwargs: {function: ensure_single_session(handler)}}
      page:
        pattern: /(.*)
        handler: FileHandler
        kwargs: {path: $YAMLPATH, transform: {'*.txt': {function: 'template(content, handler=handler, extra=1)'}}}
    """
    files = {
        "work.py": """
from gramex import transforms
from gramex.transforms import build_log_info, once as gramex_once
info = build_log_info(["name", "method", "args.x", "headers.X-Y", "cookies.c", "port", "user", "event", "bad"], "event")
def log(handler):
    return info(handler, event="e")
def once(handler):
    first = [gramex_once("a", 1), gramex_once("a", 1), gramex_once("a", 2)]
    return [*first, gramex_once("a", 1, _clear=True), gramex_once("a", 1)]
""",
        "template.py": "def mine(handler): return 'mine'\n",
        "a.txt": "{{ extra }} {{ handler.name }} {% include 'b.txt' %}",
        "b.txt": "included",
    }

    def test_log_info(self) -> None:
        response = self.get("/log?x=1", headers={"X-Y": ["z"], "Cookie": ["c=d"]})
        expected = {"name": "log", "method": "GET", "args.x": "1", "headers.X-Y": "z", "cookies.c": "d", "port": 9988}
        self.assertEqual(response.json(), {**expected, "user": "", "event": "e"})

    def test_once_is_kept_where_gramex_keeps_it(self) -> None:
        self.assertEqual(self.get("/once").json(), [True, False, True, None, True])
        with closing(sqlite3.connect(Path(self.folder, "data", "once.db"))) as connection:
            self.assertEqual(
                connection.execute("SELECT key FROM once ORDER BY key").fetchall(), [('["a",1]',), ('["a",2]',)]
            )

    def test_names_that_need_no_module(self) -> None:
        self.assertEqual(self.get("/pd").json(), [{"a": 0}, {"a": 1}])
        self.assertEqual(self.get("/cond").text, "no")
        self.assertEqual(self.get("/a.txt").text, "1 page included")
        self.assertEqual((self.get("/single").status, self.get("/single").body), (200, b""))

    def test_a_module_of_the_app_wins_where_it_is_meant(self) -> None:
        self.assertEqual(self.get("/mine").text, "mine")


class InjectedTests(ModuleCase):
    def test_what_is_not_installed_is_named(self) -> None:
        self.patch(__import__("sys"), "modules", {**__import__("sys").modules, "pandas": None})
        self.assertIn('"pd" needs a package that is not installed', self.message("pd.DataFrame()"))

    def test_compiled_names_run_where_they_must(self) -> None:
        self.assertEqual(self.compile("template('x', handler)").mode, "async")
        self.assertEqual(self.compile("pd.DataFrame()").mode, "thread")
