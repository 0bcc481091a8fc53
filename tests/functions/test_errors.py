"""Every way to write `function:` wrong, with its error text."""

from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import compile_function
from gramex_twisted.functions.parsing import ADVICE
from tests.functions.modulecase import ModuleCase


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
