"""compile_function: expressions, named functions with args: and kwargs:, pipelines, and every error text."""

import asyncio
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
from gramex_twisted.functions.parsing import ADVICE
from tests.functions.modulecase import ModuleCase

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
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


class Pipelines(ModuleCase):
    def test_the_last_step_is_the_result_and_named_steps_are_variables(self) -> None:
        steps = [{"name": "x", "function": "handler + 1"}, {"name": "y", "function": "x * 2"}, "str([handler, x, y])"]
        function = self.compile(steps)
        self.assertEqual(function(1), "[1, 2, 4]")
        self.assertEqual([step.name for step in function.steps], ["x", "y", ""])
        self.assertEqual(function.source, "handler + 1 | x * 2 | str([handler, x, y])")

    def test_a_dict_may_hold_the_steps(self) -> None:
        self.assertEqual(self.compile({"function": ["1", "2"]})(None), 2)

    def test_steps_have_args_and_name_functions(self) -> None:
        self.write("utils.py", "def double(x): return 2 * x\n")
        steps = [
            {"name": "x", "function": "utils.double", "args": "=handler"},
            {"function": "utils.double", "args": ["=x"]},
        ]
        self.assertEqual(self.compile(steps)(3), 12)

    def test_a_name_used_again_has_the_later_value(self) -> None:
        steps = [
            {"name": "handler", "function": "handler + 1"},
            {"name": "handler", "function": "handler * 10"},
            "handler",
        ]
        self.assertEqual(self.compile(steps)(1), 20)

    def test_defaults_fill_in(self) -> None:
        function = compile_function(["a", {"name": "c", "function": "a + b"}, "c"], {"a": 1, "b": 2}, "")
        self.assertEqual([function(), function(5)], [3, 7])

    def test_methods_of_a_result_made_in_a_thread_run_in_a_thread(self) -> None:
        function = self.compile([{"name": "data", "function": "json.loads(handler)"}, "data.get('x')", "data"])
        self.assertEqual([step.function.mode for step in function.steps], ["thread", "thread", "reactor"])
        self.assertEqual(function('{"x": 1}'), {"x": 1})

    def test_steps_can_be_run_one_by_one_where_their_mode_says(self) -> None:
        self.write("utils.py", "async def later(x): return x + 1\ndef now(x): return x * 2\n")
        function = self.compile(
            [{"name": "x", "function": "utils.later(handler)"}, {"name": "y", "function": "utils.now(x)"}, "x + y"]
        )
        self.assertEqual(function.mode, "async")
        ran: list[str] = []

        async def run(step: Function, *values: object) -> object:
            ran.append(step.mode)
            result = step(*values)
            return await result if step.mode == "async" else result

        self.assertEqual(asyncio.run(function.run_steps(run, 1)), 6)
        self.assertEqual(ran, ["async", "thread", "reactor"])
        self.assertEqual(asyncio.run(function(1)), 6)

    def test_errors_name_the_step(self) -> None:
        for steps, message in (
            ([], "a pipeline needs at least one step"),
            (["1", "2 +"], 'step 2: "2 +" is not a Python expression: invalid syntax'),
            (["1", 2], "step 2: a function is text such as module.function(handler), not 2"),
            ([["1"]], "step 1: a function is text such as module.function(handler), not a list"),
            ([{"name": "x"}], 'step 1: "function" is missing'),
            ([{"function": "1", "arg": 1}], 'step 1: unknown key "arg"; did you mean "args"?'),
            ([{"function": "1", "zzz": 1}], 'step 1: unknown key "zzz"; known: name, function, args, kwargs'),
            ([{"name": "a b", "function": "1"}], "step 1: name: must be a Python name, not 'a b'"),
            ([{"name": 3, "function": "1"}], "step 1: name: must be a Python name, not 3"),
            ([{"name": "x", "function": "1"}, "y"],
             'step 2: "y" is not a variable here (handler, x), a builtin or a module that can be imported'),
            ({"function": ["1"], "args": 1}, "args: and kwargs: belong to the steps of a pipeline, not beside it"),
        ):  # fmt: skip
            self.assertEqual(self.message(steps), message)


