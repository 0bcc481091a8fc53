"""The functions of one connection: called one after another, in the order in which things happened."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from gramex_twisted.current import APP
from gramex_twisted.errors import HTTPError
from gramex_twisted.functions import Function
from gramex_twisted.services.websockets import WebSockets
from gramex_twisted.web.messages import WebSocketClosedError
from gramex_twisted.web.run import as_deferred, drive, is_awaitable

if TYPE_CHECKING:
    from gramex_twisted.resources.websocket.options import Plan
    from gramex_twisted.resources.websocket.protocol import ServerProtocol
    from gramex_twisted.services.container import Services
    from gramex_twisted.web.context import Context

log = Logger()

#: Messages that wait for a function before no more are read, and how few do when reading goes on.
MOST_WAITING, FEW_WAITING = 64, 16
POLICY, INTERNAL_ERROR = 1008, 1011


class Calls:
    """The base of a Connection: its queue of calls, which are worked off one by one.

    Its functions are those of the route when it was opened. They run where the app says that now serves.
    """

    __slots__ = ("_busy", "_queue", "_running", "_size", "context", "ended", "plan", "protocol")

    protocol: ServerProtocol

    def __init__(self, plan: Plan, context: Context) -> None:
        self.plan = plan
        self.context = context
        self.ended = False
        self._queue: deque[tuple[Function, Any, int]] | None = None
        self._size = 0  # of the messages that wait
        self._busy = False
        self._running: Deferred[Any] | None = None  # a coroutine function's call

    @property
    def services(self) -> Services:
        """Those of the app that the connection belongs to."""
        services: Services = self.context.route.services
        return services

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""
        raise NotImplementedError

    def over(self) -> None:
        """``on_close`` has run: nothing comes after it."""
        raise NotImplementedError

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
        APP.set(self.services)
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
        self.over()

    async def _call(self, function: Function, value: Any) -> None:
        context = self.context
        services = self.services
        values = (context,) if value is None else (context, value)
        services.in_flight.began()
        try:
            if function.mode == "async":
                await self._run_coroutine(function, values)
            elif context.route.resource.threaded(function):
                await self._run_in_thread(function, values)
            else:
                await context.route.resource.run(function, context, *values)
            # One that has begun since is this connection's alone: its cookie cannot be set any more.
            if context._session is not None and context._session.original is not None:
                await context.save_session()
        except WebSocketClosedError:
            log.debug("{route}: {function} wrote to a client that is gone", route=context.name, function=function)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - whatever user code raises
            self._failed(function, error)
        finally:
            services.in_flight.ended()

    async def _run_in_thread(self, function: Function, values: tuple[Any, ...]) -> None:
        # Not more of them at once than the pool takes: others wait here, and their clients with them.
        places = self.services.part(WebSockets).places
        await places.acquire()
        try:
            await self.context.route.resource.run(function, self.context, *values)
        finally:
            places.release()

    async def _run_coroutine(self, function: Function, values: tuple[Any, ...]) -> None:
        """One that can be cancelled."""
        route = self.context.route
        if function.steps:
            self._running = Deferred.fromCoroutine(route.resource.run(function, self.context, *values))
        else:
            result = function.call(*values)
            if not is_awaitable(result):
                return
            self._running = as_deferred(result, self.services.reactor, route.held)
        try:
            await self._running
        finally:
            self._running = None

    def _failed(self, function: Function, error: BaseException) -> None:
        """Log what a function raised, and close: 1008 for an HTTPError that is the client's fault, else 1011."""
        if self.ended and isinstance(error, (asyncio.CancelledError, CancelledError)):
            log.info("{route}: {function} was cancelled", route=self.context.name, function=function.source)
            return
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
            self.context.route.report(self.context, error)
        self.close(code, reason)
