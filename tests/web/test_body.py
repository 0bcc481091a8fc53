"""Request bodies that a handler reads while they arrive, on the wire and over a real connection."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.body import ENOUGH
from gramex_twisted.web.channel import LINGER, Limits
from gramex_twisted.web.stream import SLICE
from tests.wire import Wire

MODULE = """
from twisted.internet.defer import Deferred
from gramex_twisted.resources.base import Options, Resource
from gramex_twisted.web.response import HANDLED

calls, errors, pieces, gates = [], [], [], []


class Streaming(Resource):
    options_model = Options

    def streams_body(self, request):
        return request.method != b"PUT"


class Reader(Streaming):
    async def on_POST(self, context):
        calls.append((context.request.method, context.request.body, context.body.length))
        total = b""
        try:
            async for piece in context.body:
                pieces.append(piece)
                total += piece
        except Exception as error:
            errors.append(repr(error))
            raise
        return total

    on_PUT = on_POST


class Gated(Streaming):
    async def on_POST(self, context):
        gates.append(gate := Deferred())
        await gate
        return await context.body.read()


class Ignorer(Streaming):
    async def on_POST(self, context):
        return "no, thanks"


class Echo(Streaming):
    async def on_POST(self, context):
        stream = context.open_stream()
        async for piece in context.body:
            await stream.write_all([piece])
        stream.finish()
        return HANDLED


class Form(Streaming):
    checks_xsrf_field = True

    async def on_POST(self, context):
        body = b"".join([piece async for piece in context.body])
        context.check_xsrf_field([body.partition(b"_xsrf=")[2]])
        return str(context.xsrf_in_body)
