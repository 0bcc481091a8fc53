"""A request that is over is freed at once, and not when garbage is collected."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.run import drive, let_go
from tests.wire import Wire

#: Seconds that a thread may take to end.
DEADLINE = 60

MODULE = """
import weakref

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from gramex_twisted.web.context import IContext

seen = []


def plain(handler):
    seen.append([weakref.ref(handler), weakref.ref(handler.native)])
    return handler.get_argument("x", "y") + str(handler.session.get("a"))


async def later(handler):
    return plain(handler)


def parts(handler):
    yield plain(handler)


class Native(Resource):
    isLeaf = True

    def render_GET(self, request):
        request.write(IContext(request).name.encode())
        request.finish()
        seen.append(IContext(request).get_argument("x"))
        return NOT_DONE_YET
"""


class GarbageTests(AppTestCase):
    files = {
        "requests_.py": MODULE,
        "page.html": "{% import requests_ %}{% apply str %}{{ requests_.plain(handler) }}{% end %}",
    }
    config = """
    app: {session: {type: memory}}
    url:
      plain: {pattern: /plain, handler: FunctionHandler, kwargs: {function: requests_.plain}}
      later: {pattern: /later, handler: FunctionHandler, kwargs: {function: requests_.later}}
      parts: {pattern: /parts, handler: FunctionHandler, kwargs: {function: requests_.parts}}
      form: {pattern: /form, handler: FunctionHandler, kwargs: {function: requests_.plain, xsrf_cookies: false}}
      page: {pattern: /page, handler: FileHandler, kwargs: {path: page.html, template: true}}
      native: {pattern: /native, handler: requests_.Native}
    """

    def left(self, head: str) -> tuple[str, list[Any]]:
        """The answer's status line, and what is left of the request after it."""
        wire = Wire(self.app)
        gc.collect()
        gc.disable()
        try:
            wire.send(f"{head}\r\nHost: a\r\n\r\n")
            for thread in threading.enumerate():
                if thread.name.endswith("(_inline_worker)"):
                    thread.join(DEADLINE)  # it has answered, but may not have ended
            [refs] = sys.modules["requests_"].seen
            return wire.status, [ref() for ref in refs if ref() is not None]
        finally:
            gc.enable()
            sys.modules["requests_"].seen.clear()

    def test_nothing_is_left_of_a_request_that_is_over(self) -> None:
        for path in ("plain?x=1", "later", "parts", "page"):
            self.assertEqual(self.left(f"GET /{path} HTTP/1.1"), ("HTTP/1.1 200 OK", []), path)
        self.assertEqual(self.left("POST /form HTTP/1.1\r\nContent-Length: 0"), ("HTTP/1.1 200 OK", []))

    def test_a_native_resource_finds_its_context_also_when_it_has_finished(self) -> None:
        wire = Wire(self.app)
        answer = wire.send("GET /native?x=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(answer.partition(b"\r\n")[0], b"HTTP/1.1 200 OK")
        self.assertIn(b"native", answer)
        self.assertEqual(sys.modules["requests_"].seen, ["1"])


class Held:
    """What a request holds."""


def slow(seconds: float) -> None:
    raise AssertionError(f"held for {seconds} s")


class ErrorTests(SynchronousTestCase):
    def setUp(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)

    def test_what_an_awaited_error_has_passed_is_freed(self) -> None:
        async def waits(held: Held, waiting: Deferred[None]) -> None:
            try:
                await waiting
            except ValueError as error:
                let_go(error)

        waiting: Deferred[None] = Deferred()
        held = Held()
        ref = weakref.ref(held)
        drive(waits(held, waiting), slow)
        del held
        waiting.errback(ValueError("broken"))
        del waiting
        self.assertIsNone(ref())

    def test_who_still_waits_with_the_same_error_goes_on(self) -> None:
        async def waits(name: str, failing: Deferred[None], then: Deferred[None]) -> None:
            try:
                await failing
            except ValueError as caught:
                await then
                let_go(caught)
            ended.append(name)

        ended: list[str] = []
        error = ValueError("broken")
        failing: list[Deferred[None]] = [Deferred(), Deferred()]
        then: list[Deferred[None]] = [Deferred(), Deferred()]
        for number, name in enumerate(("first", "second")):
            drive(waits(name, failing[number], then[number]), slow)
            failing[number].errback(error)
        then[1].callback(None)
        then[0].callback(None)
        self.assertEqual(ended, ["second", "first"])
