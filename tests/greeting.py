"""A server that says hello, for tests of ports."""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from gramex_twisted.daemon.listeners import Listener, Listeners
from gramex_twisted.daemon.sockets import Inherited, ListenError
from tests.processes import short_folder


class Greeter(Protocol):
    """Says hello and leaves."""

    def connectionMade(self) -> None:
        self.transport.write(b"hello")
        self.transport.loseConnection()


class ListenerTestCase(TestCase):
    """Listeners of a server that greets, in a folder of their own."""

    timeout = 20

    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.factory = Factory.forProtocol(Greeter)
        self.factory.noisy = False
        self.listeners = Listeners(reactor, self.factory, Inherited({}))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.listeners.close()))

    async def open(self, *listeners: Listener) -> None:
        change = await self.listeners.prepare(listeners)
        await change.commit()

    def port(self, index: int = 0) -> int:
        return int(self.listeners.urls[index].rpartition(":")[2])

    async def read(self, address: Any, family: int = socket.AF_INET) -> bytes:
        def fetch() -> bytes:
            with socket.socket(family) as client:
                client.settimeout(5)
                client.connect(address)
                return client.recv(100)

        return await deferToThread(fetch)

    async def fails(self, *listeners: Listener) -> str:
        try:
            await self.listeners.prepare(listeners)
        except ListenError as error:
            return str(error)
        raise AssertionError("it opened")
