"""Iterators whose items are gathered into one answer: bounded, and closed where they go on."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

MODULE = """
from gramex_twisted.resources.api import BaseAPIHandler

closed = []


async def endless():
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        closed.append("async")


def threaded():
    number = 0
    try:
        while True:
            yield number
            number += 1
    finally:
        closed.append("plain")


async def some(n: int):
    for number in range(n):
        yield number


class Class(BaseAPIHandler):
    max_items = 4
    kwargs = {"GET": {"n": {"type": int, "default": 0}}}

    async def on_GET(self, context):
        for number in range(context.args.n):
            yield number
"""
CONFIG = """
api: {max_items: 3}
url:
  endless: {pattern: /endless, handler: APIHandler, kwargs: {function: many.endless}}
  threaded: {pattern: /threaded, handler: APIHandler, kwargs: {function: many.threaded}}
  app: {pattern: /app, handler: APIHandler, kwargs: {function: many.some}}
  route: {pattern: /route, handler: APIHandler, kwargs: {function: many.some, max_items: 5}}
  class: {pattern: /class, handler: many.Class}
  both: {pattern: /both, handler: many.Class, kwargs: {max_items: 6}}
"""


class GatheringTests(AppTestCase):
    files = {"many.py": MODULE}
    config = CONFIG

    def test_what_never_ends_is_a_413_that_says_what_to_ask_for_and_it_is_closed(self) -> None:
        import many  # type: ignore[import-not-found]

        for name in ("endless", "threaded"):
            for media in ("json", "yaml", "html", "msgpack"):
                self.assertEqual(self.get(f"/{name}?format={media}").status, 413, (name, media))
            said = self.get(f"/{name}")
            self.assertEqual(
                said.body,
                b'{"code":413,"success":false,"error":"the answer has more than 3 items; ask for format=jsonl, which '
                b'sends each when it comes","keyword":"format","max":3}',
            )
        self.assertEqual(many.closed, ["async"] * 5 + ["plain"] * 5)

    def test_the_route_comes_before_the_class_and_the_class_before_the_app(self) -> None:
        for path, most in (("/app", 3), ("/route", 5), ("/class", 4), ("/both", 6)):
            self.assertEqual(self.get(f"{path}?n={most}").json(), list(range(most)), path)
            self.assertEqual(self.get(f"{path}?n={most + 1}").json()["max"], most, path)

    def test_without_a_word_it_is_a_hundred_thousand(self) -> None:
        self.app = self.make_app(CONFIG.replace("api: {max_items: 3}", ""))
        self.assertEqual(len(self.get("/app?n=100000").json()), 100_000)
        self.assertEqual(self.get("/app?n=100001").json()["max"], 100_000)

    def test_lines_have_no_limit(self) -> None:
        self.assertEqual(self.get("/app?n=1000&format=jsonl").text.count("\n"), 1000)
