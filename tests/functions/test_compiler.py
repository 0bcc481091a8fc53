"""compile_function: expressions, named functions with args: and kwargs:, pipelines, and every error text."""

import datetime
import json
import traceback
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function, compile_function
from tests.functions.modulecase import ModuleCase

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


class Expressions(ModuleCase):
    def test_any_expression_of_the_variables(self) -> None:
        self.assertEqual(self.compile("handler + 1")(2), 3)
        self.assertEqual(self.compile("handler * content", ["content", "handler"])(2, 3), 6)
        self.assertEqual(self.compile("[x * 2 for x in handler if x]")([0, 1, 2]), [2, 4])
        self.assertEqual(self.compile("(y := handler) + y")(4), 8)

    def test_text_over_several_lines(self) -> None:
        self.assertEqual(self.compile("\n  handler\n  + 1  # one more\n  + 2\n")(3), 6)
        self.assertEqual(self.compile("str(\n  handler\n)\n")(3), "3")

    def test_modules_are_imported_for_their_names(self) -> None:
        self.assertEqual(self.compile("json.dumps(handler)")([1]), "[1]")
        self.assertEqual(self.compile('os.path.join(handler, "x")')("a"), "a/x")
        self.assertEqual(self.compile("xml.etree.ElementTree.fromstring(handler).tag")("<a/>"), "a")

    def test_user_packages_import_as_far_as_they_are_modules(self) -> None:
        self.write("app/__init__.py", "")
        self.write("app/sub/__init__.py", "top = 'top'")
        self.write("app/sub/deep.py", "class K:\n    @staticmethod\n    def f(x): return x + 1\n")
        function = self.compile("app.sub.deep.K.f(handler)")
        self.assertEqual(function(1), 2)
        self.assertEqual(function.modules, {"app", "app.sub", "app.sub.deep"})
        self.assertEqual(self.compile("app.sub.top")(None), "top")

    def test_an_attribute_of_a_package_hides_the_submodule_of_its_name(self) -> None:
        self.write("shop/__init__.py", "from .total import total\n")
        self.write("shop/total.py", "def total(handler): return 'sum'\n")
        self.assertEqual(self.compile("shop.total")(None), "sum")

    def test_a_variable_hides_a_module_and_a_comprehension_hides_both(self) -> None:
        self.assertEqual(self.compile("json.x", ["json"])(AttrDict(x=1)), 1)
        self.assertEqual(self.compile("[json.x for json in handler]")([AttrDict(x=1)]), [1])
        self.assertEqual(self.compile("(lambda json, *a, k=1, **kw: json.x + k)(handler)")(AttrDict(x=1)), 2)
        self.assertEqual(self.compile("[os for os in os.path.split(handler)]")("a/b"), ["a", "b"])

    def test_a_module_named_like_a_builtin(self) -> None:
        self.write("input.py", "def run(handler): return 'ran'\n")
        self.assertEqual(self.compile("input.run")(None), "ran")

    def test_attrdict_and_other_extras_are_known_and_load_when_used(self) -> None:
        loaded: list[str] = []
        extras = {"np": lambda: loaded.append("np") or AttrDict(pi=3), "pd": lambda: loaded.append("pd")}
        function = compile_function("AttrDict(x=np.pi).x", [], "", extras=extras)
        self.assertEqual((function(), loaded), (3, ["np"]))

    def test_defaults_of_variables(self) -> None:
        function = compile_function("[a, b]", {"a": 1, "b": 2}, "")
        self.assertEqual([function(), function(5), function(5, 6)], [[1, 2], [5, 2], [5, 6]])

    def test_the_function_knows_its_source_and_place(self) -> None:
        function = self.compile("str(\n  handler)")
        self.assertEqual((function.source, function.where), ("str( handler)", "gramex.yaml:7:9"))
        self.assertEqual(repr(function), "<Function 'str( handler)' reactor gramex.yaml:7:9>")

    def test_a_traceback_shows_the_place(self) -> None:
        try:
            self.compile("1 / handler")(0)
        except ZeroDivisionError as error:
            frames = traceback.extract_tb(error.__traceback__)
        self.assertEqual(frames[-1].filename, "gramex.yaml:7:9")


