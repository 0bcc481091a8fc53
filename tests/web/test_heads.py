"""Heads that two servers could read in two ways are refused, and nothing that follows them is taken for a request."""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.channel import LINGER
from gramex_twisted.web.heads import is_clear, may_be_header
from tests.wire import Wire

MODULE = """
calls = []


def note(handler):
    calls.append((handler.request.method, handler.request.body))
    return f"called {len(calls)}"

"""

#: What would be another request, were the one before it to end elsewhere.
SMUGGLED = "GET /note HTTP/1.1\r\nHost: a\r\n\r\n"


class HeadTests(SynchronousTestCase):
    def test_a_request_has_one_host(self) -> None:
        for host in (b"a", b"a:80", b"[::1]:80", b"under_score", b"%41", b""):
            self.assertTrue(is_clear({b"Host": [host]}, b"HTTP/1.1"), host)
        for host in (b"a/b", b"a@b", b"a b", b'a"', b"<a>", b"a?b", b"a#b", b"a\\b", b"\xe9", b"a\x0b"):
            self.assertFalse(is_clear({b"Host": [host]}, b"HTTP/1.1"), host)
        self.assertFalse(is_clear({b"Host": [b"a", b"a"]}, b"HTTP/1.1"))
        self.assertFalse(is_clear({}, b"HTTP/1.1"))
        self.assertTrue(is_clear({}, b"HTTP/1.0"))
        self.assertFalse(is_clear({b"Host": [b"a", b"a"]}, b"HTTP/1.0"))

    def test_the_only_transfer_encoding_is_chunked_and_of_http_1_1(self) -> None:
        for codings, version, clear in (
            ([b"chunked"], b"HTTP/1.1", True),
            ([b"Chunked"], b"HTTP/1.1", True),
            ([b"chunked"], b"HTTP/1.0", False),
            ([b"identity"], b"HTTP/1.1", False),
            ([b"gzip, chunked"], b"HTTP/1.1", False),
            ([b"chunked", b"identity"], b"HTTP/1.1", False),
            ([b""], b"HTTP/1.1", False),
        ):
            self.assertIs(is_clear({b"Host": [b"a"], b"Transfer-Encoding": codings}, version), clear, codings)

    def test_a_line_is_not_continued(self) -> None:
        self.assertTrue(may_be_header(b""))
        self.assertTrue(may_be_header(b"Content-Length: 5"))
        self.assertTrue(may_be_header(b"X: " + b"9" * 5000))
        self.assertFalse(may_be_header(b" X: y"))
        self.assertFalse(may_be_header(b"\tX: y"))
        self.assertFalse(may_be_header(b"content-length: " + b"9" * 5000))


