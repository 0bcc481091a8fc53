"""User code finds its own app, however many there are in the process."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from gramex_twisted.current import APP
from gramex_twisted.testing import AppTestCase

CONFIG = """
name: {name}
url:
  coroutine: {{pattern: /coroutine, handler: FunctionHandler, kwargs: {{function: whose.coroutine}}}}
  thread: {{pattern: /thread, handler: FunctionHandler, kwargs: {{function: whose.thread}}}}
  generator: {{pattern: /generator, handler: FunctionHandler, kwargs: {{function: whose.generator}}}}
"""
WHOSE = """
import contextvars
from twisted.internet.defer import Deferred
from gramex_twisted.current import APP

mark = contextvars.ContextVar("mark", default="none")
built_by = APP.get().conf["name"]
waiting = []


def name():
    return APP.get().conf["name"]


async def coroutine(handler):
    before = mark.get()
    mark.set(name())
    gate = Deferred()
    waiting.append(gate)
    await gate
    return f"{before} {mark.get()} {name()}"


def thread(handler):
    return f"{built_by} {name()}"


def generator(handler):
    yield name()
    yield name()
"""


class CurrentTests(AppTestCase):
    config = CONFIG.format(name="a")
    files = {"whose.py": WHOSE}

    def test_interleaved_requests_of_two_apps_each_find_their_own(self) -> None:
        import whose  # type: ignore[import-not-found]

        first, second = self.app, self.make_app(CONFIG.format(name="b"))
        answers = [app.start("GET", "/coroutine") for app in (first, second, first)]
        for app in (first, second):
            app.pump()
        gates: list[Deferred[None]] = whose.waiting
        self.assertEqual(len(gates), 3)
        for gate in reversed(gates):
            gate.callback(None)
        for app in (first, second):
            app.pump()
        # each request has contextvars of its own too
        self.assertEqual(
            [self.successResultOf(answer).text for answer in answers], ["none a a", "none b b", "none a a"]
        )
        for app, expected in ((first, "a a"), (second, "a b")):
            self.app = app
            self.assertEqual(self.get("/thread").text, expected)
        self.assertEqual(self.get("/generator").text, "bb")
        self.assertIsNone(APP.get(None))
