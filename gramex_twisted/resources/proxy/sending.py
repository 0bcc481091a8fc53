"""A request's body on its way to the upstream, as fast as the upstream takes it and the client sends it."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer

from gramex_twisted.resources.proxy.patience import Patience
from gramex_twisted.web.body import Body


@implementer(IBodyProducer)
class Sender:
    """Produces the body of a request, which its client is still sending."""

    def __init__(self, body: Body) -> None:
        self.length: Any = UNKNOWN_LENGTH if body.length is None else body.length
        self.patience: Patience | None = None
        self._body = body
        self._stopped = False
        self._paused = False
        self._resumed: Deferred[None] | None = None
        self._sending: Deferred[None] | None = None

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Fires when all has been given to ``consumer``; fails with what made the client's body fail."""
        done: Deferred[None] = Deferred()
        self._sending = sending = Deferred.fromCoroutine(self._send(consumer))

        def ended(result: Any) -> None:
            if not self._stopped:
                done.callback(result)
            elif isinstance(result, Failure):
                result.trap(CancelledError, Exception)

        sending.addBoth(ended)
        return done

    async def _send(self, consumer: IConsumer) -> None:
        while not self._stopped:
            self._wait_for_client(True)
            piece = await self._body.read()
            self._wait_for_client(False)
            if not piece or self._stopped:
                return
            consumer.write(piece)
            if self._paused:
                self._resumed = Deferred()
                await self._resumed

    def _wait_for_client(self, waiting: bool) -> None:
        if self.patience is not None:
            self.patience.hold(waiting)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.callback(None)

    def stopProducing(self) -> None:
        """The upstream wants no more."""
        if not self._stopped:
            self._stopped = True
            if self._sending is not None:
                self._sending.cancel()
