"""RedisBus: messages between processes by Redis' publish and subscribe, on a channel that the app's processes share.

Nothing is kept: who does not listen when a message is published misses it. The connection that listens is opened when
the first member joins a room, and anew, ever more slowly up to ten seconds, while Redis is away.

Importing txredisapi imports the reactor: import this module when one is installed.
"""

from __future__ import annotations

import random
import secrets
import struct
from typing import Any

import txredisapi  # type: ignore[import-untyped]
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.endpoints import connectProtocol
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.redisclient import Connection, endpoint_of, parse
from gramex_twisted.web.frames import BINARY, TEXT, Frame, framed

log = Logger()
#: Seconds that Redis has to answer; between signs of life on a connection that listens; before it is tried again.
TIMEOUT, HEARTBEAT, FIRST_PAUSE, LONGEST_PAUSE = 5.0, 30.0, 0.1, 10.0
#: Messages that may be on their way to Redis.
MOST_PENDING = 10_000
_HEAD = struct.Struct(">8s?H")


class Subscriber(txredisapi.SubscriberProtocol):  # type: ignore[misc]
    """A connection that listens on one channel; ``received(bytes)`` gets what arrives."""

    def __init__(self, received: Any) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self.received = received
        self.heard = True

    def messageReceived(self, pattern: Any, channel: bytes, message: bytes) -> None:
        self.received(message)

    def dataReceived(self, data: bytes) -> None:
        self.heard = True
        super().dataReceived(data)


class RedisBus(Service):
    """See the module's text.

    :param url: as ``redisclient.parse`` takes it.
    :param name: of the app: apps that share a Redis have different ones.
    :raises ValueError: for another URL.
    """

    def __init__(self, reactor: Any, url: str, name: str) -> None:
        self._reactor = reactor
        self._address = address = parse(url)
        self._publisher = Connection(reactor, address, TIMEOUT)
        self._channel = f"gramex:broadcast:{address.database}:{name}"
        self._sender = secrets.token_bytes(8)
        self._deliver: Any = None
        self._loop: Deferred[None] | None = None
        self._tried: list[Deferred[None]] = []
        self._subscriber: Subscriber | None = None
        self._stopping = False
        self._state = ""  # what was logged last; empty before the first attempt

    # Sending ----------------------------------------------------------------------------------------------------------

    async def publish(self, room: str, frame: Frame) -> None:
        """Send a message to the other processes.

        :raises StoreError: when Redis does not take it.
        """
        if self._publisher.pending >= MOST_PENDING:
            raise StoreError(f"{self._address.name}: {MOST_PENDING} messages wait for it")
        name = room.encode("utf-8", "surrogatepass")
        head = _HEAD.pack(self._sender, frame.text, len(name))
        await self._publisher.call("PUBLISH", self._channel, head + name + frame.payload)

    # Listening --------------------------------------------------------------------------------------------------------

    def listen(self, deliver: Any) -> Deferred[None]:
        """See ``rooms.Bus``."""
        self._deliver = deliver
        if self._loop is None:
            self._loop = Deferred.fromCoroutine(self._listen())
            self._loop.addErrback(lambda failure: failure.trap(CancelledError))
        if self._state:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._tried.append(waiting)
        return waiting

    def _received(self, message: bytes) -> None:
        try:
            sender, text, length = _HEAD.unpack_from(message)
            if len(message) < _HEAD.size + length:
                raise ValueError("cut off")
            room = message[_HEAD.size : _HEAD.size + length].decode("utf-8", "surrogatepass")
        except (struct.error, ValueError):
            log.warn("{channel}: a message that is none of ours", channel=self._channel)
            return
        if sender != self._sender:
            payload = message[_HEAD.size + length :]
            self._deliver(room, Frame(payload, text, framed(payload, TEXT if text else BINARY)))

    async def _listen(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping:
            try:
                subscriber = await self._subscribe()
                pause = FIRST_PAUSE
                self._say("listening")
                if not self._stopping:  # whoever waited for this may have stopped it
                    await self._until_lost(subscriber)
                    self._say("the connection was lost")
            except CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever is wrong with Redis, it is tried again
                self._say(f"cannot be used: {error}")
            if not self._stopping:
                await deferLater(self._reactor, pause * (0.5 + random.random()))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _subscribe(self) -> Subscriber:
        address = self._address
        subscriber = Subscriber(self._received)
        opening = connectProtocol(endpoint_of(self._reactor, address, TIMEOUT), subscriber)
        await opening.addTimeout(TIMEOUT, self._reactor)
        try:
            if address.password is not None:
                await self._in_time(subscriber.auth(address.password, address.user))
            await self._in_time(subscriber.subscribe(self._channel))
        except BaseException:
            subscriber.transport.abortConnection()
            raise
        self._subscriber = subscriber
        return subscriber

    def _in_time(self, reply: Deferred[Any]) -> Deferred[Any]:
        return reply.addTimeout(TIMEOUT, self._reactor)

    async def _until_lost(self, subscriber: Subscriber) -> None:
        """Wait for the end of the connection, and see that its other end is there."""
        gone = subscriber.whenDisconnected()
        beat = LoopingCall(_beat, subscriber)
        beat.clock = self._reactor
        beat.start(HEARTBEAT, now=False)
        try:
            if subscriber.connected:
                await gone
        finally:
            beat.stop()

    def _say(self, state: str) -> None:
        if state != self._state:
            (log.info if state == "listening" else log.error)(
                "{server}: {state}, for what other processes broadcast", server=self._address.name, state=state
            )
        self._state = state
        tried, self._tried = self._tried, []
        for deferred in tried:
            deferred.callback(None)

    def stopService(self) -> Deferred[None]:
        """Close both connections."""
        super().stopService()
        self._stopping = True
        if self._loop is not None:
            self._loop.cancel()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        subscriber = self._subscriber
        if subscriber is not None and subscriber.connected:
            gone = subscriber.whenDisconnected()
            subscriber.transport.abortConnection()
            await gone
        await self._publisher.close()


def _beat(subscriber: Subscriber) -> None:
    if not subscriber.heard:
        subscriber.transport.abortConnection()
    elif subscriber.connected:
        subscriber.heard = False
        pong: Deferred[Any] = subscriber.execute_command("PING", apply_timeout=False)
        pong.addErrback(lambda failure: failure.trap(txredisapi.ConnectionError) and None)
