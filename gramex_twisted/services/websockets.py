"""WebSockets: the open connections of one app, which live longer than requests do.

They end with their clients, with the server, or when their route changes: a reload moves all others to the new app.
"""

from __future__ import annotations

from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore, succeed
from twisted.internet.task import LoopingCall

from gramex_twisted.services.container import Services

#: Codes to close with: the server stops; it goes on, with another route.
GOING_AWAY, RESTARTED = 1001, 1012
#: Most calls in threads at once, or waiting for one: the pool has room for others too.
MOST_IN_THREADS = 200
#: Seconds between looks at all connections.
TICK = 1.0


class OpenSocket(Protocol):
    """A WebSocket's connection, with its functions."""

    def tick(self, now: float) -> None:
        """A second has passed."""

    def go_away(self, code: int, reason: str) -> None:
        """Begin to close."""

    def abort(self) -> None:
        """Cut the connection."""

    def move(self, successor: Services) -> bool:
        """Belong to ``successor``; False where it has no such route."""


class WebSockets(Service):
    """The open connections of one app: ``add`` them; ``discard`` them when they have ended, functions and all."""

    def __init__(self, services: Services) -> None:
        self.open: set[OpenSocket] = set()
        self.draining = False
        self.places = DeferredSemaphore(MOST_IN_THREADS)
        self._reactor = services.reactor
        self._ticker = LoopingCall(self._tick)
        self._ticker.clock = services.reactor
        self._drained: list[Deferred[None]] = []

    def add(self, socket: OpenSocket) -> None:
        """A connection is open."""
        self.open.add(socket)
        if not self._ticker.running:
            self._ticker.start(TICK, now=False)

    def discard(self, socket: OpenSocket) -> None:
        """A connection has ended, or has moved."""
        self.open.discard(socket)
        if not self.open:
            if self._ticker.running:
                self._ticker.stop()
            drained, self._drained = self._drained, []
            for deferred in drained:
                deferred.callback(None)

    def _tick(self) -> None:
        now = self._reactor.seconds()
        for socket in list(self.open):
            socket.tick(now)

    def hand_over(self, successor: Services) -> None:
        """Move the connections to the app that takes over; close those whose route has changed."""
        heir = successor.part(WebSockets)
        for socket in list(self.open):
            if socket.move(successor):
                heir.add(socket)
                self.discard(socket)
            else:
                socket.go_away(RESTARTED, "this address has changed")

    def drain(self) -> Deferred[None]:
        """Take no more connections, and close those there are; fires when they have ended."""
        self.draining = True
        for socket in list(self.open):
            socket.go_away(GOING_AWAY, "the server stops")
        return self._all_gone()

    def _all_gone(self) -> Deferred[None]:
        if not self.open:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._drained.append(deferred)
        return deferred

    def stopService(self) -> None:
        """Cut what is left."""
        super().stopService()
        for socket in list(self.open):
            socket.abort()
        if self._ticker.running:
            self._ticker.stop()
