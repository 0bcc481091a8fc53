"""What a route's functions get, in which order they are called, and what their errors do."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from tests.resources.websocket.support import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Got,
    SocketTestCase,
    closed,
    closing,
    frame,
    text,
)

FUNCTIONS = """
from gramex_twisted.errors import HTTPError
from twisted.internet.defer import Deferred

events, waiting = [], []

def open(handler):
    events.append("open")

def on_message(handler, message):
    events.append(message)

def on_close(handler):
    events.append(("close", handler.close_code, handler.close_reason))

async def slow(handler, message):
    events.append(f"begin {message}")
    gate = Deferred()
    waiting.append(gate)
    await gate
    events.append(f"end {message}")

async def slow_open(handler):
    gate = Deferred()
    waiting.append(gate)
    await gate
    events.append("open")

def fail(handler, message=None):
    events.append("fail")
    raise KeyError("oops")

async def fail_later(handler, message):
    raise KeyError("oops")

def refuse(handler, message=None):
    raise HTTPError(403, "not you")

def send(handler, message):
    handler.write_message("text")
    handler.write_message("κόσμε".encode())
    handler.write_message(b"\\xff", binary=True)
    handler.write_message({"a": [1, None]})
    handler.write_message([1, 2])
    handler.write_message("")
    for wrong in (b"\\xff", 3, None):
        try:
            handler.write_message(wrong)
        except (ValueError, TypeError) as error:
            handler.write_message(str(error))

async def send_async(handler, message):
    result = handler.write_message(message * 2)
    assert isinstance(result, Deferred)
    await result
    await handler.write_message("after")

def closer(handler, message):
    handler.close(int(message), "enough")
    events.append(handler.close_code)
    try:
        handler.write_message("late")
    except ConnectionError as error:
        events.append(type(error).__name__)

def pinger(handler, message):
    handler.ping(message)

def on_pong(handler, data):
    events.append(data)

def about(handler, message):
    handler.write_message([handler.name, handler.path_args, handler.args, handler.request.remote_ip,
                           handler.request.headers["X-Mine"], handler.kwargs.on_message])

def counts(handler, message):
    handler.session["count"] = handler.session.get("count", 0) + 1
    handler.write_message(f"{handler.session['count']} {bool(handler.session['id'])}")


def count(handler, message):
    handler.session["count"] = handler.session.get("count", 0) + 1

def start(handler):
    handler.session["count"] = 0
"""
CONFIG = """
app: {session: {type: memory}}
handlers: {WebSocketHandler: {on_close: functions.on_close}}
url:
  plain: {pattern: /ws, handler: WebSocketHandler, kwargs: {open: functions.open, on_message: functions.on_message}}
  slow: {pattern: /slow, handler: WebSocketHandler, kwargs: {on_message: functions.slow}}
  opening:
    pattern: /opening
    handler: WebSocketHandler
    kwargs: {open: functions.slow_open, on_message: functions.on_message}
  fail: {pattern: /fail, handler: WebSocketHandler, kwargs: {on_message: functions.fail}}
  later: {pattern: /later, handler: WebSocketHandler, kwargs: {on_message: functions.fail_later}}
  unopened: {pattern: /unopened, handler: WebSocketHandler, kwargs: {open: functions.fail}}
  refused: {pattern: /refused, handler: WebSocketHandler, kwargs: {open: functions.refuse}}
  send: {pattern: /send, handler: WebSocketHandler, kwargs: {on_message: functions.send}}
  async: {pattern: /async, handler: WebSocketHandler, kwargs: {on_message: functions.send_async}}
  closer: {pattern: /closer, handler: WebSocketHandler, kwargs: {on_message: functions.closer}}
  pinger:
    pattern: /pinger
    handler: WebSocketHandler
    kwargs: {on_message: functions.pinger, on_pong: functions.on_pong}
  about: {pattern: /about/(.*), handler: WebSocketHandler, kwargs: {on_message: functions.about}}
  count: {pattern: /count, handler: WebSocketHandler, kwargs: {on_message: functions.count}}
  counts: {pattern: /counts, handler: WebSocketHandler, kwargs: {on_message: functions.counts}}
  start: {pattern: /start, handler: FunctionHandler, kwargs: {function: functions.start}}
  counted: {pattern: /counted, handler: FunctionHandler, kwargs: {function: 'handler.session.get("count")'}}
  broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: 'handler.write_message("x")'}}
