"""Slow clients, silent clients, clients that send too much: every buffer has a bound and every wait an end."""

from __future__ import annotations

from typing import Any, ClassVar

from twisted.internet.defer import Deferred

from gramex_twisted.resources.websocket.calls import FEW_WAITING, MOST_WAITING
from gramex_twisted.resources.websocket.connection import KEEP_ALIVE
from tests.resources.websocket.support import (
    PING,
    PONG,
    TEXT,
    Got,
    SocketTestCase,
    SocketWire,
    closed,
    closing,
    frame,
    text,
)

FUNCTIONS = """
from twisted.internet.defer import Deferred

events, waiting = [], []

async def wait(handler, message):
    gate = Deferred()
    waiting.append(gate)
    await gate
    events.append(message)

async def talk(handler, message):
    for number in range(int(message)):
        await handler.write_message("x" * 1000)
    events.append("done")

def shout(handler, message):
    for number in range(int(message)):
        handler.write_message("x" * 1000)

async def forever(handler):
    events.append("open")
    try:
        await Deferred()
    except BaseException as error:
        events.append(type(error).__name__)
        raise

def on_close(handler):
    events.append((handler.close_code, handler.close_reason))
"""
CONFIG = """
handlers: {WebSocketHandler: {on_close: functions.on_close, max_buffer: 10 KB}}
url:
  wait: {pattern: /wait, handler: WebSocketHandler, kwargs: {on_message: functions.wait}}
  talk: {pattern: /talk, handler: WebSocketHandler, kwargs: {on_message: functions.talk}}
  shout: {pattern: /shout, handler: WebSocketHandler, kwargs: {on_message: functions.shout, thread: false}}
  forever: {pattern: /forever, handler: WebSocketHandler, kwargs: {open: functions.forever}}
  quiet: {pattern: /quiet, handler: WebSocketHandler, kwargs: {ping_interval: 0}}
"""


class PatienceCase(SocketTestCase):
    config = CONFIG
    files: ClassVar = {"functions.py": FUNCTIONS}

    def setUp(self) -> None:
        super().setUp()
        import functions  # type: ignore[import-not-found]

        self.events: list[Any] = functions.events
        self.waiting: list[Deferred[None]] = functions.waiting

    def stop_reading(self, wire: SocketWire) -> None:
        """The client reads no more, and the kernel's buffer is full."""
        wire.transport.producer.pauseProducing()

    def read_on(self, wire: SocketWire) -> None:
        wire.transport.producer.resumeProducing()


class SlowClientTests(PatienceCase):
    def test_a_function_that_awaits_waits_for_the_client(self) -> None:
        wire = self.open("/talk")
        self.stop_reading(wire)
        wire.send(text("3"))
        self.assertEqual((len(wire.got()), self.events), (0, []))
        self.read_on(wire)
        self.assertEqual((len(wire.got()), self.events), (3, ["done"]))

    def test_messages_go_out_in_order_when_it_reads_again(self) -> None:
        wire = self.open("/shout")
        self.stop_reading(wire)
        wire.send(text("5"))
        self.assertEqual(wire.got(), [])
        self.read_on(wire)
        self.assertEqual(wire.got(), [Got(TEXT, b"x" * 1000)] * 5)
        self.assertEqual(wire.protocol.out.size, 0)

    def test_one_that_does_not_read_is_closed_with_1008_and_its_messages_forgotten(self) -> None:
        wire = self.open("/shout")
        self.stop_reading(wire)
        wire.send(text("100"))
        self.assertEqual(wire.got(), [closed(1008, "messages were not read")])
        self.assertEqual(wire.protocol.out.size, 0)
        wire.wait(6)
        self.assertTrue(wire.transport.aborted)
        wire.end()
        self.assertEqual(self.events, [(1008, "messages were not read")])

    def test_a_function_that_waits_for_one_that_leaves_goes_on_and_is_told(self) -> None:
        wire = self.open("/talk")
        self.stop_reading(wire)
        wire.send(text("3"))
        wire.end()
        self.assertEqual(self.events, [(1006, "the connection was lost")])

    def test_pings_of_one_that_does_not_read_do_not_pile_up(self) -> None:
        wire = self.open("/talk")
        self.stop_reading(wire)
        for number in range(1000):
            wire.send(frame(PING, b"%d" % number))
        self.assertEqual((wire.got(), wire.protocol.out.size), ([], 0))
        self.read_on(wire)
        self.assertEqual(wire.got(), [Got(PONG, b"999")])


