"""A server that costs next to nothing: it gives 1 GB to a GET, takes what a PUT brings, and keeps none of it.

`python upstream.py --port N`
"""

from __future__ import annotations

import argparse
from typing import Any

import uvloop
from twisted.internet import asyncioreactor
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer

SIZE = 1_000_000_000
BLOCK = bytes(1 << 18)


@implementer(IPushProducer)
class Exchange(Protocol):
    """One connection."""

    transport: Any

    def connectionMade(self) -> None:
        self.head = b""
        self.left = 0
        self.unsent = 0
        self.paused = self.closes = False

    def dataReceived(self, data: bytes) -> None:
        if not self.left:
            self.head += data
            if b"\r\n\r\n" not in self.head:
                return
            head, _, data = self.head.partition(b"\r\n\r\n")
            self.head = b""
            self.closes = b"\r\nconnection: close" in head.lower()
            if not head.startswith(b"PUT /1g "):
                self.answer(SIZE if b" /1g " in head.partition(b"\r\n")[0] else 0)
                return
            self.left = SIZE
        self.left -= len(data)
        if self.left <= 0:
            self.left = 0
            self.answer(0)

    def answer(self, size: int) -> None:
        """Give ``size`` bytes."""
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        self.unsent, self.paused = size, False
        if size:
            self.transport.registerProducer(self, True)
            self.resumeProducing()
        else:
            self.done()

    def done(self) -> None:
        """The answer has been given."""
        if self.closes:
            self.transport.loseConnection()

    def resumeProducing(self) -> None:
        self.paused = False
        while self.unsent and not self.paused:
            block = BLOCK[: self.unsent]
            self.unsent -= len(block)
            self.transport.write(block)
        if not self.unsent:
            self.transport.unregisterProducer()
            self.done()

    def pauseProducing(self) -> None:
        self.paused = True

    def stopProducing(self) -> None:
        self.paused = True


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import reactor

    factory: Any = Factory.forProtocol(Exchange)
    reactor.listenTCP(options.port, factory, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