"""


class FunctionCase(SocketTestCase):
    config = CONFIG
    files: ClassVar = {"functions.py": FUNCTIONS}

    def setUp(self) -> None:
        super().setUp()
        import functions  # type: ignore[import-not-found]

        self.events: list[Any] = functions.events
        self.waiting: list[Deferred[None]] = functions.waiting

    def go_on(self) -> None:
        """Let the oldest function that waits go on."""
        self.waiting.pop(0).callback(None)
        self.app.agent.clock.advance(0)


class OrderTests(FunctionCase):
    def test_open_comes_first_then_messages_then_close(self) -> None:
        wire = self.open()
        wire.send(text("a") + text("b") + frame(BINARY, b"\xff"), closing(1001, b"bye"))
        wire.end()
        self.assertEqual(self.events, ["open", "a", "b", b"\xff", ("close", 1001, "bye")])

    def test_a_message_waits_for_the_one_before_it(self) -> None:
        wire = self.open("/slow")
        wire.send(text("a"), text("b"))
        self.assertEqual(self.events, ["begin a"])
        self.go_on()
        self.assertEqual(self.events, ["begin a", "end a", "begin b"])
        self.go_on()
        self.assertEqual(self.events[2:], ["begin b", "end b"])

    def test_messages_wait_for_open(self) -> None:
        wire = self.open("/opening")
        wire.send(text("a"))
        self.assertEqual(self.events, [])
        self.go_on()
        self.assertEqual(self.events, ["open", "a"])

    def test_two_connections_do_not_wait_for_each_other(self) -> None:
        one, two = self.open("/slow"), self.open("/slow")
        one.send(text("a"))
        two.send(text("b"))
        self.assertEqual(self.events, ["begin a", "begin b"])
        self.go_on()
        self.go_on()

    def test_close_comes_after_what_was_sent_before_it(self) -> None:
        wire = self.open("/slow")
        wire.send(text("a"), text("b"), closing())
        wire.end()
        self.assertEqual(self.events, ["begin a"])
        self.go_on()
        self.go_on()
        self.assertEqual(self.events[1:], ["end a", "begin b", "end b", ("close", 1000, "")])

    def test_a_lost_connection_is_1006_and_one_without_a_code_1005(self) -> None:
        self.open().end()
        silent = self.open()
        silent.send(closing(None))
        silent.end()
        self.assertEqual(self.events[1::2], [("close", 1006, "the connection was lost"), ("close", 1005, "")])

    def test_a_mistake_of_the_client_is_its_code(self) -> None:
        wire = self.open()
        wire.send(frame(TEXT, b"\xff"))
        wire.end()
        [code] = [event[1] for event in self.events if event[0] == "close"]
        self.assertEqual(code, 1007)


class ErrorTests(FunctionCase):
    def test_an_error_closes_with_1011_and_is_logged(self) -> None:
        for path in ("/fail", "/later"):
            wire = self.open(path)
            wire.send(text("a") + text("b"))
            self.assertEqual(wire.got(), [closed(1011, "an error in the server")])
            wire.send(closing(1011))
            wire.end()
        self.assertEqual(self.events[0:2], ["fail", ("close", 1011, "an error in the server")])
        self.assertEqual(self.events[2:], [("close", 1011, "an error in the server")])

    def test_one_in_open_does_too(self) -> None:
        wire = self.open("/unopened")
        self.assertEqual(wire.got(), [closed(1011, "an error in the server")])
        wire.end()
        self.assertEqual(self.events, ["fail", ("close", 1011, "an error in the server")])

    def test_an_http_error_that_is_the_clients_is_1008_with_its_message(self) -> None:
        self.assertEqual(self.open("/refused").got(), [closed(1008, "not you")])

    def test_messages_are_for_web_sockets(self) -> None:
        self.assertEqual(self.get("/broken").status, 500)


class WriteTests(FunctionCase):
    def test_text_bytes_and_json_are_sent_as_what_they_are(self) -> None:
        wire = self.open("/send")
        wire.send(text("x"))
        got = wire.got()
        self.assertEqual(
            got[:6],
            [
                Got(TEXT, b"text"),
                Got(TEXT, "κόσμε".encode()),
                Got(BINARY, b"\xff"),
                Got(TEXT, b'{"a":[1,null]}'),
                Got(TEXT, b"[1,2]"),
                Got(TEXT, b""),
            ],
        )
        self.assertIn("send it with binary=True", got[6].payload.decode())
        self.assertEqual(got[7].payload, b"a message is text, bytes, a dict or a list, not int")
        self.assertEqual(got[8].payload, b"a message is text, bytes, a dict or a list, not NoneType")

    def test_on_the_reactor_it_can_be_awaited(self) -> None:
        wire = self.open("/async")
        wire.send(text("ab"))
        self.assertEqual(wire.texts(), ["abab", "after"])

    def test_it_is_refused_after_close(self) -> None:
        wire = self.open("/closer")
        wire.send(text("4000"))
        self.assertEqual(wire.got(), [closed(4000, "enough")])
        wire.send(closing(4000))
        self.assertTrue(wire.closed)
        wire.end()
        self.assertEqual(self.events, [None, "WebSocketClosedError", ("close", 4000, "enough")])

    def test_a_code_that_is_never_sent_is_an_error(self) -> None:
        wire = self.open("/closer")
        wire.send(text("1006"))
        self.assertEqual([got.opcode for got in wire.got()], [CLOSE])
        wire.end()
        self.assertEqual(self.events[-1][1], 1011)

    def test_pings_of_user_code_and_their_pongs(self) -> None:
        wire = self.open("/pinger")
        wire.send(text("hi"))
        self.assertEqual(wire.got(), [Got(PING, b"hi")])
        wire.send(frame(PONG, b"hi"))
        self.assertEqual(self.events, [b"hi"])


class ContextTests(FunctionCase):
    def test_the_request_stays_there(self) -> None:
        wire = self.open("/about/a%20b?x=1&x=2", X_Mine="mine")
        wire.send(text("x"))
        self.assertEqual(wire.texts(), ['["about",["a b"],{"x":["1","2"]},"127.0.0.1","mine","functions.about"]'])

    def test_what_changes_in_the_session_is_saved_after_each_message(self) -> None:
        cookie = self.get("/start").headers["set-cookie"].partition(";")[0]
        wire = self.open("/count", Cookie=cookie)
        for wanted in ("1", "2"):
            wire.send(text("x"))
            self.assertEqual(self.get("/counted", headers={"Cookie": [cookie]}).text, wanted)

    def test_a_visitor_without_a_session_has_one_for_the_connection(self) -> None:
        wire = self.open("/counts")
        wire.send(text("x"))
        wire.send(text("x"))
        self.assertEqual(wire.texts(), ["1 True", "2 True"])
        other = self.open("/counts")
        other.send(text("x"))
        self.assertEqual(other.texts(), ["1 True"])

    def test_two_apps_do_not_meet(self) -> None:
        first = self.open("/async")
        other = self.make_app(CONFIG)
        self.app, kept = other, self.app
        second = self.open("/async")
        first.app = kept
        first.send(text("1"))
        second.send(text("2"))
        self.assertEqual((first.texts(), second.texts()), (["11", "after"], ["22", "after"]))
