"""The handler decorator: where arguments come from, what a wrong one answers, and where it runs."""

from __future__ import annotations

import asyncio
import enum
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Annotated, Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.functions import compile_function
from gramex_twisted.transforms import Header, handler
from tests.functions.modulecase import ModuleCase


class Sent:
    """What the decorator reads of a request's Context."""

    def __init__(
        self,
        args: Mapping[str, list[str]] | None = None,
        path: Sequence[str] = (),
        groups: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        content = {} if body is None else {"Content-Type": "application/json; charset=utf-8"}
        self.path_args = list(path)
        self.path_kwargs = dict(groups or {})
        self.args = dict(args or {})
        raw = b"" if body is None else json.dumps(body).encode()
        self.request = SimpleNamespace(headers={**content, **(headers or {})}, body=raw)

    def parse_body_as_json(self) -> Any:
        return json.loads(self.request.body)


class Unit(enum.Enum):
    METRE = "m"
    FOOT = "ft"


@handler
def birthday(name: str, age: int) -> str:
    return f"{name} turns {age:d}"


@handler
def total(*items: float) -> float:
    return sum(items)


@handler
def everything(
    handler: Any,
    n: int,
    /,
    v: list[float],
    unit: Unit = Unit.METRE,
    kind: Literal["a", "b"] = "a",
    *rest: int,
    flag: bool = False,
    note: str | None,
    **more: str,
) -> list[Any]:
    return [handler.path_args, n, v, unit, kind, rest, flag, note, more]


class Base(TestCase):
    def refused(self, function: Any, sent: Sent, *args: Any) -> str:
        """The message of the 400 that calling `function` raises."""
        with self.assertRaises(HTTPError) as caught:
            function(sent, *args)
        self.assertEqual(caught.exception.status_code, 400)
        return str(caught.exception.log_message)


class Sources(Base):
    def test_query_and_form_by_name_the_last_value_counts(self) -> None:
        self.assertEqual(birthday(Sent({"name": ["x", "G"], "age": ["0010"]})), "G turns 10")

    def test_the_path_fills_parameters_in_order(self) -> None:
        self.assertEqual(birthday(Sent(path=["G", "10"])), "G turns 10")
        self.assertEqual(birthday(Sent({"age": ["3"]}, path=["G"])), "G turns 3")
        self.assertEqual(total(Sent(path=["1", "2.5"])), 3.5)
        self.assertEqual(total(Sent({"items": ["1", "2"]}, path=["4"])), 7)

    def test_the_path_gives_groups_by_name(self) -> None:
        self.assertEqual(birthday(Sent(groups={"age": "1", "name": "G"})), "G turns 1")

    def test_a_json_body_by_name_in_its_own_types(self) -> None:
        self.assertEqual(birthday(Sent(body={"name": "G", "age": 10})), "G turns 10")
        self.assertEqual(birthday(Sent({"age": ["3"]}, body={"name": "G", "age": None})), "G turns 3")

    def test_the_last_source_that_has_it_wins(self) -> None:
        sent = Sent({"age": ["3"]}, groups={"age": "2"}, body={"age": 4})
        self.assertEqual(birthday(sent, name="yaml", age=1), "yaml turns 4")
        sent.request.body = b""
        self.assertEqual(birthday(sent, "positional", age=1), "positional turns 3")
        sent.args = {}
        self.assertEqual(birthday(sent, "positional", age=1), "positional turns 2")

    def test_another_content_type_is_not_read_as_json(self) -> None:
        sent = Sent({"name": ["G"], "age": ["1"]}, headers={"Content-Type": "text/plain"})
        sent.request.body = b"{"
        self.assertEqual(birthday(sent), "G turns 1")

    def test_a_function_of_the_handler_alone_leaves_the_body_to_itself(self) -> None:
        @handler
        def raw(handler: Any) -> int:
            return len(handler.request.body)

        self.assertEqual(raw(Sent(body=[1, 2])), 6)

    def test_every_kind_of_parameter_at_once(self) -> None:
        sent = Sent(
            {"v": ["1", "2.5"], "flag": ["yes"], "unit": ["ft"], "x": ["y", "z"]}, path=["7"], body={"note": "hm"}
        )
        self.assertEqual(everything(sent), [["7"], 7, [1.0, 2.5], Unit.FOOT, "a", (), True, "hm", {"x": "z"}])
        sent = Sent({"v": ["1"], "rest": ["5", "6"]}, path=["7"])
        self.assertEqual(everything(sent), [["7"], 7, [1.0], Unit.METRE, "a", (5, 6), False, None, {}])
        sent = Sent(path=["7", "1", "m", "b", "8", "9"])
        self.assertEqual(everything(sent), [sent.path_args, 7, [1.0], Unit.METRE, "b", (8, 9), False, None, {}])

    def test_without_a_type_a_list_default_asks_for_all_values(self) -> None:
        @handler
        def f(a: Any, b=("x",), c=[]) -> Any:  # type: ignore[no-untyped-def]  # noqa: B006
            return [a, b, c]

        self.assertEqual(f(Sent({"a": ["1", "2"], "b": ["3", "4"]})), ["2", ("3", "4"), []])
        self.assertEqual(f(Sent(body={"a": [1, {"x": 2}]})), [[1, {"x": 2}], ("x",), []])

    def test_defaults_are_not_converted(self) -> None:
        @handler
        def f(n: int = None) -> Any:  # type: ignore[assignment]  # noqa: RUF013
            return n

        self.assertIsNone(f(Sent()))

    def test_a_type_defined_further_down_is_found_at_the_first_call(self) -> None:
        @handler
        def f(later: Later) -> Any:
            return later

        self.assertEqual(f(Sent({"later": ["3"]})), 3)

    @settings(deadline=None, max_examples=100)
    @given(st.text(), st.integers(), st.lists(st.floats(allow_nan=False)))
    def test_values_survive_each_way_in(self, text: str, number: int, floats: list[float]) -> None:
        @handler
        def f(text: str, number: int, floats: list[float] = []) -> Any:  # noqa: B006
            return [text, number, floats]

        expected = [text, number, floats]
        self.assertEqual(f(Sent({"text": [text], "number": [str(number)], "floats": list(map(str, floats))})), expected)
        self.assertEqual(f(Sent(body={"text": text, "number": number, "floats": floats})), expected)
        self.assertEqual(f(Sent(path=[text, str(number)]), floats=floats), expected)


class Headers(Base):
    def test_a_header_by_the_parameters_name(self) -> None:
        @handler
        def f(user_agent: Header, accept: Header = "none") -> Any:  # type: ignore[assignment]
            return [user_agent, accept]

        self.assertEqual(f(Sent(headers={"user-agent": "curl"})), ["curl", "none"])
        self.assertEqual(f(Sent({"accept": ["argument"]})), [None, "none"])

    def test_a_header_with_a_name_and_type(self) -> None:
        @handler
        def f(key: Annotated[int, Header("X-Key")], other: Annotated[int | None, Header] = None) -> Any:
            return [key, other]

        self.assertEqual(f(Sent(headers={"X-Key": "5", "other": "6"})), [5, 6])
        self.assertEqual(self.refused(f, Sent({"key": ["1"]})), 'header "X-Key" is missing: expected int')
        self.assertEqual(self.refused(f, Sent(headers={"X-Key": "a"})), 'header "X-Key": expected int, got "a"')


class Refusals(Base):
    def test_each_names_the_argument_and_what_was_expected(self) -> None:
        for sent, message in (
            (Sent({"name": ["G"]}), 'argument "age" is missing: expected int'),
            (Sent({"age": ["1"]}), 'argument "name" is missing: expected str'),
            (Sent({"name": ["G"], "age": ["old"]}), 'argument "age": expected int, got "old"'),
            (Sent({"name": ["G"], "age": [""]}), 'argument "age": expected int, got ""'),
            (Sent({"name": ["G"], "age": ["x" * 99]}), f'argument "age": expected int, got "{"x" * 56}...'),
            (Sent(path=["G", "%s"]), 'argument "age": expected int, got "%s"'),
            (Sent(body={"name": "G", "age": [1]}), 'argument "age": expected int, got [1]'),
            (Sent(body={"name": {}, "age": 1}), 'argument "name": expected str, got {}'),
            (Sent(body={"name": "G", "age": True}), 'argument "age": expected int, got true'),
            (Sent(body=[1]), 'the JSON body must be an object such as {"x": 1}, not [1]'),
        ):
            self.assertEqual(self.refused(birthday, sent), message)

    def test_lists_choices_and_the_rest(self) -> None:
        for args, message in (
            ({"v": ["1", "x"]}, 'argument "v": expected list of float, got ["1", "x"]'),
            ({"v": ["1"], "unit": ["yard"]}, 'argument "unit": expected one of m, ft, got "yard"'),
            ({"v": ["1"], "kind": ["c"]}, 'argument "kind": expected one of a, b, got "c"'),
            ({"v": ["1"], "flag": ["perhaps"]}, 'argument "flag": expected bool (true or false), got "perhaps"'),
            ({"v": ["1"], "rest": ["1", "z"]}, 'argument "rest": expected int, got "z"'),
        ):
            self.assertEqual(self.refused(everything, Sent(args, path=["1"])), message)

    def test_the_argument_is_among_the_details(self) -> None:
        with self.assertRaises(HTTPError) as caught:
            birthday(Sent({"name": ["G"]}))
        self.assertEqual(caught.exception.details, {"argument": "age"})


class Modes(ModuleCase):
    def test_async_functions_stay_async(self) -> None:
        @handler
        async def double(n: int) -> int:
            return 2 * n

        self.assertEqual(asyncio.run(double(Sent({"n": ["4"]}))), 8)

    def test_generators_convert_before_the_first_value(self) -> None:
        @handler
        def count(n: int) -> Iterator[int]:
            yield from range(n)

        @handler
        async def count_later(n: int) -> AsyncIterator[int]:
            for number in range(n):
                yield number

        self.assertEqual(list(count(Sent({"n": ["2"]}))), [0, 1])
        self.assertRaises(HTTPError, count, Sent())
        self.assertRaises(HTTPError, count_later, Sent())

    def test_named_in_a_configuration_they_get_the_handler(self) -> None:
        self.write(
            "endpoints.py",
            "from gramex_twisted.transforms import handler\n"
            "from twisted.internet.defer import inlineCallbacks\n"
            "@handler\ndef plain(n: int): return n + 1\n"
            "@handler\nasync def native(n: int): return n\n"
            "@handler\nasync def stream(n: int): yield n\n"
            "@handler\n@inlineCallbacks\ndef deferred(n: int): yield n\n",
        )
        modes = {name: self.compile(f"endpoints.{name}").mode for name in ("plain", "native", "stream", "deferred")}
        self.assertEqual(modes, {"plain": "thread", "native": "async", "stream": "async", "deferred": "async"})
        self.assertEqual(self.compile("endpoints.plain")(Sent({"n": ["1"]})), 2)
        self.assertEqual(self.compile("endpoints.plain(handler, n=5)")(Sent()), 6)
        function = compile_function("endpoints.plain", ["n", "handler"], "")
        self.assertEqual(function(7, Sent()), 8)

    def test_the_decorated_function_keeps_its_name_and_text(self) -> None:
        self.assertEqual((birthday.__name__, birthday.__wrapped__("G", 1)), ("birthday", "G turns 1"))


Later = int
