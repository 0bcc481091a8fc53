"""Pipelines: lists of steps, their variables, modes and errors."""

import asyncio

from gramex_twisted.functions import Function, compile_function
from tests.functions.modulecase import ModuleCase


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
