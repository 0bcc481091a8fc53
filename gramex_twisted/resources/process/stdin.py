"""The request body, on its way into a program."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from gramex_twisted.services.processes import Child
from gramex_twisted.web.body import Body


@implementer(IPushProducer)
class Stdin:
    """Feeds ``body`` to ``child``, no faster than it reads."""

    def __init__(self, child: Child, body: Body) -> None:
        self._child = child
        self._body = body
        self._paused = False
        self._waiting: Deferred[None] | None = None
        child.on_stdin_closed = self._wake

    async def feed(self) -> None:
        """Write it all, then close the pipe. A program that closes it has read enough.

        :raises ClientGone: when the client leaves before the end; HTTPError for a body that is too long or too slow.
        """
        transport = self._child.transport
        pipe: Any = transport.pipes.get(0)
        if pipe is None:
            return
        pipe.registerProducer(self, True)
        async for piece in self._body:
            if self._child.stdin_closed:
                return
            transport.write(piece)
            if self._paused and not self._child.stdin_closed:
                self._waiting = Deferred()
                await self._waiting
        if not self._child.stdin_closed:
            pipe.unregisterProducer()
            transport.closeStdin()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self._wake()

    def stopProducing(self) -> None:
        self._wake()
