"""HTTP on the wire: what a connection may cost, and how it ends."""

from __future__ import annotations

from dataclasses import replace

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.channel import Limits
from tests.wire import Wire

MODULE = """
from twisted.internet.defer import Deferred

waiting = []
closed = []


async def waits(handler):
    deferred = Deferred()
    waiting.append(deferred)
    return await deferred


async def endless(handler):
    try:
        while True:
            yield "x" * 100_000
    finally:
        closed.append("endless")


def too_much(status_code, handler):
    return f"too much: {status_code}"


def large(handler):
    return "y" * 1_000_000
"""


class WireTestCase(AppTestCase):
    files = {"fns.py": MODULE}
    limits = Limits(max_body_size=1000, max_header_size=4096, max_headers=50)
    limits = replace(limits, header_timeout=10, body_timeout=10, idle_timeout=20, write_timeout=30)
    config = """
    app: {settings: {xsrf_cookies: false}}
    url:
      echo: {pattern: '/(.*)', handler: FunctionHandler, kwargs: {function: handler.request.body}}
      small: {pattern: /small, handler: FunctionHandler, kwargs: {function: handler.request.body, max_body_size: 5}}
      own:
        pattern: /own
        handler: FunctionHandler
        kwargs: {function: '1', max_body_size: 5, error: {413: {function: fns.too_much}}}
      waits: {pattern: /waits, handler: FunctionHandler, kwargs: {function: fns.waits}}
      endless: {pattern: /endless, handler: FunctionHandler, kwargs: {function: fns.endless}}
      large: {pattern: /large, handler: FunctionHandler, kwargs: {function: fns.large, thread: false}}
    """

    def wire(self) -> Wire:
        wire = Wire(self.app)
        self.addCleanup(lambda: None if wire.channel not in self.app.site.channels else wire.leave())
        return wire