class Errors(ModuleCase):
    def test_text_that_is_no_expression(self) -> None:
        for spec, message in (
            ("str(", "\"str(\" is not a Python expression: '(' was never closed"),
            ("x = 1", '"x = 1" is a statement: write an expression such as module.function(handler)'),
            ("import os", '"import os" is a statement: write an expression such as module.function(handler)'),
            ("x = 1\ny = 2", '"x = 1 y = 2" is a statement: write an expression such as module.function(handler)'),
            (" \n", "the function is empty: write an expression such as module.function(handler)"),
            ("await handler", "\"await handler\" is not a Python expression: 'await' outside async function"),
            ("handler.1", '"handler.1" is not a Python expression: invalid syntax'),
            ("-" * 20000 + "1", '"' + "-" * 57 + '..." is not a Python expression: too deeply nested'),
        ):
            self.assertEqual(self.message(spec), message)

    def test_specs_that_are_not_text(self) -> None:
        for spec, message in (
            (1, "a function is text such as module.function(handler), not 1"),
            (None, "a function is text such as module.function(handler), not empty"),
            ({"function": {"x": 1}}, "a function is text such as module.function(handler), not a mapping"),
            ({"fn": "x", "args": []}, '"function" is missing: there is only fn, args'),
            ({}, '"function" is missing: there is only an empty mapping'),
            ({"function": "str", "kwargs": [1]}, "kwargs: must be a mapping of names to values, not a list"),
            ({"function": "str", "kwargs": {1: 2}}, "kwargs: the name 1 must be text"),
            ({"function": "str", "args": "="}, "the function is empty: " + ADVICE),
            ({"function": "str(1)", "args": 1}, '"str(1)" is not the name of a function: args: and kwargs: need one'),
            ({"function": "math.pi", "args": 1}, '"math.pi" cannot be called: it is 3.141592653589793'),
        ):  # fmt: skip
            self.assertEqual(self.message(spec), message)

    def test_names_that_are_nothing(self) -> None:
        self.write("utils.py", "def home(handler): pass\nclass Page:\n    def show(self): pass\n")
        self.write("pkg/__init__.py", "")
        self.write("pkg/views.py", "")
        for spec, message in (
            ("utlis.home", 'no module named "utlis"; did you mean "utils"?'),
            ("utils.hom(handler)", 'module utils has no function "hom"; did you mean "home"?'),
            ("utils.hom", 'module utils has no function "hom"; did you mean "home"?'),
            ("pkg.veiws.x", 'module pkg has no function "veiws"; did you mean "views"?'),
            ("pkg.views.x", 'module pkg.views has no function "x"'),
            ("utils.Page.shwo", 'utils.Page has no attribute "shwo"; did you mean "show"?'),
            ("hander", '"hander" is not a variable here (handler), a builtin or a module that can be imported; '
                       'did you mean "handler"?'),
        ):  # fmt: skip
            self.assertEqual(self.message(spec), message)
        self.assertEqual(
            self.message("qqq", ()),
            '"qqq" is not a variable here (none), a builtin or a module that can be imported',
        )

    def test_a_module_that_fails_says_where(self) -> None:
        syntax = self.write("syntax.py", "x = 1\ndef f(:\n")
        crash = self.write("crash.py", "\n\n1 / 0\n")
        missing = self.write("missing.py", "import nowhere_to_be_found\n")
        self.write("indirect.py", "import crash\n")
        leaves = self.write("leaves.py", "import sys\nsys.exit()\n")
        inside = self.write("far/__init__.py", "import json\njson.loads('[')\n")
        self.write("soft.py", "def __getattr__(name): raise ImportError('later')\n")
        for spec, message in (
            ("syntax.f", f'cannot import "syntax": SyntaxError: invalid syntax ({syntax}:2)'),
            ("crash.f", f'cannot import "crash": ZeroDivisionError: division by zero ({crash}:3)'),
            ("indirect.f", f'cannot import "indirect": ZeroDivisionError: division by zero ({crash}:3)'),
            ("missing.f", 'cannot import "missing": ModuleNotFoundError: '
                          f"No module named 'nowhere_to_be_found' ({missing}:1)"),
            ("leaves.f", f'cannot import "leaves": SystemExit ({leaves}:2)'),
            ("far.f", f'cannot import "far": JSONDecodeError: Expecting value: line 1 column 2 (char 1) ({inside}:2)'),
            ("soft.f", f'cannot import "soft.f": ImportError: later ({self.folder / "soft.py"}:1)'),
        ):  # fmt: skip
            self.assertEqual(self.message(spec), message)

    def test_a_function_that_needs_more_than_there_is(self) -> None:
        self.write("utils.py", "def f(handler, x, *, y): pass\n")
        self.assertEqual(self.message("utils.f"), "utils.f needs x, y; the variables here are: handler")
        self.assertEqual(self.compile("utils.f(handler, 1, y=2)")(None), None)

    def test_an_extra_whose_package_is_missing(self) -> None:
        def load() -> object:
            import nowhere_to_be_found  # type: ignore[import-not-found]

            return nowhere_to_be_found

        with self.assertRaises(ConfigError) as caught:
            compile_function("pd.DataFrame(handler)", ["handler"], "g:1", extras={"pd": load})
        self.assertEqual(
            str(caught.exception),
            "g:1: \"pd\" needs a package that is not installed: No module named 'nowhere_to_be_found'",
        )


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
