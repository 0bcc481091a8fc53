"""Which variables a function that is only named is called with."""

import functools
import time
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.functions.calls import Passed, choose_arguments
from tests.functions.modulecase import ModuleCase


def forward(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


def with_handler_only(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(handler: Any) -> Any:
        return function()

    return wrapper


class NamedVariables(ModuleCase):
    """`CASES` map a parameter list to what the function gets of content="c", handler="h"."""

    CASES = {
        "handler": {"handler": "h"},
        "content": {"content": "c"},
        "handler, content": {"handler": "h", "content": "c"},
        "content, handler": {"handler": "h", "content": "c"},
        "*, handler": {"handler": "h"},
        "handler, /": {"handler": "h"},
        "x=1, handler=None": {"x": 1, "handler": "h"},
        "text, handler": {"text": "c", "handler": "h"},
        "handler, text": {"text": "c", "handler": "h"},
        "handler, **rest": {"handler": "h", "rest": {"content": "c"}},
        "handler, *rest": {"handler": "h", "rest": ()},
        "": {},
        "x": {"x": "c"},
        "x, y": {"x": "c", "y": "h"},
        "x, y, z=3": {"x": "c", "y": "h", "z": 3},
        "x=1": {"x": "c"},
        "*all": {"all": ("c", "h")},
        "**all": {"all": {"content": "c", "handler": "h"}},
        "x, **rest": {"x": "c", "rest": {"handler": "h"}},
        "*all, **rest": {"all": ("c", "h"), "rest": {}},
        "*, x=1": {"x": 1},
    }

    def test_each_parameter_list_gets_what_it_names_or_all_in_order(self) -> None:
        source = "".join(f"def f{n}({params}): return dict(locals())\n" for n, params in enumerate(self.CASES))
        self.write("cases.py", source)
        for number, (parameters, expected) in enumerate(self.CASES.items()):
            got = self.compile(f"cases.f{number}", ["content", "handler"])("c", "h")
            self.assertEqual((parameters, got), (parameters, expected))

    def test_methods_and_classes_get_theirs(self) -> None:
        self.write(
            "things.py",
            "class Thing:\n"
            "    def __init__(self, handler): self.got = handler\n"
            "    def show(self, handler): return [self.got, handler]\n"
            "    @classmethod\n    def of(cls, handler): return handler\n"
            "thing = Thing('own')\n",
        )
        self.assertEqual(self.compile("things.Thing")("h").got, "h")
        self.assertEqual(self.compile("things.thing.show")("h"), ["own", "h"])
        self.assertEqual(self.compile("things.Thing.of")("h"), "h")


class Choices(TestCase):
    def test_a_transparent_wrapper_counts_as_what_it_wraps(self) -> None:
        self.assertEqual(choose_arguments(forward(lambda handler: 1), ["content", "handler"]), Passed(("handler",)))

    def test_a_wrapper_with_its_own_parameters_counts_as_itself(self) -> None:
        self.assertEqual(choose_arguments(with_handler_only(lambda: 1), ["handler"]), Passed(("handler",)))

    def test_a_partial_lacks_what_is_bound(self) -> None:
        partial = functools.partial(lambda x, handler: 1, 1)
        self.assertEqual(choose_arguments(partial, ["handler"]), Passed(("handler",)))

    def test_functions_written_in_c(self) -> None:
        for function, expected in (
            (str, ("content",)),
            (int, ("content",)),
            (list, ("content",)),
            (len, ("content",)),
            (round, ("content",)),
            (str.upper, ("content",)),
            (time.time, ()),
            (max, ("content", "handler")),
            (print, ("content", "handler")),
        ):
            self.assertEqual(choose_arguments(function, ["content", "handler"]), Passed(expected))

    def test_what_is_missing_is_named(self) -> None:
        def function(handler: object, a: object, b: object, c: object = 1, *, d: object) -> None: ...

        self.assertEqual(choose_arguments(function, ["handler"]).missing, ("a", "b", "d"))
        self.assertEqual(choose_arguments(function, ["handler"], ["a", "b", "d"]), Passed(("handler",)))
        self.assertEqual(choose_arguments(function, []).missing, ("handler", "a", "b", "d"))

    @settings(deadline=None, max_examples=200)
    @given(
        st.lists(st.sampled_from(["content", "handler", "key", "x", "y"]), unique=True),
        st.lists(st.sampled_from(["", "/", "*", "*rest"]), unique=True, max_size=1),
        st.integers(0, 5),
        st.booleans(),
        st.booleans(),
    )
    def test_the_call_succeeds_unless_something_is_missing(
        self, names: list[str], marker: list[str], cut: int, defaults: bool, keywords: bool
    ) -> None:
        if marker == ["/"]:
            defaults = False  # a parameter before it that is left out would leave it out too
        parameters = [f"{name}=0" if defaults else name for name in names]
        cut = min(cut, len(parameters))
        if (marker == ["/"] and cut) or (marker == ["*"] and cut < len(parameters)) or marker == ["*rest"]:
            parameters.insert(cut, marker[0])
        if keywords:
            parameters.append("**kw")
        function = eval(f"lambda {', '.join(parameters)}: locals()")
        values = {"content": "c", "handler": "h"}
        passed = choose_arguments(function, list(values))
        if not passed.missing:
            got = function(*(values[name] for name in passed.positional), **{k: values[k] for k in passed.keywords})
            for name in {"content", "handler"}.intersection(names):
                self.assertEqual(got[name], values[name])