class NamedFunctions(ModuleCase):
    def setUp(self) -> None:
        super().setUp()
        self.write("utils.py", "def echo(*args, **kwargs): return [list(args), kwargs]\nversion = '2'\n")

    def test_a_dotted_name_that_is_no_function_is_its_value(self) -> None:
        self.assertEqual(self.compile("utils.version")(None), "2")
        self.assertEqual(self.compile("handler.x")(AttrDict(x=1)), 1)

    def test_args_and_kwargs_are_literals_but_for_equal_signs(self) -> None:
        spec = {
            "function": "utils.echo",
            "args": ["x", "=handler", "==handler", "=handler.name.upper()", 1, None, ["=handler"], {"a": "=b"}],
            "kwargs": {"k": "=handler.name", "date": datetime.date(2024, 1, 2), "not an identifier": True},
            "headers": {"ignored": "here"},
        }
        handler = AttrDict(name="n")
        self.assertEqual(
            self.compile(spec)(handler),
            [
                ["x", handler, "=handler", "N", 1, None, ["=handler"], {"a": "=b"}],
                {"k": "n", "date": datetime.date(2024, 1, 2), "not an identifier": True},
            ],
        )

    def test_one_argument_needs_no_list_and_an_empty_list_passes_none(self) -> None:
        self.assertEqual(self.compile({"function": "utils.echo", "args": "=handler"})(1), [[1], {}])
        self.assertEqual(self.compile({"function": "utils.echo", "args": []})(1), [[], {}])
        self.assertEqual(self.compile({"function": "utils.echo", "kwargs": None})(1), [[1], {}])

    def test_an_expression_takes_no_arguments(self) -> None:
        with self.assertLogs("gramex_twisted", "WARNING") as logs:
            function = self.compile({"function": "str(x)", "args": [2], "kwargs": {"indent": 4}}, ["x"])
        self.assertEqual(function(1), "1")
        self.assertEqual(
            [record.getMessage().partition(": ")[2] for record in logs.records],
            ['"str(x)" is not the name of a function: args: and kwargs: are not used'],
        )

    def test_kwargs_alone_keep_the_variables(self) -> None:
        self.write("named.py", "def f(content, handler, size=0): return [content, handler, size]\n")
        function = self.compile(
            {"function": "named.f", "kwargs": {"size": 3, "handler": "own"}}, ["content", "handler"]
        )
        self.assertEqual(function("c", "h"), ["c", "own", 3])

    def test_a_list_passed_is_a_new_one_each_time(self) -> None:
        self.write("greedy.py", "def eat(items): return items.pop()\n")
        function = self.compile({"function": "greedy.eat", "args": [[1, 2]]})
        self.assertEqual([function(None), function(None)], [2, 2])

    def test_a_method_of_a_variable_is_called_when_it_is_given_arguments(self) -> None:
        function = self.compile({"function": "handler.split", "args": [","]})
        self.assertEqual(function("a,b"), ["a", "b"])

    @settings(deadline=None, max_examples=50)
    @given(Json)
    def test_every_literal_round_trips(self, value: Any) -> None:
        spec = {"function": "utils.echo", "args": [value], "kwargs": {"k": value}}
        expected = value[1:] if isinstance(value, str) and value.startswith("==") else value
        if isinstance(value, str) and value.startswith("=") and not value.startswith("=="):
            return
        self.assertEqual(self.compile(spec)(None), [[expected], {"k": expected}])

    @settings(deadline=None, max_examples=50)
    @given(st.text())
    def test_a_doubled_equal_sign_is_text_and_a_single_one_the_variable(self, text: str) -> None:
        self.assertEqual(self.compile({"function": "utils.echo", "args": "==" + text})(1), [["=" + text], {}])
        self.assertEqual(self.compile({"function": "utils.echo", "args": ["=handler"]})(text), [[text], {}])


class AnyText(TestCase):
    @settings(deadline=None, max_examples=200)
    @given(st.text() | st.text(alphabet="()[]{}:=.,+-*'\"\\\n xyλ0handlerif", max_size=40))
    @example("a\x00b")
    @example("\ud800")
    @example("(" * 500)
    @example("lambda:" * 3000)
    @example("0" + "+0" * 20000)
    @example("9" * 5000)
    @example("handler\x0c")
    def test_raises_nothing_but_config_errors(self, text: str) -> None:
        for spec in (text, [text], {"function": "str", "args": ["=" + text]}):
            try:
                self.assertIsInstance(compile_function(spec, ["handler"], "w"), Function)
            except ConfigError as error:
                self.assertNotIn("\n", error.message)
                self.assertLess(len(error.message), 400)

    @settings(deadline=None, max_examples=50)
    @given(Json)
    def test_any_yaml_value_is_compiled_or_refused(self, spec: Any) -> None:
        for value in (spec, {"function": spec}, {"function": "str", "args": spec}, {"function": "str", "kwargs": spec}):
            try:
                compile_function(value, ["handler"], "w")
            except ConfigError as error:
                self.assertEqual(error.where, "w")

    @settings(deadline=None, max_examples=50)
    @given(Json)
    def test_a_json_text_means_itself(self, value: Any) -> None:
        names = {"true": True, "false": False, "null": None}
        function = compile_function(json.dumps(value, ensure_ascii=False), list(names), "w")
        self.assertEqual(function(*names.values()), value)