class FastClientTests(PatienceCase):
    def test_no_more_is_read_while_functions_are_behind(self) -> None:
        wire = self.open("/wait")
        wire.send(b"".join(text(str(number)) for number in range(500)))
        self.assertEqual(wire.transport.producerState, "paused")
        self.assertLessEqual(len(wire.protocol.listener._queue), MOST_WAITING)
        for _ in range(MOST_WAITING - FEW_WAITING + 1):
            self.assertEqual(wire.transport.producerState, "paused")
            self.waiting.pop(0).callback(None)
        while self.waiting:
            self.waiting.pop(0).callback(None)
        self.assertEqual(self.events, [str(number) for number in range(500)])
        self.assertEqual(wire.transport.producerState, "producing")

    def test_long_messages_count_by_their_bytes(self) -> None:
        self.app = self.make_app(CONFIG.replace("max_buffer: 10 KB", "max_message_size: 1 KB"))
        wire = self.open("/wait")
        wire.send(text("x" * 1000), text("x" * 1000), text("x" * 1000))
        self.assertEqual(wire.transport.producerState, "paused")

    def test_a_close_is_seen_although_messages_wait(self) -> None:
        wire = self.open("/wait")
        wire.send(b"".join(text("x") for _ in range(300)))
        wire.app.gramex.shared.drain()
        self.assertEqual([got.payload[:2] for got in wire.got()], [b"\x03\xe9"])
        wire.send(closing(1001))
        self.assertTrue(wire.closed)
        wire.end()
        self.waiting.pop().callback(None)
        self.assertEqual(self.events, ["x", (1001, "the server stops")])


class SilenceTests(PatienceCase):
    def test_a_ping_is_sent_every_30_seconds_and_any_answer_will_do(self) -> None:
        wire = self.open("/talk")
        for _ in range(5):
            wire.wait(31)
            self.assertIn(Got(PING, KEEP_ALIVE), wire.got())
            wire.send(frame(PONG, KEEP_ALIVE))
        self.assertFalse(wire.closed)

    def test_who_does_not_answer_is_cut_off(self) -> None:
        wire = self.open("/talk")
        wire.wait(58)
        self.assertFalse(wire.closed)
        wire.wait(5)
        self.assertTrue(wire.transport.aborted)
        wire.end()
        self.assertEqual(self.events, [(1006, "no answer to a ping for 30 s")])

    def test_one_that_is_not_read_from_is_not(self) -> None:
        wire = self.open("/wait")
        wire.send(b"".join(text("x") for _ in range(300)))
        wire.wait(120)
        self.assertFalse(wire.closed)
        while self.waiting:
            self.waiting.pop(0).callback(None)

    def test_a_route_without_pings(self) -> None:
        wire = self.open("/quiet")
        wire.wait(300)
        self.assertEqual((wire.got(), wire.closed), ([], False))

    def test_who_does_not_close_in_time_is_cut_off(self) -> None:
        wire = self.open("/talk")
        self.app.gramex.shared.drain()
        wire.wait(3)
        self.assertFalse(wire.transport.aborted)
        wire.wait(4)
        self.assertTrue(wire.transport.aborted)
        wire.end()
        self.assertEqual(self.events, [(1001, "the server stops")])

    def test_a_coroutine_that_would_wait_for_ever_is_cancelled_when_the_client_is_gone(self) -> None:
        wire = self.open("/forever")
        wire.end()
        self.assertEqual(self.events, ["open"])
        wire.wait(4)
        self.assertEqual(self.events, ["open"], "what takes a moment may end")
        wire.wait(3)
        self.assertEqual(self.events, ["open", "CancelledError", (1006, "the connection was lost")])
        self.assertEqual(self.app.gramex.in_flight, 0)

    def test_nothing_ticks_when_all_are_gone(self) -> None:
        self.open("/talk").end()
        self.assertEqual([call for call in self.app.agent.clock.getDelayedCalls() if "tick" in repr(call).lower()], [])
