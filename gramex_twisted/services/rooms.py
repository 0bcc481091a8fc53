"""Rooms: who gets what is broadcast. Their names are those of the whole app.

A message goes to the members in this process at once, and by the bus, if there is one, to those in others.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.open import REDIS_URL
from gramex_twisted.web.frames import Frame

log = Logger()


class Member(Protocol):
    """A WebSocket in a room."""

    def deliver(self, frame: Frame) -> None:
        """Send a message; never fails, and never waits."""


class Bus(Protocol):
    """Carries messages between processes; ``services.redisbus.RedisBus``."""

    def listen(self, deliver: Any) -> Deferred[None]:
        """Call ``deliver(room, frame)`` for what others publish; fires when it listens, or cannot for now."""

    async def publish(self, room: str, frame: Frame) -> None:
        """Send a message to the other processes."""


class Rooms:
    """The rooms of one app. Called on the reactor.

    :param bus: reaches the rooms of other processes; None where there is but one.
    """

    def __init__(self, bus: Bus | None = None) -> None:
        self._bus = bus
        self._members: dict[str, set[Member]] = {}
        self._rooms: dict[Member, set[str]] = {}
        self._failing = False

    def join(self, room: str, member: Member) -> None:
        """``member`` gets what is broadcast to ``room``."""
        self._members.setdefault(room, set()).add(member)
        self._rooms.setdefault(member, set()).add(room)
        self.listen()

    def listen(self) -> Deferred[None] | None:
        """Begin to hear other processes; None where there are none."""
        return None if self._bus is None else self._bus.listen(self.deliver)

    def leave(self, room: str, member: Member) -> None:
        """``member`` gets it no more."""
        members = self._members.get(room, set())
        members.discard(member)
        if not members:
            self._members.pop(room, None)
        rooms = self._rooms.get(member, set())
        rooms.discard(room)
        if not rooms:
            self._rooms.pop(member, None)

    def leave_all(self, member: Member) -> set[str]:
        """``member`` is gone; the rooms that it was in."""
        rooms = set(self._rooms.get(member, ()))
        for room in rooms:
            self.leave(room, member)
        return rooms

    def deliver(self, room: str, frame: Frame, leave_out: Any = None) -> int:
        """Send a message to the members in this process; how many there are."""
        count = 0
        for member in tuple(self._members.get(room, ())):
            if member is not leave_out:
                member.deliver(frame)
                count += 1
        return count

    async def broadcast(self, room: str, frame: Frame, leave_out: Any = None) -> int:
        """``deliver``, and to other processes too. What cannot be sent to those is logged, and lost there."""
        count = self.deliver(room, frame, leave_out)
        if self._bus is not None:
            try:
                await self._bus.publish(room, frame)
            except StoreError as error:
                if not self._failing:
                    log.error("other processes do not get what is broadcast: {error}", error=str(error))
                self._failing = True
            else:
                self._failing = False
        return count


def open_bus(reactor: Any, options: Any) -> Any:
    """The bus that ``app.broadcast`` asks for, a Service. Nothing is connected yet.

    :raises ValueError: when a package is missing, or the URL is wrong.
    """
    try:
        from gramex_twisted.services.redisbus import RedisBus
    except ImportError as error:
        raise ValueError(f"type: redis needs {error.name}: pip install 'gramex-twisted[redis]'") from error
    try:
        return RedisBus(reactor, options.url or REDIS_URL, options.channel)
    except ValueError as error:
        raise ValueError(f"url: {error}") from None
