"""services.redisbus and services.rooms, against a real Redis that dies, comes back and sends nonsense."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.redisbus import RedisBus
from gramex_twisted.services.rooms import Rooms
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.redisclient import Connection, parse
from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.frames import Frame, encoded
from tests.servers import RedisServer

DEADLINE = 60.0


class Heard:
    """A member of a room, or what a bus delivers to; ``await heard.next()``."""

    def __init__(self) -> None:
        self.all: list[Any] = []
        self._waiting: Deferred[None] | None = None

    def __call__(self, room: str, frame: Frame) -> None:
        self._got((room, frame))

    def deliver(self, frame: Frame) -> None:
        self._got(frame.payload)

    def _got(self, what: Any) -> None:
        self.all.append(what)
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    async def until(self, count: int) -> list[Any]:
        """Wait for so many in all."""
        while len(self.all) < count:
            self._waiting = Deferred()
            await self._waiting.addTimeout(DEADLINE, reactor)
        return self.all


class BusCase(TestCase):
    timeout = 120

    def setUp(self) -> None:
        self.server = RedisServer.of(self)

    def connection(self) -> Connection:
        """One to ask Redis by."""
        connection = Connection(reactor, parse(self.server.url()), 5.0)
        self.addCleanup(lambda: Deferred.fromCoroutine(connection.close()))
        return connection

    def bus(self, name: str = "app", database: int = 0) -> RedisBus:
        """One that ends with the test."""
        bus = RedisBus(reactor, self.server.url(database=database), name)
        self.addCleanup(bus.stopService)
        return bus


class RedisBusTests(BusCase):
    async def test_a_message_reaches_all_others_of_its_channel_once(self) -> None:
        buses = [self.bus(), self.bus(), self.bus(), self.bus("other"), self.bus(database=1)]
        heard = [Heard() for _ in buses]
        for bus, ears in zip(buses, heard, strict=True):
            await bus.listen(ears)
        for frame in (encoded("κόσμε"), encoded(b"\xff" * 100_000, binary=True), encoded("")):
            await buses[0].publish("rööm", frame)
        wanted = [("rööm", encoded("κόσμε")), ("rööm", encoded(b"\xff" * 100_000, binary=True)), ("rööm", encoded(""))]
        self.assertEqual([await ears.until(3) for ears in heard[1:3]], [wanted, wanted])
        self.assertEqual([ears.all for ears in (heard[0], *heard[3:])], [[], [], []])

    async def test_nonsense_on_the_channel_is_dropped(self) -> None:
        bus, other, heard = self.bus(), self.bus(), Heard()
        await bus.listen(heard)
        connection = self.connection()
        for message in (b"", b"short", b"x" * 9 + b"\xff\xff", b"x" * 8 + b"\1\0\2\xff\xffrest"):
            self.assertEqual(await connection.call("PUBLISH", bus._channel, message), 1)
        await other.publish("room", encoded("good"))
        [*_, last] = await heard.until(1)
        self.assertEqual(last[1].payload, b"good")

    async def test_while_it_is_away_listening_does_not_wait_and_publishing_fails(self) -> None:
        self.server.kill()
        bus = self.bus()
        await bus.listen(Heard())
        with self.assertRaises(StoreError):
            await bus.publish("room", encoded("x"))

    async def test_it_is_not_connected_to_before_it_is_needed(self) -> None:
        self.bus()
        connection = self.connection()
        clients = await connection.call("CLIENT", "LIST")
        self.assertEqual(clients.count(b"\n"), 1)


class RoomsTests(BusCase):
    async def test_members_here_get_it_even_when_others_cannot(self) -> None:
        rooms, near = Rooms(self.bus()), Heard()
        rooms.join("red", near)
        self.server.kill()
        self.assertEqual(await rooms.broadcast("red", encoded("x")), 1)
        self.assertEqual(near.all, [b"x"])

    async def test_members_elsewhere_get_it(self) -> None:
        here, there = Rooms(self.bus()), Rooms(self.bus())
        near, far = Heard(), Heard()
        here.join("red", near)
        there.join("red", far)
        for rooms in (here, there):
            listening = rooms.listen()
            assert listening is not None
            await listening
        self.assertEqual(await here.broadcast("red", encoded("x"), near), 0)
        self.assertEqual((await far.until(1), near.all), ([b"x"], []))


class ConfigurationTests(AppTestCase):
    def test_a_wrong_url_is_an_error_with_its_place(self) -> None:
        for url, message in [
            ("http://x", "app.broadcast: url: a Redis URL starts with redis://"),
            ("redis://x/name", "app.broadcast: url: the database is a number"),
        ]:
            with self.assertRaises(ExceptionGroup) as caught:
                self.make_app(f"app: {{broadcast: {{type: redis, url: '{url}'}}}}")
            [error] = caught.exception.exceptions
            assert isinstance(error, ConfigError)
            self.assertIn(message, error.message)
            self.assertIn("gramex.yaml:1:", error.where)


class MemoryRoomsTests(SynchronousTestCase):
    def test_a_room_is_gone_with_its_last_member(self) -> None:
        rooms, one, two = Rooms(), Heard(), Heard()
        rooms.join("red", one)
        rooms.join("red", two)
        rooms.join("blue", one)
        rooms.leave("red", one)
        rooms.leave("green", one)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(rooms.broadcast("red", encoded("x")))), 1)
        self.assertEqual((one.all, two.all), ([], [b"x"]))
        self.assertEqual(rooms.leave_all(one), {"blue"})
        self.assertEqual(rooms.leave_all(two), {"red"})
        self.assertEqual((rooms._members, rooms._rooms), ({}, {}))
