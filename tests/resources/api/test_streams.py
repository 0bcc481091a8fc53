"""Lines that are sent when they come, and requests that overlap."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.internet.threads import deferToThread

from gramex_twisted.testing import AppTestCase
from tests.processes import ProcessTestCase

MODULE = """
import asyncio

closed = []
go = asyncio.Event()


async def lines(fails: bool = False):
    try:
        yield {"n": 1}
        await go.wait()
        go.clear()
        if fails:
            raise ValueError("half way")
        yield {"n": 2}
    finally:
        closed.append(1)


async def release():
    go.set()
    return len(closed)


def threaded(count: int = 3):
    for number in range(count):
        yield {"n": number}
"""
ROUTES = """
url:
  lines: {pattern: /lines, handler: APIHandler, kwargs: {function: streams.lines, format: jsonl}}
  go: {pattern: /go, handler: APIHandler, kwargs: {function: streams.release}}
  threaded: {pattern: /threaded, handler: APIHandler, kwargs: {function: streams.threaded}}
"""


def ask(port: int, path: str) -> socket.socket:
    """A connection that has asked for ``path``."""
    sock = socket.create_connection(("127.0.0.1", port), timeout=60)
    sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return sock


def until(sock: socket.socket, wanted: bytes) -> bytes:
    """What comes, up to ``wanted``; all of it for ``b""``."""
    found = b""
    while not wanted or wanted not in found:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            break  # how a server breaks off
        if not piece:
            break
        found += piece
    return found


class LineTests(ProcessTestCase):
    timeout = 180

    async def test_each_line_is_sent_when_it_comes(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "streams.py").write_text(MODULE)
        (folder / "gramex.yaml").write_text(ROUTES)
        server = await self.serve("--config", str(folder / "gramex.yaml"))
        await deferToThread(self.read, server.port)

    def read(self, port: int) -> None:
        """The client, which blocks."""
        with ask(port, "/lines") as sock:
            head = until(sock, b'{"n":1}\n')
            self.assertIn(b"Content-Type: application/jsonl\r\n", head)
            self.assertNotIn(b'"n":2', head)
            self.assertTrue(until(ask(port, "/go"), b"").endswith(b"\r\n\r\n0"))
            self.assertIn(b'{"n":2}\n', until(sock, b""))
        with ask(port, "/lines?fails=1") as sock:
            until(sock, b'{"n":1}\n')
            self.assertTrue(until(ask(port, "/go"), b"").endswith(b"1"))
            rest = until(sock, b"")
            self.assertNotIn(b"0\r\n\r\n", rest, "a stream that broke off must not look whole")
        with ask(port, "/threaded?count=20000&format=jsonl") as sock:
            self.assertEqual(until(sock, b"").count(b'{"n":'), 20000)


OVERLAP = """
from twisted.internet.defer import Deferred

waiting = []


async def wait(x: int):
    deferred = Deferred()
    waiting.append(deferred)
    await deferred
    return {"x": x}
"""


class OverlapTests(AppTestCase):
    files = {"overlap.py": OVERLAP}
    config = "url: {wait: {pattern: /wait, handler: APIHandler, kwargs: {function: overlap.wait}}}"

    def test_two_requests_at_once_share_nothing(self) -> None:
        other = self.make_app(self.config)
        import overlap  # type: ignore[import-not-found]

        asked = [
            (self.app, self.app.start("GET", "/wait?x=1")),
            (self.app, self.app.start("GET", "/wait?x=2&format=yaml")),
            (other, other.start("GET", "/wait?x=3")),
        ]
        self.app.pump()
        other.pump()
        for deferred in reversed(overlap.waiting):
            deferred.callback(None)
        self.app.pump()
        other.pump()
        self.assertEqual([self.successResultOf(found).text for _, found in asked], ['{"x":1}', "x: 2\n", '{"x":3}'])
