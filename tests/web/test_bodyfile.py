"""Bodies that are stored before the handler is called."""

from __future__ import annotations

import errno
from io import BytesIO
from unittest.mock import patch

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.bodyfile import IN_MEMORY
from gramex_twisted.web.channel import Limits
from tests.wire import Wire

MODULE = """
def sizes(handler):
    content = handler.request._request.content
    body = handler.request.body
    return {"body": len(body), "kind": type(content).__name__, "ends": body[-3:].decode()}


async def pieces(handler):
    return [len(piece) async for piece in handler.body]
"""


class Full(BytesIO):
    """A file on a full disk."""

    def write(self, data: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


class StoredTests(AppTestCase):
    files = {"fns.py": MODULE}
    limits = Limits(max_body_size=5 * IN_MEMORY, body_timeout=10)
    config = """
    app: {settings: {xsrf_cookies: false}}
    url:
      sizes: {pattern: /sizes, handler: FunctionHandler, kwargs: {function: fns.sizes}}
      pieces: {pattern: /pieces, handler: FunctionHandler, kwargs: {function: fns.pieces}}
      small: {pattern: /small, handler: FunctionHandler, kwargs: {function: '1', max_body_size: 2000000}}
    """

    def wire(self) -> Wire:
        wire = Wire(self.app)
        self.addCleanup(lambda: None if wire.channel not in self.app.site.channels else wire.leave())
        return wire

    def test_a_short_body_stays_in_memory_and_a_long_one_goes_to_a_file(self) -> None:
        for size, kind in ((3, "BytesIO"), (IN_MEMORY, "BytesIO"), (IN_MEMORY + 1, "_TemporaryFile")):
            answer = self.post("/sizes", data=b"x" * (size - 3) + b"end").json()
            self.assertEqual((answer["body"], answer["ends"]), (size, "end"))
            self.assertEqual(answer["kind"] == "BytesIO", kind == "BytesIO", answer)

    def test_so_do_chunked_ones(self) -> None:
        head = b"POST /sizes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"100000\r\n" + b"y" * 0x100000 + b"\r\n"
        for count, kind in ((1, b"BytesIO"), (2, b"BufferedRandom")):
            wire = self.wire()
            wire.send(head, *[chunk] * count, b"0\r\n\r\n")
            self.assertIn(b'{"body":%d,"kind":"%s","ends":"yyy"}' % (count << 20, kind), wire.received)

    def test_a_handler_reads_it_in_pieces(self) -> None:
        self.assertEqual(sum(self.post("/pieces", data=b"z" * 3_000_000).json()), 3_000_000)
        self.assertEqual(self.post("/pieces", data=b"zz").json(), [2])
        self.assertEqual(self.post("/pieces").json(), [])

    def test_a_full_disk_is_507(self) -> None:
        with patch("gramex_twisted.web.bodyfile.TemporaryFile", Full):
            response = self.post("/sizes", data=b"x" * 3_000_000)
        self.assertEqual(response.status, 507)
        self.assertEqual(response.json()["error"], "there is no room for the request body on the server's disk")
        self.assertEqual(len(self.flushLoggedErrors()), 0)
        self.assertEqual(self.post("/sizes", data=b"x" * 3_000_000).json()["body"], 3_000_000)

    def test_a_limit_over_what_memory_takes_holds(self) -> None:
        wire = self.wire()
        wire.send(b"POST /small HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        wire.send(*[b"80000\r\n" + b"y" * 0x80000 + b"\r\n"] * 5)
        self.assertTrue(wire.status.startswith("HTTP/1.1 413"), wire.received)
        self.assertIn(b"\r\nConnection: close\r\n", wire.received)

    def test_a_client_that_leaves_in_its_middle_leaves_nothing(self) -> None:
        wire = self.wire()
        wire.send(b"POST /sizes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n", b"x" * 2_000_000)
        wire.leave()
        self.assertEqual(self.app.rows, [])
        self.assertEqual(self.app.gramex.in_flight, 0)

    def test_a_client_that_is_too_slow_gets_408(self) -> None:
        wire = self.wire()
        wire.send(b"POST /sizes HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n", b"x")
        wire.wait(12)
        self.assertTrue(wire.status.startswith("HTTP/1.1 408"), wire.received)