class SizeTests(WireTestCase):
    def test_a_long_path_is_414(self) -> None:
        wire = self.wire()
        wire.send(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(wire.status, "HTTP/1.1 414 Request-URI Too Long")

    def test_a_long_path_without_an_end_is_414_too(self) -> None:
        wire = self.wire()
        wire.send(b"GET /", *[b"a" * 1000] * 100)
        self.assertEqual(wire.status, "HTTP/1.1 414 Request-URI Too Long")

    def test_long_headers_are_431(self) -> None:
        for header in (b"X: " + b"a" * 5000, b"\r\n".join([b"X: " + b"a" * 500] * 10)):
            wire = self.wire()
            wire.send(b"GET / HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n")
            self.assertEqual(wire.status, "HTTP/1.1 431 Request Header Fields Too Large")

    def test_a_thousand_headers_are_431(self) -> None:
        wire = self.wire()
        wire.send(b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(1000)) + b"\r\n")
        self.assertEqual(wire.status, "HTTP/1.1 431 Request Header Fields Too Large")

    def test_a_refused_client_may_finish_sending_before_the_connection_closes(self) -> None:
        wire = self.wire()
        wire.send(b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n")
        self.assertFalse(wire.closed)
        wire.send(b"a" * 100_000)
        self.assertEqual(wire.received.count(b"HTTP/1.1"), 1)
        wire.wait(3)
        self.assertTrue(wire.closed)

    def test_a_body_that_is_announced_too_long_is_413_before_it_is_sent(self) -> None:
        wire = self.wire()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
        head, _, body = wire.received.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 413 "), head)
        self.assertIn(b"Connection: close", head)
        self.assertEqual(body, b'{"code":413,"success":false,"error":"the request body is over 1000 bytes"}')
        self.assertNotIn(b"100 Continue", wire.received)
        wire.wait(3)
        self.assertTrue(wire.closed)

    def test_a_body_of_the_longest_length_is_taken(self) -> None:
        wire = self.wire()
        wire.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"b" * 1000)
        self.assertTrue(wire.received.endswith(b"\r\n\r\n" + b"b" * 1000))

    def test_a_chunked_body_is_413_when_it_gets_too_long(self) -> None:
        wire = self.wire()
        wire.send(
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"64\r\n" + b"c" * 100 + b"\r\n"] * 20
        )
        self.assertIn("413", wire.status)
        self.assertEqual(wire.received.count(b"HTTP/1.1"), 1)

    def test_a_route_has_its_own_limit_and_its_own_page(self) -> None:
        wire = self.wire()
        wire.send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef")
        self.assertIn(b"the request body is over 5 bytes", wire.received)
        wire = self.wire()
        wire.send("POST /own HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef")
        self.assertTrue(wire.received.endswith(b"too much: 413"), wire.received)

    def test_a_refused_request_is_in_the_access_log(self) -> None:
        self.wire().send("POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabcdef")
        self.assertEqual(self.log_of("/small")[0], 413)

    def test_continue_is_said_to_a_body_that_is_wanted(self) -> None:
        wire = self.wire()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(wire.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.send("ok")
        self.assertTrue(wire.received.endswith(b"\r\n\r\nok"))


class TimeTests(WireTestCase):
    def test_slow_headers_are_408(self) -> None:
        wire = self.wire()
        wire.send("GET / HTTP/1.1\r\nHo")
        for char in "st: example.org":
            wire.send(char)
            wire.wait(1)
        self.assertEqual(wire.status, "HTTP/1.1 408 Request Timeout")

    def test_a_slow_request_line_is_408(self) -> None:
        wire = self.wire()
        for char in "GET /abcdefghijkl":
            wire.send(char)
            wire.wait(1)
        self.assertEqual(wire.status, "HTTP/1.1 408 Request Timeout")

    def test_a_slow_body_is_408(self) -> None:
        wire = self.wire()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
        for _ in range(20):
            wire.send("b")
            wire.wait(1)
        self.assertEqual(wire.status, "HTTP/1.1 408 Request Timeout")
        self.assertIn(b"the request body was slower than 1024 bytes a second", wire.received)

    def test_a_body_that_keeps_coming_is_not_cut(self) -> None:
        wire = self.wire()
        wire.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(9):
            wire.send("b" * 100)
            wire.wait(1)
        wire.send("b" * 100)
        self.assertEqual(wire.status, "HTTP/1.1 200 OK")

    def test_a_client_that_never_takes_the_last_bytes_is_cut_off(self) -> None:
        wire = self.wire()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertEqual((wire.closed, wire.transport.aborted), (True, False))
        wire.wait(self.limits.write_timeout + 2)
        self.assertTrue(wire.transport.aborted)

    def test_an_idle_connection_is_closed_without_a_word(self) -> None:
        wire = self.wire()
        wire.wait(19)
        self.assertFalse(wire.closed)
        wire.wait(3)
        self.assertEqual((wire.closed, wire.received), (True, b""))

    def test_a_kept_connection_idles_from_its_last_answer(self) -> None:
        wire = self.wire()
        wire.wait(15)
        wire.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.wait(15)
        self.assertFalse(wire.closed)
        wire.wait(7)
        self.assertTrue(wire.closed)

    def test_a_function_may_take_its_time(self) -> None:
        wire = self.wire()
        wire.send("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.wait(500)
        self.assertEqual((wire.received, wire.closed), (b"", False))
        import fns  # type: ignore[import-not-found]

        fns.waiting.pop().callback("at last")
        self.assertTrue(wire.received.endswith(b"at last"))

    def test_a_client_that_does_not_read_pauses_the_generator_and_is_cut(self) -> None:
        import fns

        wire = self.wire()
        wire.transport.write = self._pausing(wire)  # type: ignore[method-assign]
        wire.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertLess(len(wire.received), 300_000)
        fns.closed.clear()
        wire.wait(29)
        self.assertFalse(wire.transport.aborted)
        wire.wait(5)
        self.assertTrue(wire.transport.aborted)
        wire.leave()
        self.assertEqual(fns.closed, ["endless"])

    def _pausing(self, wire: Wire):  # type: ignore[no-untyped-def]
        """A transport's write that is full after 200,000 bytes."""
        write = wire.transport.write

        def full(data: bytes) -> None:
            write(data)
            if len(wire.received) > 200_000 and wire.channel.paused_at is None:
                wire.channel.pauseProducing()

        wire.transport.writeSequence = lambda parts: full(b"".join(parts))  # type: ignore[method-assign]
        return full

    def test_a_large_body_waits_for_the_client(self) -> None:
        wire = self.wire()
        wire.transport.write = self._pausing(wire)  # type: ignore[method-assign]
        wire.send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertLess(len(wire.received), 600_000)
        while wire.channel.paused_at is not None:
            wire.channel.resumeProducing()
        self.assertEqual(wire.received.partition(b"\r\n\r\n")[2], b"y" * 1_000_000)


class ProtocolTests(WireTestCase):
    def test_bytes_that_are_not_utf_8_in_query_and_headers_are_answered(self) -> None:
        wire = self.wire()
        wire.send(b"GET /?x=%ff%fe HTTP/1.1\r\nHost: x\r\nReferer: \xff\r\nUser-Agent: \xc3\r\n\r\n")
        self.assertEqual(wire.status, "HTTP/1.1 200 OK")

    def test_pipelined_requests_are_answered_in_order(self) -> None:
        wire = self.wire()
        wire.send(b"".join(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d" % n for n in range(5)))
        bodies = [part[-1:] for part in wire.received.split(b"HTTP/1.1 200 OK") if part]
        self.assertEqual(bodies, [b"0", b"1", b"2", b"3", b"4"])

    def test_http_1_0_is_answered_and_closed(self) -> None:
        wire = self.wire()
        wire.send("POST / HTTP/1.0\r\nContent-Length: 1\r\n\r\nx")
        self.assertEqual((wire.status, wire.closed), ("HTTP/1.0 200 OK", True))

    def test_connection_close_is_honoured(self) -> None:
        wire = self.wire()
        wire.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        self.assertIn(b"Connection: close\r\n", wire.received)
        self.assertTrue(wire.closed)

    def test_a_client_that_leaves_is_no_error(self) -> None:
        wire = self.wire()
        wire.send("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
        import fns

        deferred = fns.waiting.pop()
        wire.leave()
        self.assertEqual(self.app.gramex.in_flight, 1)
        deferred.callback("nobody reads this")
        self.assertEqual(self.app.gramex.in_flight, 0)
        self.assertEqual(wire.received, b"")


class DrainTests(WireTestCase):
    def test_draining_closes_idle_connections_and_lets_the_others_finish(self) -> None:
        import fns

        idle, busy = self.wire(), self.wire()
        busy.send("GET /waits HTTP/1.1\r\nHost: x\r\n\r\n")
        drained = self.app.site.drain()
        self.assertEqual((idle.closed, busy.closed), (True, False))
        idle.leave()
        self.assertNoResult(drained)
        fns.waiting.pop().callback("done")
        self.assertIn(b"Connection: close\r\n", busy.received)
        self.assertTrue(busy.received.endswith(b"done"))
        self.assertTrue(busy.closed)
        busy.leave()
        self.assertIsNone(self.successResultOf(drained))

    def test_a_site_without_connections_is_drained_at_once(self) -> None:
        self.assertIsNone(self.successResultOf(self.app.site.drain()))
