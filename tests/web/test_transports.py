"""Writing at once and in large pieces, on real connections."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP4ServerEndpoint, connectProtocol
from twisted.internet.interfaces import IPullProducer
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Connection
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import TestCase
from zope.interface import implementer

from gramex_twisted.web.transports import WIDE, narrow, widen, write_now


class Side(Protocol):
    """Keeps what it receives; ``closed`` fires at the end."""

    transport: Any

    def __init__(self) -> None:
        self.received = bytearray()
        self.closed: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.closed.callback(bytes(self.received))


@implementer(IPullProducer)
class Numbers:
    """Writes what is left of ``pieces``, one each time it is asked, then closes."""

    def __init__(self, consumer: Any, pieces: list[bytes]) -> None:
        self.consumer = consumer
        self.pieces = pieces

    def resumeProducing(self) -> None:
        if self.pieces:
            write_now(self.consumer, self.pieces.pop(0))
        else:
            self.consumer.unregisterProducer()
            self.consumer.loseConnection()

    def stopProducing(self) -> None:
        self.pieces.clear()


class TransportsTest(TestCase):
    """Each test has a connection: ``self.here`` and ``self.there``."""

    timeout = 60

    async def setUp(self) -> None:  # type: ignore[override]
        made: Deferred[Side] = Deferred()

        class Accepted(Side):
            def connectionMade(self) -> None:
                made.callback(self)

        port = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Accepted))
        self.addCleanup(port.stopListening)
        self.here: Side = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port), Side())
        self.there = await made
        self.addCleanup(lambda: [side.transport.abortConnection() for side in (self.here, self.there)])

    async def test_what_the_system_takes_is_gone_before_the_call_returns(self) -> None:
        transport = self.here.transport
        write_now(transport, b"hello")
        self.assertEqual((transport.dataBuffer, transport._tempDataBuffer), (b"", []))
        self.assertNotIn(transport, reactor.getWriters())
        transport.loseConnection()
        self.assertEqual(await self.there.closed, b"hello")

    async def test_bytes_arrive_in_order_however_they_were_written_and_however_slow_the_reader(self) -> None:
        self.there.transport.pauseProducing()
        transport, expected = self.here.transport, b""
        for number in range(60):
            piece = bytes([number]) * (200_000 + number)
            expected += piece
            write_now(transport, piece) if number % 3 else transport.write(piece)
        self.assertTrue(transport._tempDataBuffer, "the system took it all: make it more")
        transport.loseConnection()
        self.there.transport.resumeProducing()
        self.assertEqual(await self.there.closed, expected)

    async def test_a_producer_is_paused_where_the_reader_is_slow(self) -> None:
        self.there.transport.pauseProducing()
        told: list[str] = []
        producer = type(
            "Producer",
            (),
            {name: lambda self, name=name: told.append(name) for name in ("pauseProducing", "stopProducing")},
        )()
        resumed: Deferred[None] = Deferred()
        producer.resumeProducing = lambda: resumed.callback(None)
        self.here.transport.registerProducer(producer, True)
        while not told:
            write_now(self.here.transport, bytes(1 << 20))
        self.assertEqual(told, ["pauseProducing"])
        self.there.transport.resumeProducing()
        await resumed
        self.here.transport.unregisterProducer()

    async def test_who_is_asked_for_each_piece_is_still_asked(self) -> None:
        transport = self.here.transport
        transport.registerProducer(Numbers(transport, [b"1", b"2", b"3"]), False)
        self.assertEqual(await self.there.closed, b"123")

    async def test_nothing_is_sent_after_the_connection_was_cut(self) -> None:
        self.here.transport.abortConnection()
        write_now(self.here.transport, b"too late")
        self.assertEqual(await self.there.closed, b"")

    async def test_a_connection_that_the_other_side_has_cut_is_lost_as_ever(self) -> None:
        self.there.transport.abortConnection()
        await self.there.closed
        while not self.here.closed.called:
            write_now(self.here.transport, bytes(1000))
            waited: Deferred[None] = Deferred()
            reactor.callLater(0, waited.callback, None)
            await waited

    async def test_a_long_body_is_received_in_large_pieces_and_a_short_one_is_not(self) -> None:
        transport = self.here.transport
        for length, size in ((WIDE, Connection.bufferSize), (WIDE + 1, WIDE), (None, WIDE), ("unknown", WIDE)):
            widen(transport, length)
            self.assertEqual(transport.bufferSize, size, length)
            narrow(transport)
            self.assertEqual(
                (transport.bufferSize, transport.SEND_LIMIT), (Connection.bufferSize, Connection.SEND_LIMIT)
            )

    def test_other_transports_work_as_ever(self) -> None:
        transport = StringTransport()
        widen(transport, None)
        narrow(transport)
        write_now(transport, b"hello")
        self.assertEqual(transport.value(), b"hello")
