"""Large files over real sockets: flat memory, no faster than the client, and cut when the file is."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure

from benchmarks import memory
from gramex_twisted.web.filebody import FileCutError, OpenFile
from tests.live import LiveCase, reactor

MEGABYTE = 1 << 20
SIZE = 48 * MEGABYTE


class Client(Protocol):
    """Asks for one path and counts what comes; ``pause_at`` bytes it stops reading."""

    def __init__(self, path: str, pause_at: int | None = None) -> None:
        self.path = path
        self.pause_at = pause_at
        self.received = 0
        self.head = b""
        self.digest = sha256()
        self.paused: Deferred[None] = Deferred()
        self.lost: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(f"GET {self.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def dataReceived(self, data: bytes) -> None:
        if not self.head.endswith(b"\r\n\r\n"):
            head, end, data = (self.head + data).partition(b"\r\n\r\n")
            self.head = head + end
        self.received += len(data)
        self.digest.update(data)
        if self.pause_at is not None and self.received >= self.pause_at:
            self.pause_at = None
            self.pipe.pauseProducing()
            self.paused.callback(None)

    @property
    def pipe(self) -> Any:
        """The transport."""
        return self.transport

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008 - Twisted's signature
        self.lost.errback(reason)


class LargeFileTests(LiveCase):
    config = "url: {files: {pattern: '/(.*)', handler: FileHandler, kwargs: {path: files}}}"

    def setUp(self) -> None:
        super().setUp()
        self.file = self.write("files/large.bin", b"")
        with self.file.open("wb") as file:
            file.truncate(SIZE)
            file.write(os.urandom(MEGABYTE))
        self.closed: Deferred[None] = Deferred()
        self.read = 0
        self.count()

    def count(self) -> None:
        """Count the bytes that the server reads, and tell when it closes the file."""
        read, close = OpenFile.read, OpenFile.close

        def counted(file: OpenFile, position: int, count: int) -> bytes:
            data = read(file, position, count)
            self.read += len(data)
            return data

        def told(file: OpenFile) -> None:
            close(file)
            if not self.closed.called:
                self.closed.callback(None)

        self.patch(OpenFile, "read", counted)
        self.patch(OpenFile, "close", told)

    async def ask(self, client: Client) -> Client:
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.port.getHost().port)
        return await connectProtocol(endpoint, client)

    async def turns(self, count: int = 300) -> None:
        """Let the reactor go on for a while."""
        for _ in range(count):
            turn: Deferred[None] = Deferred()
            reactor.callLater(0, turn.callback, None)
            await turn

    async def test_it_arrives_whole_with_little_memory(self) -> None:
        memory.reset_peak(os.getpid())
        before = memory.resident(os.getpid())
        client = await self.ask(Client("/large.bin"))
        await self.assertFailure(client.lost, ConnectionDone)
        self.assertLess(memory.peak(os.getpid()) - before, 20 * MEGABYTE)
        self.assertEqual(client.received, SIZE)
        self.assertEqual(client.digest.digest(), sha256(self.file.read_bytes()).digest())

    async def test_a_slow_client_is_not_read_ahead_of_and_gets_it_all(self) -> None:
        client = await self.ask(Client("/large.bin", pause_at=1))
        await client.paused
        await self.turns()
        self.assertLess(self.read, SIZE // 2)  # what the two sockets hold, and one chunk
        stopped = self.read
        await self.turns()
        self.assertEqual(self.read, stopped)
        client.pipe.resumeProducing()
        await self.assertFailure(client.lost, ConnectionDone)
        self.assertEqual(client.received, SIZE)

    async def test_a_client_that_leaves_closes_the_file(self) -> None:
        client = await self.ask(Client("/large.bin", pause_at=1))
        await client.paused
        client.pipe.abortConnection()
        await self.assertFailure(client.lost, ConnectionAborted)
        await self.closed
        self.assertLess(self.read, SIZE)

    async def test_a_file_that_is_cut_while_it_is_sent_cuts_the_connection(self) -> None:
        client = await self.ask(Client("/large.bin", pause_at=1))
        await client.paused
        await self.turns()
        os.truncate(self.file, MEGABYTE)
        client.pipe.resumeProducing()
        await self.assertFailure(client.lost, ConnectionLost)
        self.assertLess(client.received, SIZE)
        self.assertIn(f"Content-Length: {SIZE}".encode(), client.head)
        await self.closed
        self.flushLoggedErrors(FileCutError)
