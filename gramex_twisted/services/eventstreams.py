"""The open event streams of an app: kept alive by heartbeats, ended when the app is to end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import LoopingCall

from gramex_twisted.web.events import HEARTBEAT

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.stream import Stream

#: Seconds between heartbeats: proxies close what is silent for a minute or so.
BEAT = 15.0


class OpenEvents:
    """One open stream. ``step``: what its generator waits for. ``over``: there is nobody to make events for."""

    def __init__(self, stream: Stream) -> None:
        self.step: Deferred[Any] | None = None
        self.over = False
        self._stream = stream

    def beat(self) -> None:
        """Show the client that the server is there, which also finds out whether the client is."""
        if not self._stream.gone and not self._stream.waits:
            self._stream.write(HEARTBEAT)

    def end(self) -> None:
        """End the response well: the client comes back by itself. Whoever writes to it finds it gone."""
        self.over = True
        self._stream.finish()
        self._stream.gone = True
        self.lost()

    def lost(self) -> None:
        """The client has gone, or has had all."""
        self.over = True
        step, self.step = self.step, None
        if step is not None:
            step.cancel()


class EventStreams(Service):
    """All open streams."""

    name = "event streams"

    def __init__(self, services: Any) -> None:
        self._open: set[OpenEvents] = set()
        self._ticker = LoopingCall(self._beat)
        self._ticker.clock = services.reactor

    def open(self, context: Context) -> OpenEvents:
        """Begin the stream of a response."""
        for name, value in (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")):
            if context.get_header(name) is None:
                context.set_header(name, value)
        events = OpenEvents(context.open_stream())
        self._open.add(events)
        context.native.notifyFinish().addBoth(self._closed, events)
        if not self._ticker.running:
            self._ticker.start(BEAT, now=False)
        return events

    def _closed(self, _: object, events: OpenEvents) -> None:
        self._open.discard(events)
        events.lost()
        if not self._open and self._ticker.running:
            self._ticker.stop()

    def _beat(self) -> None:
        for events in list(self._open):
            events.beat()

    def hand_over(self, successor: Any) -> None:
        """Another app takes over: clients come back to it."""
        self._end()

    def drain(self) -> Deferred[None]:
        """The server stops."""
        self._end()
        return succeed(None)

    def _end(self) -> None:
        for events in list(self._open):
            events.end()

    def stopService(self) -> None:
        """End what is left."""
        super().stopService()
        self._end()
