"""Server-sent events."""

from __future__ import annotations

import signal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.events import Event, encoded
from tests.browser import Browser
from tests.processes import ProcessTestCase
from tests.test_chat import UNTIL
from tests.wire import Wire

MODULE = """
from twisted.internet.defer import Deferred

gates, ended = [], []


def few(handler):
    yield "one"
    yield {"two": 2}
    yield handler.event("three\\nlines", event="more", id=3, retry=500)


async def waits(handler):
    try:
        yield "first " + str(handler.last_event_id)
        while True:
            gates.append(gate := Deferred())
            yield await gate
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
    finally:
        ended.append("finally")


def sends(handler):
    for number in range(3):
        handler.send_event(number, id=number)


async def sends_async(handler):
    await handler.send_event("a", event="x")
    await handler.send_event(["b"])


def typed(handler):
    handler.set_header("Content-Type", "text/event-stream")
    yield 1


def bad(handler):
    yield handler.event("x", event="a\\nb")
"""


class TextTests(SynchronousTestCase):
    def test_text(self) -> None:
        for value, text in [
            ("a", "data: a\n\n"),
            ("", "data: \n\n"),
            ("a\r\nb\rc\nd", "data: a\ndata: b\ndata: c\ndata: d\n\n"),
            ({"x": [1, None]}, 'data: {"x":[1,null]}\n\n'),
            (b"raw", "data: raw\n\n"),
            (5, "data: 5\n\n"),
            (None, ":\n\n"),
            (Event("a", "tick", 7, 100), "event: tick\nid: 7\nretry: 100\ndata: a\n\n"),
        ]:
            self.assertEqual(encoded(value).decode(), text)

    def test_what_would_be_another_field_is_refused(self) -> None:
        for options in ({"event": "a\nb"}, {"id": "a\rb"}, {"id": "\0"}, {"retry": -1}, {"retry": "5"}):
            with self.assertRaises(ValueError):
                Event("x", **options)

    @settings(deadline=None, max_examples=200)
    @given(st.text())
    def test_any_text_is_data_and_nothing_else(self, text: str) -> None:
        lines = encoded(text).decode().removesuffix("\n\n").split("\n")
        self.assertTrue(all(line.startswith("data: ") for line in lines))
        self.assertEqual(
            [line.removeprefix("data: ") for line in lines], text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        )


class StreamTests(AppTestCase):
    files = {"sse.py": MODULE}
    config = """
    handlers: {FunctionHandler: {headers: {Content-Type: text/event-stream}}}
    url:
      few: {pattern: /few, handler: FunctionHandler, kwargs: {function: sse.few}}
      waits: {pattern: /waits, handler: FunctionHandler, kwargs: {function: sse.waits}}
      bad: {pattern: /bad, handler: FunctionHandler, kwargs: {function: sse.bad}}
      typed: {pattern: /typed, handler: FunctionHandler, kwargs: {function: sse.typed, headers: {Content-Type: null}}}
      sends: {pattern: /sends, handler: FunctionHandler, kwargs: {function: sse.sends, headers: {Content-Type: null}}}
      async: {pattern: /async, handler: FunctionHandler, kwargs: {function: sse.sends_async}}
    """

    def wire(self, path: str, *headers: str) -> Wire:
        wire = Wire(self.app)
        self.addCleanup(lambda: None if wire.channel not in self.app.site.channels else wire.leave())
        wire.send("\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *headers, "", ""]))
        return wire

    def module(self) -> Any:
        import sse  # type: ignore[import-not-found]

        return sse

    def test_what_a_generator_yields(self) -> None:
        response = self.get("/few", headers={"Accept-Encoding": "gzip"})
        self.assertEqual(
            response.text,
            'data: one\n\ndata: {"two":2}\n\nevent: more\nid: 3\nretry: 500\ndata: three\ndata: lines\n\n',
        )
        for name, value in (
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache"),
            ("x-accel-buffering", "no"),
        ):
            self.assertEqual(response.headers[name], value)
        self.assertEqual(response.headers.get("content-encoding", ""), "")

    def test_a_function_may_send_them_and_set_the_type(self) -> None:
        self.assertEqual(self.get("/sends").text, "id: 0\ndata: 0\n\nid: 1\ndata: 1\n\nid: 2\ndata: 2\n\n")
        self.assertEqual(self.get("/sends").headers["content-type"], "text/event-stream; charset=UTF-8")
        self.assertEqual(self.get("/async").text, 'event: x\ndata: a\n\ndata: ["b"]\n\n')
        self.assertEqual(self.get("/typed").text, "data: 1\n\n")

    def test_an_event_that_is_wrong_cuts_the_stream_off(self) -> None:
        wire = self.wire("/bad")
        self.assertFalse(wire.received.endswith(b"0\r\n\r\n"))
        self.assertTrue(wire.transport.aborted)
        self.flushLoggedErrors()

    def test_the_head_and_heartbeats_come_while_nothing_is_yielded(self) -> None:
        wire = self.wire("/waits", "Last-Event-ID: 41")
        self.assertTrue(wire.received.endswith(b"\r\ndata: first 41\n\n\r\n"), wire.received)
        before = len(wire.received)
        wire.wait(16)
        self.assertEqual(wire.received[before:], b"3\r\n:\n\n\r\n")
        self.module().gates[-1].callback("more")
        self.assertTrue(wire.received.endswith(b"\r\ndata: more\n\n\r\n"))

    def test_a_client_that_leaves_ends_the_generator_at_once(self) -> None:
        wire = self.wire("/waits")
        wire.leave()
        self.assertEqual(self.module().ended, ["CancelledError", "finally"])
        self.assertEqual(self.app.gramex.in_flight, 0)

    def test_draining_ends_the_stream_well(self) -> None:
        wire = self.wire("/waits")
        self.app.gramex.drain()
        self.assertTrue(wire.received.endswith(b"\r\n0\r\n\r\n"), wire.received)
        self.assertEqual(self.module().ended, ["CancelledError", "finally"])
        self.assertEqual(self.app.gramex.in_flight, 0)


YAML = """
url:
  page:
    pattern: /
    handler: FunctionHandler
    kwargs: {function: 'str("<p id=said></p><script src=script.js></script>")'}
  script: {pattern: /script.js, handler: FileHandler, kwargs: {path: script.js}}
  ticks:
    pattern: /ticks
    handler: FunctionHandler
    kwargs: {function: ticks.ticks, headers: {Content-Type: text/event-stream}}
"""
TICKS = """
import asyncio

async def ticks(handler):
    yield handler.event("begin " + str(handler.last_event_id), id="one", retry=50)
    while True:
        await asyncio.sleep(600)
        yield "later"
"""
SCRIPT = """
const said = document.getElementById("said")
new EventSource("/ticks").onmessage = (event) => { said.textContent += event.data + ";" }
"""


class BrowserTests(ProcessTestCase):
    timeout = 120

    async def test_a_browser_comes_back_after_a_reload_and_a_stop_is_quick(self) -> None:
        self.write({"gramex.yaml": YAML, "ticks.py": TICKS, "script.js": SCRIPT})
        server = await self.serve()
        page = await Browser.start(self).page(800)
        await page.open(f"http://127.0.0.1:{server.port}/")
        said = "document.getElementById('said').textContent === '{}'"
        await page.evaluate(UNTIL.format(expression=said.format("begin None;")))
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        await page.evaluate(UNTIL.format(expression=said.format("begin None;begin one;")))
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        self.assertNotIn("gave up", server.output)
