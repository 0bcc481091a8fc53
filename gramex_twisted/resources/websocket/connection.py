"""One open WebSocket: its functions are called one after another, in the order in which things happen."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred

from gramex_twisted.resources.websocket.calls import Calls
from gramex_twisted.resources.websocket.outbox import OVERHEAD
from gramex_twisted.services.websockets import WebSockets
from gramex_twisted.web.frames import PING, Frame, framed
from gramex_twisted.web.messages import WebSocketClosedError

if TYPE_CHECKING:
    from gramex_twisted.resources.websocket.options import Plan
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

#: Messages that a thread writes before it waits for the reactor to have taken them.
AHEAD = 32
#: The data of the server's own pings, whose pongs ``on_pong`` does not see.
KEEP_ALIVE = b"gramex"
ABNORMAL = 1006


class Connection(Calls):
    """What user code's ``handler`` writes to, and what the protocol reports to.

    Its functions are those of the route when it was opened. They run where the app says that now serves: after a reload
    that left the route as it was, the connection belongs to the new app.
    """

    __slots__ = (
        "_closing_since",
        "_heard_at",
        "_pinged_at",
        "_taken",
        "_told",
        "close_code",
        "close_reason",
        "subprotocol",
    )

    def __init__(self, plan: Plan, context: Context, subprotocol: str | None) -> None:
        super().__init__(plan, context)
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason: str | None = None
        # Messages of threads: each has a number, and so many have arrived. Only counting is safe in several threads.
        self._told = count(1)
        self._taken = 0
        self._closing_since: float | None = None
        self._heard_at = self._pinged_at = context.route.services.reactor.seconds()

    def opened(self) -> None:
        """The protocol is there, and the client has been told."""
        self.services.part(WebSockets).add(self)
        self.services.rooms.join(self.context.name, self)
        if self.plan.open is not None:
            self._put(self.plan.open, None, 0)

    # What the protocol reports ----------------------------------------------------------------------------------------

    def received(self, message: str | bytes, size: int) -> None:
        """A message has arrived; ``size`` in bytes."""
        if self.plan.on_message is not None:
            self._put(self.plan.on_message, message, size)

    def ponged(self, data: bytes) -> None:
        """A pong has arrived."""
        if self.plan.on_pong is not None and data != KEEP_ALIVE:
            self._put(self.plan.on_pong, data, len(data))

    def closing(self) -> None:
        """A close frame has been sent: from now on the client's time is short."""
        if self._closing_since is None:
            self._closing_since = self.services.reactor.seconds()

    def lost(self, code: int, reason: str) -> None:
        """The connection has ended."""
        self.ended = True
        self._heard_at = self.services.reactor.seconds()
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        self.services.rooms.leave_all(self)
        if not self._busy:
            self._start()

    def over(self) -> None:
        """See ``Calls.over``."""
        self.services.part(WebSockets).discard(self)

    # What user code asks for ------------------------------------------------------------------------------------------

    def write(self, frame: Frame) -> Deferred[None]:
        """Send a message; fires when the client has kept up.

        :raises WebSocketClosedError: when it is closed.
        """
        protocol = self.protocol
        if protocol.state != protocol.STATE_OPEN:
            raise WebSocketClosedError(f"the WebSocket is closed ({self.close_code or 'closing'})")
        protocol.send(frame)
        return protocol.out.drained()

    def write_in_thread(self, frame: Frame) -> None:
        """``write`` from a thread, which need not wait for the reactor each time."""
        protocol = self.protocol
        if protocol.state != protocol.STATE_OPEN:
            raise WebSocketClosedError(f"the WebSocket is closed ({self.close_code or 'closing'})")
        ahead = next(self._told) - self._taken
        share = (len(frame.raw) + OVERHEAD) * AHEAD  # of the buffer, if the client stops reading now
        if protocol.out.paused or ahead > AHEAD or 2 * share > protocol.out.limit:
            self.services.threads.call_in_reactor(self._take_and_wait, frame)
        else:
            self.services.threads.tell_reactor(self._take, frame)

    def _take_and_wait(self, frame: Frame) -> Deferred[None]:
        self._take(frame)
        return self.protocol.out.drained()

    def _take(self, frame: Frame) -> None:
        self._taken += 1
        self.deliver(frame)

    def deliver(self, frame: Frame) -> None:
        """Send a message, if the WebSocket is open."""
        if self.protocol.state == self.protocol.STATE_OPEN:
            self.protocol.send(frame)

    def close(self, code: int, reason: str) -> None:
        """Begin to close. What waits for a function is dropped."""
        if self._queue and not self.ended:
            self._queue.clear()
        self.protocol.close(code, reason)

    def ping(self, data: bytes) -> None:
        """Send a ping.

        :raises WebSocketClosedError: when the WebSocket is closed.
        """
        if self.protocol.state != self.protocol.STATE_OPEN:
            raise WebSocketClosedError("the WebSocket is closed")
        self.protocol.sendData(framed(data, PING))

    # What the app asks for --------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """A second has passed: send a ping, or give the client up."""
        protocol, plan = self.protocol, self.plan
        if self.ended:
            self._let_end(now)
            return
        if protocol.heard or protocol.held:
            protocol.heard = False
            self._heard_at = now
        if self._closing_since is not None:
            if now - self._closing_since >= plan.close_timeout:
                protocol.abort()
        elif plan.ping_interval:
            if now - self._heard_at > plan.ping_interval + plan.ping_timeout:
                self.close_code, self.close_reason = ABNORMAL, f"no answer to a ping for {plan.ping_timeout:g} s"
                protocol.abort()
            elif now - self._pinged_at >= plan.ping_interval:
                self._pinged_at = now
                protocol.sendData(framed(KEEP_ALIVE, PING))

    def _let_end(self, now: float) -> None:
        """A coroutine that waits for something else would keep ``on_close`` waiting, and an old app alive."""
        running, self._running = self._running, None
        if running is None or now - self._heard_at < self.plan.close_timeout:
            self._running = running
        else:
            running.cancel()

    def go_away(self, code: int, reason: str) -> None:
        """Close, since the server or the route goes."""
        self.close(code, reason)

    def abort(self) -> None:
        """Cut the connection."""
        self.protocol.abort()

    def move(self, successor: Services) -> bool:
        """Belong to the app ``successor`` from now on; False where its route is not the same."""
        endpoint = successor.endpoints.get(self.context.name)
        plan = getattr(getattr(endpoint, "resource", None), "plan", None)
        if plan is None or plan.identity != self.plan.identity or self.ended or self._closing_since is not None:
            return False
        rooms = self.services.rooms.leave_all(self)
        self.context.route = endpoint
        for room in rooms:
            successor.rooms.join(room, self)
        return True
