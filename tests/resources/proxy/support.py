"""ProxyCase: an app on a real port before an upstream whose every byte the test says, with such a client."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from gramex_twisted.functions import ModuleSet
from tests.live import LiveCase

reactor: Any = installed
#: Seconds that anything may take.
DEADLINE = 60.0
HELLO = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"


class Peer(Protocol):
    """One end of a connection. ``received`` is what has come."""

    transport: Any
    made: Callable[[Peer], object] | None = None

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None
        self._seen = 0
        self._waiting: list[tuple[bytes | None, Deferred[bytes]]] = []

    def connectionMade(self) -> None:
        if self.made is not None:
            self.made(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason
        self._look()

    def _look(self) -> None:
        while self._waiting:
            pattern, waiting = self._waiting[0]
            if pattern is not None:
                end = self.received.find(pattern, self._seen)
                if end >= 0:
                    end += len(pattern)
                    found, self._seen = self.received[self._seen : end], end
                    self._waiting.pop(0)
                    waiting.callback(found)
                    continue
            if self.lost is None:
                return
            self._waiting.pop(0)
            if pattern is None:
                waiting.callback(self.received)
            else:
                waiting.errback(AssertionError(f"{pattern!r} never came: {self.received[self._seen :][:2000]!r}"))

    def until(self, pattern: bytes) -> Deferred[bytes]:
        """What comes after what was waited for before, up to ``pattern`` and with it."""
        return self._wait(pattern)

    def closed(self) -> Deferred[bytes]:
        """All that has come, once the connection is closed."""
        return self._wait(None)

    def _wait(self, pattern: bytes | None) -> Deferred[bytes]:
        waiting: Deferred[bytes] = Deferred()
        self._waiting.append((pattern, waiting))
        self._look()
        return waiting.addTimeout(DEADLINE, reactor)

    @property
    def ended_well(self) -> bool:
        """Whether the connection was closed, and not cut."""
        return self.lost is not None and self.lost.check(ConnectionDone) is not None

    def send(self, data: bytes) -> None:
        """Send ``data``."""
        self.transport.write(data)

    def close(self) -> None:
        """Close after what has been sent."""
        self.transport.loseConnection()

    def cut(self) -> None:
        """Close at once (RST)."""
        self.transport.abortConnection()


class Head(NamedTuple):
    """The first line and the headers of a message, names in lower case, repeated ones joined by ``|``."""

    line: str
    headers: dict[str, str]


def head_of(data: bytes) -> Head:
    """The head at the beginning of ``data``."""
    line, *lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    headers: dict[str, str] = {}
    for text in lines:
        name, _, value = text.partition(": ")
        name = name.lower()
        headers[name] = f"{headers[name]}|{value}" if name in headers else value
    return Head(line, headers)


class Answer(NamedTuple):
    """What a client got, chunks joined."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    whole: bool


def answer_of(data: bytes, *, method: str = "GET") -> Answer:
    """The response in ``data``, the last on its connection. ``whole``: its framing says that nothing is missing."""
    head = head_of(data)
    _, status, reason = head.line.split(" ", 2)
    body = data.partition(b"\r\n\r\n")[2]
    whole = True
    if head.headers.get("transfer-encoding") == "chunked":
        body, whole = unchunked(body)
    elif "content-length" in head.headers and method != "HEAD" and status != "304":
        whole = len(body) == int(head.headers["content-length"])
    return Answer(int(status), reason, head.headers, body, whole)


def unchunked(data: bytes) -> tuple[bytes, bool]:
    """The body in chunks, and whether it has its end."""
    body = b""
    while data:
        size, _, rest = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body, rest == b"\r\n"
        body, data = body + rest[:length], rest[length + 2 :]
    return body, False


class Upstreams(Factory):
    """Listens; ``await next()`` is its next connection."""

    noisy = False

    def __init__(self) -> None:
        self.peers: list[Peer] = []
        self._queue: DeferredQueue[Peer] = DeferredQueue()

    def buildProtocol(self, addr: object) -> Peer:
        peer = Peer()
        peer.made = self._queue.put
        self.peers.append(peer)
        return peer

    def next(self) -> Deferred[Peer]:
        """The next connection, which may have begun already."""
        waiting: Deferred[Peer] = self._queue.get()
        return waiting.addTimeout(DEADLINE, reactor)


class ProxyCase(LiveCase):
    """In ``config`` UPSTREAM stands for ``127.0.0.1:port`` of ``self.upstream``.

    Each request has a connection of its own, unless ``handlers:`` there says otherwise.
    """

    timeout = 120

    async def setUp(self) -> None:  # type: ignore[override]
        self.upstream = Upstreams()
        self.listening = reactor.listenTCP(0, self.upstream, interface="127.0.0.1")
        self.clients: list[Peer] = []
        self.authority = f"127.0.0.1:{self.listening.getHost().port}"
        self.config = self.configured(self.config)  # type: ignore[misc]
        super().setUp()

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the app, whose Python files can be imported while the test runs."""
        folder = str(self.folder)
        if folder not in sys.path:
            sys.path.insert(0, folder)
            self.addCleanup(ModuleSet([folder]).forget)
            self.addCleanup(sys.path.remove, folder)
        return super().write(name, content)

    def configured(self, config: str) -> str:
        """``config`` with what is known now."""
        handlers = "" if "handlers:" in config else "handlers: {ProxyHandler: {keep_alive: 0}}\n"
        return handlers + config.replace("UPSTREAM", self.authority)

    async def tearDown(self) -> None:
        for peer in [*self.clients, *self.upstream.peers]:
            if peer.lost is None and peer.connected:
                peer.cut()
                await peer.closed()
        await super().tearDown()
        await self.listening.stopListening()
        for peer in self.upstream.peers:
            if peer.connected:
                await peer.closed()

    async def client(self) -> Peer:
        """A connection to the app."""
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port.getHost().port)
        peer: Peer = await connectProtocol(endpoint, Peer())
        self.clients.append(peer)
        return peer

    async def ask(self, path: str, *lines: str, method: str = "GET", body: bytes = b"") -> Peer:
        """A client that has sent a request with these header lines, and closes after it."""
        client = await self.client()
        extra = [f"Content-Length: {len(body)}"] if body else []
        head = [f"{method} {path} HTTP/1.1", "Host: app.example", "Connection: close", *extra, *lines, "", ""]
        client.send("\r\n".join(head).encode("latin-1") + body)
        return client

    async def exchange(
        self, path: str, *lines: str, answer: bytes = HELLO, method: str = "GET", body: bytes = b""
    ) -> tuple[Head, Answer]:
        """What the upstream got of a request, and what the client got of ``answer``."""
        client = await self.ask(path, *lines, method=method, body=body)
        peer = await self.upstream.next()
        head = await peer.until(b"\r\n\r\n")
        peer.send(answer)
        if b"Content-Length" not in answer and b"chunked" not in answer:
            peer.close()
        return head_of(head), answer_of(await client.closed(), method=method)
