"""One open WebSocket: its functions are called one after another, in the order in which things happen."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from gramex_twisted.errors import HTTPError
from gramex_twisted.functions import Function
from gramex_twisted.services.websockets import WebSockets
from gramex_twisted.web.frames import PING, Frame, framed
from gramex_twisted.web.messages import WebSocketClosedError
from gramex_twisted.web.run import drive

if TYPE_CHECKING:
    from gramex_twisted.resources.websocket.options import Plan
    from gramex_twisted.resources.websocket.protocol import ServerProtocol
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

log = Logger()

#: Messages that wait for a function before no more are read, and how few do when reading goes on.
MOST_WAITING, FEW_WAITING = 64, 16
#: Messages that a thread writes before it waits for the reactor to have taken them.
AHEAD = 32
#: The data of the server's own pings, whose pongs ``on_pong`` does not see.
KEEP_ALIVE = b"gramex"
OK, ABNORMAL, POLICY, INTERNAL_ERROR = 1000, 1006, 1008, 1011


class Connection:
    """What user code's ``handler`` writes to, and what the protocol reports to.

    Its functions are those of the route when it was opened. They run where the app says that now serves: after a reload
    that left the route as it was, the connection belongs to the new app.
    """

    __slots__ = (
        "_ahead",
        "_busy",
        "_closing_since",
        "_heard_at",
        "_pinged_at",
        "_queue",
        "_size",
        "close_code",
        "close_reason",
        "context",
        "ended",
        "plan",
        "protocol",
        "subprotocol",
    )

    protocol: ServerProtocol

    def __init__(self, plan: Plan, context: Context, subprotocol: str | None) -> None:
        self.plan = plan
        self.context = context
        self.subprotocol = subprotocol
        self.close_code: int | None = None
        self.close_reason: str | None = None
        self.ended = False
        self._queue: deque[tuple[Function, Any, int]] | None = None
        self._size = 0  # of the messages that wait
        self._busy = False
        self._ahead = 0
        self._closing_since: float | None = None
        self._heard_at = self._pinged_at = context.route.services.reactor.seconds()

    @property
    def services(self) -> Services:
        """Those of the app that the connection belongs to."""
        services: Services = self.context.route.services
        return services

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
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        self.services.rooms.leave_all(self)
        if not self._busy:
            self._start()

    # Functions --------------------------------------------------------------------------------------------------------

    def _put(self, function: Function, value: Any, size: int) -> None:
        queue = self._queue
        if queue is None:
            queue = self._queue = deque()
        queue.append((function, value, size))
        self._size += size
        if not self._busy:
            self._start()
        elif len(queue) >= MOST_WAITING or self._size >= self.plan.max_message_size:
            self.protocol.hold(True)

    def _start(self) -> None:
        self._busy = True
        drive(self._work(), self.context.route.held)

    async def _work(self) -> None:
        """Call functions until there is nothing to do; at the very end, ``on_close``."""
        while self._queue:
            function, value, size = self._queue.popleft()
            await self._call(function, value)
            self._size -= size
            if self.protocol.held and len(self._queue or ()) <= FEW_WAITING:
                self.protocol.hold(False)
        self._queue = None  # an empty one still has 600 bytes
        if not self.ended:
            self._busy = False
            return
        if self.plan.on_close is not None:
            await self._call(self.plan.on_close, None)
        self.services.part(WebSockets).discard(self)

    async def _call(self, function: Function, value: Any) -> None:
        context = self.context
        in_flight = self.services.in_flight
        in_flight.began()
        values = () if value is None else (value,)
        try:
            await context.route.resource.run(function, context, context, *values)
            if context._session is not None:
                await context.save_session()
        except WebSocketClosedError:
            log.debug("{route}: {function} wrote to a client that is gone", route=context.name, function=function)
        except (Exception, asyncio.CancelledError, CancelledError) as error:  # noqa: BLE001 - whatever user code raises
            self._failed(function, error)
        finally:
            in_flight.ended()

    def _failed(self, function: Function, error: BaseException) -> None:
        """Log what a function raised, and close: 1008 for an HTTPError that is the client's fault, else 1011."""
        if isinstance(error, HTTPError) and error.status_code < 500:
            code, reason = POLICY, error.log_message or error.reason
            log.info("{route}: {error}; the WebSocket is closed", route=self.context.name, error=str(error))
        else:
            code, reason = INTERNAL_ERROR, "an error in the server"
            log.error(
                "{route}: {function} failed; the WebSocket is closed\n{trace}",
                route=self.context.name,
                function=function.source,
                trace="".join(traceback.format_exception(error)).rstrip(),
            )
        self.close(code, reason)

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
        self._ahead += 1
        if protocol.out.paused or self._ahead > AHEAD:
            self.services.threads.call_in_reactor(self._write_now, frame)
        else:
            self.services.threads.tell_reactor(self._deliver_told, frame)

    def _write_now(self, frame: Frame) -> Deferred[None]:
        self._deliver_told(frame)
        return self.protocol.out.drained()

    def _deliver_told(self, frame: Frame) -> None:
        self._ahead = 0
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