class SmugglingTests(AppTestCase):
    files = {"smuggled.py": MODULE}
    config = """
    url:
      note: {pattern: /note, handler: FunctionHandler, kwargs: {function: smuggled.note, xsrf_cookies: false}}
    """

    def setUp(self) -> None:
        super().setUp()
        sys.modules["smuggled"].calls.clear()

    def refused(self, head: str, body: str = "") -> None:
        """``head`` is answered with 400 and nothing else; no handler has run; the connection ends."""
        wire = Wire(self.app)
        answer = wire.send(f"{head}\r\n\r\n{body}{SMUGGLED}")
        self.assertEqual(answer.count(b"HTTP/1."), 1, head)
        self.assertEqual(wire.status, "HTTP/1.1 400 Bad Request", head)
        self.assertTrue(answer.endswith(b"400 Bad Request\n"), head)
        wire.send(SMUGGLED)
        wire.wait(LINGER + 1)
        self.assertTrue(wire.closed, head)
        self.assertEqual((wire.received, sys.modules["smuggled"].calls), (answer, []), head)

    def post_of(self, *lines: str) -> str:
        return "\r\n".join(("POST /note HTTP/1.1", "Host: a", *lines))

    def test_a_body_has_one_end(self) -> None:
        chunks = "0\r\n\r\n"
        for lines in (
            ("Content-Length: 5", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: chunked", "Content-Length: 5"),
            ("Content-Length: 5", "Content-Length: 6"),
            ("Content-Length: 5", "Content-Length: 5"),
            ("Content-Length: 5, 5",),
            ("Transfer-Encoding: identity", "Content-Length: 5"),
            ("Transfer-Encoding: chunked", "Transfer-Encoding: identity"),
            ("Transfer-Encoding: identity", "Transfer-Encoding: chunked"),
            ("Transfer-Encoding: xchunked",),
            ("Transfer-Encoding: gzip, chunked",),
            ("Transfer-Encoding: \x0bchunked", "Content-Length: 5"),
            ("Transfer-Encoding : chunked", "Content-Length: 5"),
        ):
            self.refused(self.post_of(*lines), chunks)

    def test_a_length_is_a_number(self) -> None:
        for length in ("+5", "-5", "0x5", "5 5", "5.0", "5e0", "", "٥", "9" * 5000):
            self.refused(self.post_of(f"Content-Length: {length}"), "01234")

    def test_lines_end_in_one_way_and_are_not_continued(self) -> None:
        for lines in (
            ("Transfer-Encoding:", " chunked"),
            ("X: y", " Content-Length: 5"),
            ("X: y", "\tz"),
            ("X: y\nContent-Length: 5",),
            ("X: y\rContent-Length: 5",),
            ("X: y\0",),
            ("X",),
            (": y",),
            ("X y: z",),
        ):
            self.refused(self.post_of(*lines))
        self.refused("POST /note HTTP/1.1\r\n Host: b\r\nHost: a")

    def test_a_head_that_goes_on_after_its_mistake_is_not_read_on(self) -> None:
        self.refused(self.post_of("Content-Length: x", "X: y", "Content-Length: 0"))

    def test_there_is_one_host(self) -> None:
        for head in (
            "GET /note HTTP/1.1",
            "GET /note HTTP/1.1\r\nHost: a\r\nHost: b",
            "GET /note HTTP/1.1\r\nHost: a/b",
            'GET /note HTTP/1.1\r\nHost: a"><script>',
        ):
            self.refused(head)

    def test_http_1_0_has_no_chunks(self) -> None:
        self.refused("POST /note HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked", "0\r\n\r\n")

    def test_request_lines_have_three_parts_and_one_space_between(self) -> None:
        for line in (
            "GET  /note HTTP/1.1",
            "GET\t/note\tHTTP/1.1",
            "GET /note",
            "GET /note HTTP/2.0",
            " GET / HTTP/1.1",
        ):
            self.refused(f"{line}\r\nHost: a")

    def test_chunks_have_one_end(self) -> None:
        for chunks in ("0x1\r\nA", "-1\r\nA", "1;a\nb\r\nA", "1 \nA", "1\r\nAB", "1\nA\n", "ZZ", "G\r\n"):
            wire = Wire(self.app)
            answer = wire.send(self.post_of("Transfer-Encoding: chunked") + f"\r\n\r\n{chunks}\r\n0\r\n\r\n{SMUGGLED}")
            self.assertEqual(wire.status, "HTTP/1.1 400 Bad Request", chunks)
            self.assertEqual(answer.count(b"HTTP/1."), 1, chunks)
            self.assertIn(b"the request body has a chunk that is none", answer)
            wire.wait(LINGER + 1)
            self.assertTrue(wire.closed)
        self.assertEqual(sys.modules["smuggled"].calls, [])
        self.assertEqual([row[0] for row in self.app.rows], [400] * 8)

    def test_a_body_that_a_get_has_is_its_own(self) -> None:
        wire = Wire(self.app)
        wire.send("GET /note HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nBODY" + SMUGGLED)
        self.assertEqual(sys.modules["smuggled"].calls, [("GET", b"BODY"), ("GET", b"")])

    def test_what_is_right_is_taken(self) -> None:
        for head, body in (
            (self.post_of("Content-Length: 0005"), "01234"),
            (self.post_of("Transfer-Encoding:\tCHUNKED "), "3;ext=1\r\n012\r\n2\r\n34\r\n0\r\nTrailer: x\r\n\r\n"),
        ):
            self.assertIn(b"200 OK", Wire(self.app).send(f"{head}\r\n\r\n{body}"), head)
        self.assertEqual(sys.modules["smuggled"].calls, [("POST", b"01234")] * 2)
