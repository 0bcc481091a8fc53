"""The reactor of `twist gramex`: sockets, files and errors, as Twisted's own has them."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Any

import uvloop
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python import context
from twisted.python.log import ILogContext
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from gramex_twisted.daemon.reactor import Reactor

#: Turns of the reactor in which a test must have come to its end.
MOST_TURNS = 1000


@implementer(IReadDescriptor, IWriteDescriptor)
class Ends:
    """A descriptor that notes what it is told; ``fault`` is raised when it can be read."""

    def __init__(self, descriptor: int, fault: BaseException | None = None) -> None:
        self.descriptor = descriptor
        self.fault = fault
        self.told: list[str] = []
        self.system: Any = None

    def fileno(self) -> int:
        return self.descriptor

    def logPrefix(self) -> str:
        return "Ends"

    def doRead(self) -> None:
        self.told.append("read")
        self.system = context.get(ILogContext)["system"]
        os.read(self.descriptor, 100)
        if self.fault is not None:
            raise self.fault

    def doWrite(self) -> None:
        self.told.append("written")

    def connectionLost(self, reason: Any) -> None:
        self.told.append(reason.type.__name__)

    readConnectionLost = writeConnectionLost = connectionLost


@implementer(IReadDescriptor, IWriteDescriptor)
class Reads:
    """A socket that reads one byte at a time, and notes how it ends."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = b""
        self.lost: type[BaseException] | None = None

    def fileno(self) -> int:
        return self.connection.fileno()

    def logPrefix(self) -> str:
        return "Reads"

    def doRead(self) -> BaseException | None:
        try:
            piece = self.connection.recv(1)
        except OSError as error:
            return error
        self.data += piece
        return None if piece else ConnectionDone()

    def doWrite(self) -> BaseException | None:
        try:
            self.connection.send(b"x")
        except OSError as error:
            return error
        return None

    def connectionLost(self, reason: Any) -> None:
        self.lost = reason.type

    readConnectionLost = writeConnectionLost = connectionLost


class ReactorTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.loop = self.new_loop()
        self.reactor = Reactor(self.loop)
        self.addCleanup(self.loop.close)
        self.addCleanup(self.reactor.removeAll)
        self.here, self.there = socket.socketpair()
        self.addCleanup(self.here.close)
        self.addCleanup(self.there.close)

    def new_loop(self) -> asyncio.AbstractEventLoop:
        return asyncio.new_event_loop()

    def turn_until(self, condition: Any) -> None:
        for _ in range(MOST_TURNS):
            if condition():
                return
            self.reactor.iterate(0)
        self.fail("it did not happen")

    def test_what_can_be_read_is_read_until_it_is_removed(self) -> None:
        ends = Ends(self.here.fileno())
        self.reactor.addReader(ends)
        self.reactor.addReader(ends)
        self.assertEqual(self.reactor.getReaders().count(ends), 1)
        for count in (1, 2):
            self.there.send(b"x")
            self.turn_until(lambda count=count: len(ends.told) == count)
        self.reactor.removeReader(ends)
        self.there.send(b"x")
        for _ in range(3):
            self.reactor.iterate(0)
        self.assertEqual(ends.told, ["read", "read"])
        self.assertNotIn(ends, self.reactor.getReaders())

    def test_what_can_be_written_to_is_told_so_until_it_is_removed(self) -> None:
        ends = Ends(self.here.fileno())
        self.reactor.addWriter(ends)
        self.turn_until(lambda: len(ends.told) > 1)
        self.reactor.removeWriter(ends)
        count = len(ends.told)
        for _ in range(3):
            self.reactor.iterate(0)
        self.assertEqual(ends.told, ["written"] * count)

    def test_no_log_context_is_made(self) -> None:
        ends = Ends(self.here.fileno())
        self.reactor.addReader(ends)
        self.there.send(b"x")
        self.turn_until(lambda: ends.told)
        self.assertEqual(ends.system, "-")

    def test_who_fails_is_disconnected_and_the_error_is_logged(self) -> None:
        ends = Ends(self.here.fileno(), ValueError("broken"))
        self.reactor.addReader(ends)
        self.there.send(b"x")
        self.turn_until(lambda: len(ends.told) > 1)
        self.assertEqual(ends.told, ["read", "ValueError"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertNotIn(ends, self.reactor.getReaders())

    def test_whoever_wants_to_exit_does_not_stop_it(self) -> None:
        ends = Ends(self.here.fileno(), SystemExit())
        self.reactor.addReader(ends)
        self.there.send(b"x")
        self.turn_until(lambda: ends.told)
        self.there.send(b"x")
        self.turn_until(lambda: len(ends.told) > 1)
        self.assertEqual(len(self.flushLoggedErrors(SystemExit)), 2)

    def reset(self) -> Reads:
        """A reader whose peer has sent something and then reset the connection, which the reactor hears of at once."""
        with socket.create_server(("127.0.0.1", 0)) as port:
            there = socket.create_connection(port.getsockname())
            here, _ = port.accept()
        self.addCleanup(here.close)
        here.setblocking(False)
        there.send(b"abc")
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        there.close()
        return Reads(here)

    def test_who_sends_and_then_resets_the_connection_is_read_and_then_lost(self) -> None:
        reads = self.reset()
        self.reactor.addReader(reads)
        self.turn_until(lambda: reads.lost is not None)
        self.assertEqual((reads.data, reads.lost), (b"abc", ConnectionResetError))
        self.assertNotIn(reads, self.reactor.getReaders())

    def test_what_is_written_to_a_connection_that_was_reset_is_no_error(self) -> None:
        reads = self.reset()
        self.reactor.addReader(reads)
        self.turn_until(lambda: reads.data)
        self.reactor.addWriter(reads)
        self.turn_until(lambda: reads.lost is not None)
        self.assertEqual((reads.data[:1], reads.lost), (b"a", ConnectionResetError))

    def test_files_which_the_system_does_not_watch_are_polled(self) -> None:
        path = self.mktemp()
        with open(path, "wb") as file:
            file.write(b"x")
        descriptor = os.open(path, os.O_RDONLY)
        self.addCleanup(os.close, descriptor)
        ends = Ends(descriptor)
        self.reactor.addReader(ends)
        self.turn_until(lambda: ends.told)
        self.reactor.removeReader(ends)
        self.assertEqual(self.reactor.getReaders().count(ends), 0)


class UvloopTests(ReactorTests):
    def new_loop(self) -> asyncio.AbstractEventLoop:
        return uvloop.new_event_loop()