"""

POST = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


class BodyTestCase(AppTestCase):
    files = {"fns.py": MODULE}
    limits = Limits(max_body_size=4_000_000, body_timeout=10, idle_timeout=100)
    config = """
    app: {settings: {xsrf_cookies: false}}
    url:
      reader: {pattern: /read, handler: fns.Reader}
      small:
        pattern: /small
        handler: fns.Reader
        kwargs: {max_body_size: 8, error: {413: {function: str("own page")}}}
      gated: {pattern: /gated, handler: fns.Gated}
      ignorer: {pattern: /ignore, handler: fns.Ignorer}
      echo: {pattern: /echo, handler: fns.Echo}
      private: {pattern: /private, handler: fns.Reader, kwargs: {auth: true}}
      stored: {pattern: /stored, handler: FunctionHandler, kwargs: {function: handler.request.body}}
    """

    def setUp(self) -> None:
        super().setUp()
        import fns  # type: ignore[import-not-found]

        self.fns = fns

    def wire(self) -> Wire:
        wire = Wire(self.app)
        self.addCleanup(lambda: None if wire.channel not in self.app.site.channels else wire.leave())
        return wire

    def answered(self, wire: Wire, body: bytes) -> None:
        self.assertEqual(wire.status, "HTTP/1.1 200 OK", wire.received)
        self.assertTrue(wire.received.endswith(b"\r\n\r\n" + body), wire.received)


class ReadTests(BodyTestCase):
    def test_the_handler_is_called_before_the_body(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/read", 6))
        self.assertEqual(self.fns.calls, [("POST", b"", 6)])
        wire.send(b"abc")
        self.assertEqual((self.fns.pieces, wire.received), ([b"abc"], b""))
        wire.send(b"def")
        self.answered(wire, b"abcdef")
        self.assertNotIn(b"Connection: close", wire.received)

    def test_the_connection_goes_on_with_the_next_request(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/read", 3) + b"one" + POST % (b"/read", 3) + b"two")
        self.assertEqual(wire.received.count(b"200 OK"), 2)
        self.assertIn(b"\r\n\r\none", wire.received)
        self.answered(wire, b"two")

    def test_a_chunked_body_has_no_length(self) -> None:
        wire = self.wire()
        wire.send(b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n")
        self.assertEqual(self.fns.calls, [("POST", b"", None)])
        wire.send(b"1\r\nd\r\n0\r\n\r\n")
        self.answered(wire, b"abcd")

    def test_a_request_without_a_body_has_an_empty_one(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/read", 0))
        self.answered(wire, b"")
        self.assertEqual(self.fns.calls, [("POST", b"", 0)])

    def test_a_body_that_was_stored_is_read_in_the_same_way(self) -> None:
        wire = self.wire()
        wire.send((POST % (b"/read", 500_000)).replace(b"POST", b"PUT", 1) + b"x" * 500_000)
        self.assertEqual(self.fns.calls, [("PUT", b"x" * 500_000, 500_000)])
        self.answered(wire, b"x" * 500_000)
        self.assertEqual([len(piece) for piece in self.fns.pieces], [SLICE, 500_000 - SLICE])

    def test_request_and_response_may_flow_at_once(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/echo", 6), b"abc")
        self.assertTrue(wire.received.endswith(b"\r\n3\r\nabc\r\n"), wire.received)
        wire.send(b"def")
        self.assertTrue(wire.received.endswith(b"\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"), wire.received)

    def test_guards_come_before_the_body(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/private", 10))
        self.assertTrue(wire.status.startswith("HTTP/1.1 401"), wire.status)
        self.assertEqual(self.fns.calls, [])


class PaceTests(BodyTestCase):
    def test_a_handler_that_does_not_read_stops_the_client(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/gated", ENOUGH * 2), b"x" * (ENOUGH - 1))
        self.assertEqual(wire.transport.producerState, "producing")
        wire.send(b"x")
        self.assertEqual(wire.transport.producerState, "paused")
        self.fns.gates[0].callback(None)
        self.assertEqual(wire.transport.producerState, "producing")
        self.assertTrue(wire.received.endswith(b"\r\n\r\n" + b"x" * ENOUGH))

    def test_the_time_that_the_handler_takes_is_not_the_clients(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/gated", 3), b"x")
        wire.wait(60)
        self.assertEqual(wire.received, b"")
        self.fns.gates[0].callback(None)
        self.assertEqual(wire.status, "HTTP/1.1 200 OK")

    def test_a_client_that_is_too_slow_gets_408(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/read", 300_000), b"x" * 3000)
        wire.wait(9)
        self.assertEqual(wire.received, b"")
        wire.wait(6)
        self.assertTrue(wire.status.startswith("HTTP/1.1 408"), wire.received)
        self.assertIn(b"Connection: close", wire.received)

    def test_continue_is_said_when_the_body_is_wanted(self) -> None:
        expect = b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        wire = self.wire()
        wire.send(b"POST /gated HTTP/1.1\r\nHost: x\r\n" + expect)
        self.assertEqual(wire.received, b"")
        self.fns.gates[0].callback(None)
        self.assertEqual(wire.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        wire.send(b"abc")
        self.assertTrue(wire.received.endswith(b"\r\n\r\nabc"))
        wire = self.wire()
        wire.send(b"POST /private HTTP/1.1\r\nHost: x\r\n" + expect)
        self.assertTrue(wire.status.startswith("HTTP/1.1 401"), wire.status)
        self.assertNotIn(b"100 Continue", wire.received)


class EndTests(BodyTestCase):
    def test_an_answer_before_the_end_closes_the_connection_in_order(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/ignore", 100_000), b"x" * 1000)
        self.answered(wire, b"no, thanks")
        self.assertIn(b"\r\nConnection: close\r\n", wire.received)
        self.assertFalse(wire.closed)
        wire.send(b"x" * 50_000)
        wire.wait(3)
        self.assertTrue(wire.closed)
        self.assertEqual(wire.received.count(b"HTTP/1.1"), 1)

    def test_a_client_that_leaves_ends_the_reading(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/read", 10), b"abc")
        wire.leave()
        self.assertEqual(self.fns.errors, ["ClientGone()"])
        self.assertEqual(self.app.gramex.in_flight, 0)

    def test_an_announced_length_over_the_limit_does_not_reach_the_handler(self) -> None:
        wire = self.wire()
        wire.send(POST % (b"/small", 9))
        self.assertTrue(wire.status.startswith("HTTP/1.1 413"), wire.status)
        self.assertTrue(wire.received.endswith(b"own page"))
        self.assertEqual(self.fns.calls, [])

    def test_a_chunked_body_over_the_limit_is_413_in_its_middle(self) -> None:
        wire = self.wire()
        chunk = b"5\r\nabcde\r\n"
        wire.send(b"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", chunk, chunk, chunk)
        self.assertTrue(wire.status.startswith("HTTP/1.1 413"), wire.status)
        self.assertIn(b"\r\nConnection: close\r\n", wire.received)
        self.assertTrue(wire.received.endswith(b"own page"))
        self.assertEqual((self.fns.pieces, len(self.fns.errors)), ([b"abcde"], 1))

    def test_an_early_answer_is_one_even_when_the_rest_has_come(self) -> None:
        wire = self.wire()
        head = b"POST /gated HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        wire.send(head)
        self.fns.gates[0].callback(None)
        wire.send(b"3\r\nabc\r\n0\r\n\r\n" + POST % (b"/read", 0))
        self.assertTrue(wire.received.endswith(b"\r\n\r\nabc"), wire.received)
        wire.wait(3)
        self.assertTrue(wire.closed)

    def test_a_whole_chunked_body_that_is_too_long_is_413_too(self) -> None:
        head = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        for path in (b"small", b"stored"):
            wire = self.wire()
            wire.send(head % path + b"4fffff\r\n" + b"x" * 0x4FFFFF + b"\r\n0\r\n\r\n")
            self.assertTrue(wire.status.startswith("HTTP/1.1 413"), wire.status)

    def test_a_bad_chunk_ends_the_connection(self) -> None:
        wire = self.wire()
        wire.send(b"POST /read HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"3\r\nabc\r\n", b"zz\r\n")
        self.assertEqual(wire.status, "HTTP/1.1 400 Bad Request")
        wire.wait(LINGER + 1)
        self.assertTrue(wire.closed)

    def test_a_bad_chunk_within_an_answer_cuts_it_off(self) -> None:
        wire = self.wire()
        begun = wire.send(b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        self.assertTrue(begun.startswith(b"HTTP/1.1 200 OK") and begun.endswith(b"\r\n3\r\nabc\r\n"), begun)
        wire.send(b"zz\r\n")
        self.assertEqual((wire.received, wire.transport.aborted), (begun, True))


class XsrfTests(AppTestCase):
    files = {"fns.py": MODULE}
    config = """
    app: {session: {type: memory}}
    url:
      page: {pattern: /page, handler: FunctionHandler, kwargs: {function: handler.xsrf_token}}
      form: {pattern: /form, handler: fns.Form}
      other: {pattern: /other, handler: fns.Reader}
    """

    def send(self, url: str, body: str, kind: str = "application/x-www-form-urlencoded", **headers: str) -> int:
        headers = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.post(url, data=body.encode(), headers=headers, xsrf=False).status

    def test_the_field_of_a_streamed_form_counts_where_the_handler_checks_it(self) -> None:
        token = self.get("/page").text
        self.assertEqual(self.send("/form", f"_xsrf={token}"), 200)
        self.assertEqual(self.send("/form", "_xsrf=2|00000000|00000000000000000000000000000000|1"), 403)
        self.assertEqual(self.send("/form", "a=b"), 403)
        self.assertEqual(self.send("/form", f"_xsrf={token}", "text/plain"), 403)
        self.assertEqual(self.send("/form", "a=b", X_Xsrftoken=token), 200)
        self.assertEqual(self.send(f"/form?_xsrf={token}", "a=b"), 200)

    def test_elsewhere_it_does_not(self) -> None:
        token = self.get("/page").text
        self.assertEqual(self.send("/other", f"_xsrf={token}"), 403)
        self.assertEqual(self.send("/other", "a=b", X_Xsrftoken=token), 200)

    def test_without_the_cookie_nothing_is_read(self) -> None:
        self.assertEqual(self.send("/form", "_xsrf=1"), 403)
