"""Heads of responses: those that are well-formed are read, all others refused."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from gramex_twisted.services.upstream.head import (
    CHUNKED,
    UNTIL_CLOSE,
    BadResponseError,
    Head,
    framing,
    parse_head,
    split_head,
)

NAMES = st.text("abcXYZ09-_!", min_size=1, max_size=8).map(str.encode)
VALUES = st.binary(max_size=20).map(lambda data: bytes(c for c in data if c >= 0x20 and c != 0x7F).strip())


def head(*lines: bytes, status: bytes = b"HTTP/1.1 200 OK") -> Head:
    """The head of these lines."""
    return parse_head(b"\r\n".join([status, *lines]))


class HeadTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(fields=st.lists(st.tuples(NAMES, VALUES), max_size=6), end=st.sampled_from([b"\r\n", b"\n"]))
    def test_headers_are_what_was_written(self, fields: list[tuple[bytes, bytes]], end: bytes) -> None:
        data = b"HTTP/1.1 200 OK" + end + b"".join(name + b": " + value + end for name, value in fields) + end
        parts = split_head(data + b"body")
        assert parts is not None
        self.assertEqual(parts[1], b"body")
        expected = Headers()
        for name, value in fields:
            expected.addRawHeader(name, value)
        self.assertEqual(parse_head(parts[0]).headers, expected)

    @settings(deadline=None, max_examples=300)
    @given(data=st.binary(max_size=60), begin=st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA:"]))
    def test_any_bytes_are_a_head_or_refused(self, data: bytes, begin: bytes) -> None:
        parts = split_head(begin + data + b"\r\n\r\n")
        assert parts is not None
        try:
            found = parse_head(parts[0])
            framing(found, b"GET")
        except BadResponseError:
            return
        for name, values in found.headers.getAllRawHeaders():
            for text in (name, *values):
                self.assertNotRegex(text, rb"[\x00-\x08\x0a-\x1f\x7f]")

    def test_a_head_that_is_not_all_there_is_none(self) -> None:
        for data in (b"", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nA: b\r\n"):
            self.assertIsNone(split_head(data))

    def test_continuation_lines_are_joined(self) -> None:
        self.assertEqual(head(b"A: b", b"  c", b"\td", b"E: f").headers.getRawHeaders(b"A"), [b"b c d"])
        with self.assertRaisesRegex(BadResponseError, "begins with white space"):
            head(b" folded", b"A: b")

    def test_the_status_line(self) -> None:
        found = head(status=b"HTTP/1.0 404 Not  Here")
        self.assertEqual((found.minor, found.code, found.phrase), (0, 404, b"Not  Here"))
        self.assertEqual(head(status=b"HTTP/1.1 200").phrase, b"")
        for status in (
            b"HTTP/2.0 200 OK",
            b"HTTP/1.1 20 OK",
            b"HTTP/1.1 000 OK",
            b"ICY 200 OK",
            b"",
            b"HTTP/1.1  200 OK",
        ):
            with self.assertRaises(BadResponseError, msg=status):
                head(status=status)

    def test_framing(self) -> None:
        for lines, expected in {
            (): UNTIL_CLOSE,
            (b"Content-Length: 5",): 5,
            (b"Content-Length: 5", b"Content-Length: 5"): 5,
            (b"Content-Length: 5, 5",): 5,
            (b"Transfer-Encoding: Chunked",): CHUNKED,
            (b"Transfer-Encoding: chunked", b"Content-Length: 5"): CHUNKED,
        }.items():
            self.assertEqual(framing(head(*lines), b"GET"), expected, lines)
            self.assertEqual(framing(head(*lines), b"HEAD"), 0)
            for status in (b"HTTP/1.1 204 X", b"HTTP/1.1 304 X"):
                self.assertEqual(framing(head(*lines, status=status), b"GET"), 0)
        for lines in (
            (b"Content-Length: 5", b"Content-Length: 6"),
            (b"Content-Length: +5",),
            (b"Content-Length: 5 5",),
            (b"Content-Length:",),
            (b"Content-Length: " + b"9" * 19,),
            (b"Transfer-Encoding: identity",),
            (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        ):
            with self.assertRaises(BadResponseError, msg=lines):
                framing(head(*lines), b"GET")
        with self.assertRaises(BadResponseError):
            framing(head(b"Transfer-Encoding: chunked", status=b"HTTP/1.0 200 OK"), b"GET")

    def test_persistence(self) -> None:
        self.assertTrue(head().persistent)
        self.assertFalse(head(b"Connection: X, CLOSE").persistent)
        self.assertFalse(head(status=b"HTTP/1.0 200 OK").persistent)
        self.assertTrue(head(b"Connection: Keep-Alive", status=b"HTTP/1.0 200 OK").persistent)
