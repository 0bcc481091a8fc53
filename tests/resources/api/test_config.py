"""Mistakes in the configuration of an API, each with its place; functions, and how they are called."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

MODULE = """
from enum import Enum

from gramex_twisted.resources.api import BaseAPIHandler


class Colour(Enum):
    RED = "r"


def needs(a, b=2, *, c=3):
    return [a, b, c]


def anything(**args):
    return args


def positional(a, /):
    return a


def typed(symbol: str, n: int = 2, colour: Colour = Colour.RED, handler=None):
    return [symbol, n, colour.name, handler.method]


def odd(x: range):
    return x


async def asynchronous(q: str = ""):
    return q


class Bad(BaseAPIHandler):
    kwargs = {"GET": {"x": {"type": int, "min": 20, "max": 10}}}

    async def on_GET(self, context):
        return None
"""


class MistakeTests(AppTestCase):
    files = {"apis.py": MODULE}

    def mistakes(self, kwargs: str, handler: str = "APIHandler", rest: str = "") -> list[str]:
        """What is wrong, without the path of the file."""
        config = f"url:\n  api:\n    pattern: /api\n    handler: {handler}\n    kwargs:\n{kwargs}\n{rest}"
        app = self.make_app(config)
        return [str(error).rpartition("gramex.yaml:")[2] for error in app.gramex.errors]

    def option(self, text: str) -> list[str]:
        return self.mistakes(f"      function: apis.anything\n      options:\n        GET:\n          size: {text}")

    def test_options_that_make_no_sense_are_told_with_their_line(self) -> None:
        place = "9:11: url.api.kwargs.options.GET.size: "
        for text, message in {
            "{type: int, min: 20, max: 10}": "option 'size': max 10 is below min 20",
            "{type: itn}": "option 'size': type: 'itn' is no type, use str, int, float, bool, list, tuple, set, dict; "
            "did you mean 'int'?",
            "{requird: true}": "option 'size': unknown requird; use type, default, required, location, alias, path, "
            "enum, min, max, date_format, items, strict, jsoninput, translations, group, description",
            "{location: body, locaton: x}": None,
            "{location: cookie}": "option 'size': location: 'cookie' is no place of arguments, use path, query, form, "
            "json, yaml, body",
            "{type: int, default: 5, max: 3}": "option 'size': its default is not allowed (keyword: size, max: 3, "
            "num: 5)",
            "{enum: abc}": "option 'size': enum: must be a list of what is allowed",
            "{translations: {'(': x}}": "option 'size': translations: '(' is no regular expression: missing ), "
            "unterminated subpattern at position 0",
            "{location: path}": "option 'size': location: path needs the group's number or name in path:",
            "{items: int}": "option 'size': items: is for a list, tuple or set",
            "7": "option 'size' must be a mapping such as {type: int}",
        }.items():
            found = self.option(text)
            if message is None:
                self.assertEqual(len(found), 1, text)
            else:
                self.assertEqual(found, [place + message], text)

    def test_several_mistakes_are_told_at_once(self) -> None:
        kwargs = """
      function: apis.anything
      options:
        GET: {a: {type: x}, b: {min: no}}
        FETCH: {}
        POST: [a]"""
        found = self.mistakes(kwargs)
        self.assertEqual([each.split(": ")[1] for each in found], [
            "url.api.kwargs.options.GET.a", "url.api.kwargs.options.GET.b", "url.api.kwargs.options.FETCH",
            "url.api.kwargs.options.POST"])  # fmt: skip
        self.assertIn("'FETCH' is no HTTP method, use GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS or '*'", found[2])

    def test_functions(self) -> None:
        for function, options, message in (
            ("apis.needs", "{'*': {b: {}}}", "apis.needs needs a, which is no option; the options are: b, format"),
            ("apis.positional", "{'*': {a: {}}}", "apis.positional: a takes no keyword; leave out the /"),
            ("apis.odd", None, "x: no option is a range; use str, int, float, bool, list or dict, or write options:"),
            ("apis.nothing", None, 'module apis has no function "nothing"'),
            ("apis.needs(z)", "{'*': {a: {}}}", '"z" is not a variable here (handler, args, a, format)'),
        ):
            kwargs = f"      function: {function}\n" + (f"      options: {options}\n" if options else "")
            found = self.mistakes(kwargs)
            self.assertEqual(len(found), 1, function)
            self.assertIn(f"6:7: url.api.kwargs.function: {message}", found[0])

    def test_the_rest(self) -> None:
        self.assertEqual(
            self.mistakes("      function: apis.anything\n      format: xml"),
            ["7:7: url.api.kwargs.format: unknown format 'xml'; use json, yaml, html, msgpack, jsonl"],
        )
        self.assertEqual(
            self.mistakes("      {}", "apis.Bad"),
            ["4:5: apis.Bad.kwargs.GET.x: option 'x': max 10 is below min 20"],
        )
        settings = "api:\n  API_KWARGS:\n    GET:\n      q: {type: in}\n"
        found = self.mistakes("      function: apis.anything", rest=settings)
        self.assertIn("10:7: api.API_KWARGS.GET.q: option 'q': type: 'in' is no type", found[0])
        group = self.assertRaises(
            ExceptionGroup, self.mistakes, "      function: apis.anything", rest="api: {chache: 1}"
        )
        self.assertIn("unknown key 'chache'; use cache, max_items, or <NAME>_KWARGS", str(group.exceptions[0]))


class CallTests(AppTestCase):
    files = {"apis.py": MODULE}
    config = """
    url:
      needs:
        pattern: /needs
        handler: APIHandler
        kwargs: {function: apis.needs, options: {GET: {a: {}, b: {}, c: {}}}}
      typed: {pattern: '/typed/(\\w+)', handler: APIHandler, kwargs: {function: apis.typed}}
      put: {pattern: /put, handler: APIHandler, kwargs: {function: apis.asynchronous, methods: PUT}}
      expression:
        pattern: /expression
        handler: APIHandler
        kwargs: {function: '[q, args.get("z"), handler.method]', options: {'*': {q: {}}}}
      steps:
        pattern: /steps
        handler: APIHandler
        kwargs:
          options: {'*': {q: {type: int, default: 1}}}
          function:
            - {name: twice, function: q * 2}
            - function: '{"twice": twice}'
      given:
        pattern: /given
        handler: APIHandler
        kwargs: {function: apis.needs, kwargs: {a: =q, c: yes}, options: {GET: {q: {}}}}
    """

    def test_a_function_gets_what_was_sent_and_its_own_defaults(self) -> None:
        self.assertEqual(self.get("/needs?a=1&c=x").json(), ["1", 2, "x"])
        self.assertEqual(self.get("/needs").json(), [None, 2, 3])
        self.assertEqual(self.post("/needs").status, 405)

    def test_a_typed_function_needs_no_options(self) -> None:
        self.assertEqual(self.get("/typed/Au?n=3&colour=r").json(), ["Au", 3, "RED", "GET"])
        self.assertEqual(self.post("/typed/Au", json={"n": 4}).json(), ["Au", 4, "RED", "POST"])
        response = self.get("/typed/Au?colour=x")
        self.assertEqual(response.json()["allowed"], ["r"])
        self.assertEqual(self.request("PUT", "/put?q=1").json(), "1")
        self.assertEqual(self.get("/put").status, 405)

    def test_expressions_and_pipelines(self) -> None:
        self.assertEqual(self.get("/expression?q=1&z=2").json(), ["1", None, "GET"])
        self.assertEqual(self.get("/steps?q=4").json(), {"twice": 8})
        self.assertEqual(self.get("/given?q=4").json(), ["4", 2, True])
