"""`Expect: 100-continue` with every kind of handler that takes a body: what is wanted is asked for, once."""

from __future__ import annotations

import json
import socket
from typing import Any

from twisted.internet.threads import deferToThread
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.live import LiveCase

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DEADLINE = 60
FORM = b'--xyz\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nabc\r\n--xyz--\r\n'
LONG = b"z" * 3_000_000


class Native(Resource):
    """Gives back what it is sent."""

    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        content: Any = request.content
        body: bytes = content.read()
        return body


class ExpectTests(LiveCase):
    timeout = 120
    config = """
    app: {settings: {xsrf_cookies: false}}
    url:
      function: {pattern: /function, handler: FunctionHandler, kwargs: {function: str(len(handler.request.body))}}
      json: {pattern: '/json/(.*)', handler: JSONHandler, kwargs: {}}
      upload: {pattern: /upload, handler: UploadHandler, kwargs: {path: files}}
      process: {pattern: /process, handler: ProcessHandler, kwargs: {args: [cat], stdin: body}}
      native: {pattern: /native, handler: tests.web.test_expect.Native}
      small: {pattern: /small, handler: FunctionHandler, kwargs: {function: str(1), max_body_size: 2}}
      private: {pattern: /private, handler: UploadHandler, kwargs: {path: files, auth: true}}
    """

    async def ask(self, method: str, path: str, body: bytes, kind: str = "text/plain") -> tuple[bytes, bytes]:
        """What came before the body was sent, and all that came after it."""
        return await deferToThread(self.asked, method, path, body, kind)

    def asked(self, method: str, path: str, body: bytes, kind: str) -> tuple[bytes, bytes]:
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", self.port.getHost().port), timeout=DEADLINE) as sock:
            sock.sendall(head.encode())
            before = sock.recv(65536)
            if before != CONTINUE:
                return before, b""
            sock.sendall(body)
            after = b""
            while piece := sock.recv(65536):
                after += piece
        return before, after

    async def continued(self, method: str, path: str, body: bytes, kind: str = "text/plain") -> bytes:
        """The body of the answer, which is the only one after the request to go on."""
        before, after = await self.ask(method, path, body, kind)
        self.assertEqual(before, CONTINUE)
        self.assertTrue(after.startswith(b"HTTP/1.1 200 OK\r\n"), after[:200])
        self.assertNotIn(b"100 Continue", after)
        return after.partition(b"\r\n\r\n")[2]

    async def test_a_function(self) -> None:
        self.assertEqual(await self.continued("POST", "/function", b"abc"), b"3")
        self.assertEqual(await self.continued("POST", "/function", LONG), b"3000000")

    async def test_json(self) -> None:
        self.assertEqual(await self.continued("PUT", "/json/a", b'{"b":1}', "application/json"), b'{"b":1}')

    async def test_an_upload(self) -> None:
        told = await self.continued("POST", "/upload", FORM, "multipart/form-data; boundary=xyz")
        self.assertEqual(json.loads(told)["upload"][0]["file"], "a.txt")
        self.assertEqual((self.folder / "files" / "a.txt").read_bytes(), b"abc")

    async def test_a_process(self) -> None:
        told = await self.continued("POST", "/process", b"abc")
        self.assertIn(b"\r\nabc\r\n", told)

    async def test_a_native_resource(self) -> None:
        self.assertEqual(await self.continued("POST", "/native", b"abc"), b"abc")

    async def test_a_body_that_is_not_wanted_is_not_asked_for(self) -> None:
        for method, path, status in (("POST", "/small", b"413"), ("POST", "/private", b"401")):
            before, _ = await self.ask(method, path, FORM, "multipart/form-data; boundary=xyz")
            self.assertEqual(before.split()[1], status)
            self.assertNotIn(b"100 Continue", before)
