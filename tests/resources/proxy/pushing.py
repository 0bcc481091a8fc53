"""Bodies that are longer than the buffers on their way, pushed and counted."""

from __future__ import annotations

from hashlib import sha256

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import deferLater
from zope.interface import implementer

from tests.resources.proxy.support import Peer, reactor

#: Bytes of such a body, and those that the kernel's buffers on the way and ours may hold.
TOTAL, BUFFERED = 64 << 20, 24 << 20


class Counter:
    """Takes ``total`` bytes of a Pusher from a peer, without keeping them.

    ``done`` fires when they are there, with whether they were the right ones.
    """

    def __init__(self, peer: Peer, total: int) -> None:
        self.total = total
        self.digest = sha256()
        self.left = total
        self.done: Deferred[bool] = Deferred()
        peer.dataReceived = self._count  # type: ignore[method-assign]

    def _count(self, data: bytes) -> None:
        self.left -= len(data)
        self.digest.update(data)
        if self.left <= 0 and not self.done.called:
            right = sha256()
            for _ in range(self.total // len(Pusher.BLOCK)):
                right.update(Pusher.BLOCK)
            self.done.callback(right.digest() == self.digest.digest())


#: Turns of the reactor after which a pusher that was never let go on counts as held back.
TURNS = 2000


@implementer(IPushProducer)
class Pusher:
    """Sends ``total`` bytes to a peer, as fast as its connection takes them."""

    BLOCK = bytes(range(256)) * 256

    def __init__(self, peer: Peer, total: int) -> None:
        self.peer = peer
        self.total = total
        self.sent = 0
        self.paused = False
        peer.transport.registerProducer(self, True)
        self._push()

    def _push(self) -> None:
        while not self.paused and self.sent < self.total:
            self.sent += len(self.BLOCK)
            self.peer.send(self.BLOCK)
        if self.sent >= self.total:
            self.peer.transport.unregisterProducer()

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False
        self._push()

    def stopProducing(self) -> None:
        self.paused = True

    async def held_back(self) -> int:
        """The bytes that were taken until nothing more was, for ``TURNS`` turns in a row."""
        turns, sent = 0, -1
        while turns < TURNS and self.sent < self.total:
            turns = turns + 1 if self.paused and sent == self.sent else 0
            sent = self.sent
            await deferLater(reactor, 0)
        return self.sent
