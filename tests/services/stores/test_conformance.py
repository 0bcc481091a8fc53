"""What every store promises, proved for each of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from gramex_twisted.services.stores.base import Entry, Store, StoreError
from gramex_twisted.services.stores.dictstore import DictStore
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from tests.servers import RedisServer
from tests.services.stores.support import Child, FakeClock, changed_to, increment, stopped_after, together

KEYS = (
    "",
    "a",
    "a:b",
    "a*[?]\\^",
    "é",
    "日本語",
    "\x00",
    "a\x00b",
    "\U0001f600",
    "a\nb",
    "/../x",
    "k" * 1024,
    "%",
    "'\"",
)


class Conformance:
    """Mix into a TestCase. ``values``: some that the store takes. ``purges``: whether purge has anything to do.
    ``ordered``: whether it can tell which entries are new."""

    values: tuple[bytes, ...] = (b"", b"text", bytes(range(256)), b"\r\n$-1\r\n", b"123", b"x" * (1 << 20))
    purges = True
    ordered = False

    def make(self) -> Store:
        raise NotImplementedError

    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.clock = FakeClock()
        self.folder = Path(self.mktemp()).absolute()  # type: ignore[attr-defined]
        self.folder.mkdir()
        self.store = stopped_after(self, self.make())

    def run_(self: Any, coroutine: Any) -> Any:
        return Deferred.fromCoroutine(coroutine)

    async def test_what_was_put_is_got_whatever_the_key(self: Any) -> None:
        await self.store.ready()
        for number, key in enumerate(KEYS):
            await self.store.put(key, b'{"number":%d}' % number)
        for number, key in enumerate(KEYS):
            self.assertEqual(await self.store.get(key), Entry(b'{"number":%d}' % number), repr(key))
        self.assertEqual(await self.store.keys(), sorted(KEYS))

    async def test_every_kind_of_value_comes_back_as_it_was(self: Any) -> None:
        for value in self.values:
            await self.store.put("k", value)
            self.assertEqual(await self.store.get("k"), Entry(value))
            await self.store.update("u", changed_to(Entry(value, self.clock.now + 5)))
            self.assertEqual(await self.store.get("u"), Entry(value, self.clock.now + 5))

    async def test_what_is_absent_is_none_and_cannot_be_deleted(self: Any) -> None:
        self.assertIsNone(await self.store.get("absent"))
        self.assertIs(await self.store.delete("absent"), False)
        self.assertEqual(await self.store.keys(), [])
        self.assertEqual(await self.store.update("absent", lambda entry: (None, entry)), None)

    async def test_put_replaces_value_and_expiry_together(self: Any) -> None:
        await self.store.put("k", b'{"a":1}', self.clock.now + 10)
        self.assertEqual(await self.store.get("k"), Entry(b'{"a":1}', self.clock.now + 10))
        await self.store.put("k", b'{"a":2}')
        self.assertEqual(await self.store.get("k"), Entry(b'{"a":2}', None))

    async def test_a_deleted_entry_is_gone(self: Any) -> None:
        await self.store.put("k", b"{}")
        self.assertIs(await self.store.delete("k"), True)
        self.assertIsNone(await self.store.get("k"))
        self.assertIs(await self.store.delete("k"), False)

    async def test_update_stores_deletes_and_returns_what_the_change_says(self: Any) -> None:
        self.assertEqual(await self.store.update("n", increment), 1)
        self.assertEqual(await self.store.update("n", increment), 2)
        self.assertEqual(await self.store.get("n"), Entry(b'{"n":2}'))
        self.assertEqual(await self.store.update("n", lambda entry: (None, entry.value)), b'{"n":2}')
        self.assertIsNone(await self.store.get("n"))

    async def test_update_that_only_moves_the_expiry(self: Any) -> None:
        await self.store.put("k", b"{}", self.clock.now + 5)
        await self.store.update("k", lambda entry: (Entry(entry.value, self.clock.now + 50), None))
        self.assertEqual(await self.store.get("k"), Entry(b"{}", self.clock.now + 50))

    async def test_the_newest_are_bounded_and_neither_they_nor_the_count_have_what_is_left_out_or_expired(
        self: Any,
    ) -> None:
        self.assertEqual(await self.store.newest(9), [])
        for number in range(6):
            await self.store.put(f"k{number}", b'{"n":%d}' % number, self.clock.now + 100 + number)
        await self.store.put("auth:x", b"{}", self.clock.now + 900)
        await self.store.put("gone", b"{}", self.clock.now + 1)
        self.clock.now += 2
        found = dict(await self.store.newest(9, "auth:"))
        self.assertEqual(found, {f"k{n}": Entry(b'{"n":%d}' % n, self.clock.now + 98 + n) for n in range(6)})
        self.assertEqual(len(await self.store.newest(9)), 7)
        self.assertEqual(len(await self.store.newest(4, "auth:")), 4)
        if self.ordered:
            self.assertEqual([key for key, _ in await self.store.newest(2, "auth:")], ["k5", "k4"])
        self.assertIn((await self.store.count(), await self.store.count("auth:")), [(7, 6), (None, None)])

    async def test_what_a_change_raises_update_raises_and_nothing_is_changed(self: Any) -> None:
        await self.store.put("k", b"{}")

        def broken(entry: Entry | None) -> Any:
            raise ZeroDivisionError("broken")

        results = await together([self.raises(self.store.update("k", broken)), self.store.update("n", increment)])
        self.assertEqual(results, ["broken", 1])
        self.assertEqual(await self.store.get("k"), Entry(b"{}"))

    async def raises(self: Any, coroutine: Any) -> str:
        try:
            await coroutine
        except ZeroDivisionError as error:
            return str(error)
        return "nothing"

    async def test_an_entry_is_there_until_the_second_of_its_expiry(self: Any) -> None:
        for name in ("got", "updated", "deleted", "listed"):
            await self.store.put(name, b"{}", self.clock.now + 10)
        self.clock.now += 9.875
        self.assertEqual(await self.store.get("got"), Entry(b"{}", self.clock.now + 0.125))
        self.assertEqual(await self.store.keys("l"), ["listed"])
        self.clock.now += 0.125
        self.assertIsNone(await self.store.get("got"))
        self.assertEqual(await self.store.keys(), [])
        self.assertIs(await self.store.delete("deleted"), False)
        self.assertEqual(await self.store.update("updated", increment), 1)

    async def test_what_is_put_with_an_expiry_in_the_past_is_not_there(self: Any) -> None:
        await self.store.put("k", b'{"a":1}')
        await self.store.put("k", b"{}", self.clock.now - 1)
        self.assertIsNone(await self.store.get("k"))
        await self.store.update("k", changed_to(Entry(b"{}", self.clock.now)))
        self.assertIsNone(await self.store.get("k"))

    async def test_purge_removes_what_has_expired_and_nothing_else(self: Any) -> None:
        for number in range(6):
            await self.store.put(f"k{number}", b"{}", self.clock.now + number if number else None)
        self.clock.now += 3
        self.assertEqual(await self.store.purge(), 3 if self.purges else 0)
        self.assertEqual(await self.store.purge(), 0)
        self.assertEqual(await self.store.keys(), ["k0", "k4", "k5"])

    async def test_keys_have_the_prefix_itself_and_not_a_pattern(self: Any) -> None:
        for key in ("a", "ab", "a*", "a*c", "aé", "b", "", "a\U0010ffff", "a\U0010ffffz"):
            await self.store.put(key, b"{}")
        self.assertEqual(await self.store.keys("a*"), ["a*", "a*c"])
        self.assertEqual(await self.store.keys("aé"), ["aé"])
        self.assertEqual(await self.store.keys("a\U0010ffff"), ["a\U0010ffff", "a\U0010ffffz"])
        self.assertEqual(len(await self.store.keys("a")), 7)

    async def test_a_hundred_updates_at_once_lose_nothing(self: Any) -> None:
        results = await together(self.store.update("n", increment) for _ in range(100))
        self.assertEqual(sorted(results), list(range(1, 101)))
        self.assertEqual(await self.store.get("n"), Entry(b'{"n":100}'))

    async def test_of_many_that_consume_one_entry_one_gets_it(self: Any) -> None:
        await self.store.put("otp", b'{"user":"ann"}')
        results = await together(self.store.update("otp", lambda entry: (None, entry)) for _ in range(20))
        self.assertEqual([entry for entry in results if entry], [Entry(b'{"user":"ann"}')])

    async def test_a_store_that_has_stopped_says_so(self: Any) -> None:
        if isinstance(self.store, MemoryStore):
            return
        await self.store.put("k", b"{}")
        await self.store.stopService()
        for coroutine in (self.store.get("k"), self.store.put("k", b"{}"), self.store.update("k", increment)):
            with self.assertRaisesRegex(StoreError, "the server is stopping"):
                await coroutine


class SharedConformance(Conformance):
    """For stores that processes share. ``kind`` is child.py's."""

    kind = ""

    def location(self) -> str:
        return str(self.folder / "store")

    async def test_two_processes_lose_no_update(self: Any) -> None:
        children = [Child(self.kind, self.location(), "update", 200) for _ in range(2)]
        for child in children:
            child.ready()
        for child in children:
            child.begin()
        for child in children:
            child.finished()
        self.assertEqual(await self.store.get("n"), Entry(b'{"n":400}'))

    async def test_what_one_process_writes_another_reads_at_once(self: Any) -> None:
        self.assertIsNone(await self.store.get("n"))
        Child(self.kind, self.location(), "update", 2).ready().begin().finished()
        self.assertEqual(await self.store.get("n"), Entry(b'{"n":2}'))
        self.assertEqual(await self.store.update("n", increment), 3)


class DurableConformance(SharedConformance):
    """For stores that keep what they have confirmed."""

    async def test_what_was_confirmed_survives_a_kill_in_the_midst_of_writing(self: Any) -> None:
        confirmed = Child(self.kind, self.location(), "put", 8).ready().begin().killed_after(random.randrange(10, 150))
        self.assertGreaterEqual(len(confirmed), 10)
        there = set(await self.store.keys())
        self.assertEqual(set(confirmed) - there, set())
        for key in confirmed[-10:]:
            self.assertIn(key.encode(), (await self.store.get(key)).value)
        self.assertEqual(await self.store.update("n", increment), 1)


class MemoryTests(Conformance, TestCase):
    ordered = True

    def make(self) -> Store:
        return MemoryStore(self.reactor, clock=self.clock)


class BoundedMemoryTests(Conformance, TestCase):
    def make(self) -> Store:
        return MemoryStore(self.reactor, size=10 << 20, clock=self.clock)


class SqliteTests(DurableConformance, TestCase):
    ordered = True
    kind = "sqlite"

    def make(self) -> Store:
        return SqliteStore(self.reactor, self.folder / "store", "test", clock=self.clock)


class InlineSqliteTests(Conformance, TestCase):
    def make(self) -> Store:
        return SqliteStore(self.reactor, self.folder / "store", "test", clock=self.clock, threaded=False)


class DictTests(DurableConformance, TestCase):
    kind = "dict"
    values = (b"", b"text", b"\r\n$-1\r\n", b"123", "\u00e9\U0001f600".encode(), b"x" * (1 << 20))

    def make(self) -> Store:
        return DictStore(self.reactor, self.folder / "store", clock=self.clock)


class InlineDictTests(Conformance, TestCase):
    values = DictTests.values

    def make(self) -> Store:
        return DictStore(self.reactor, self.folder / "store", clock=self.clock, threaded=False)


class JsonFileTests(DurableConformance, TestCase):
    ordered = True
    kind = "json"
    values = (b"{}", b'{"a":[1,2.5,null,true,"\\u00e9 \xc3\xa9"]}', b'{"long":"%s"}' % (b"x" * (1 << 20)))

    def make(self) -> Store:
        return JsonFileStore(self.reactor, self.folder / "store", clock=self.clock)


class InlineJsonFileTests(Conformance, TestCase):
    values = JsonFileTests.values

    def make(self) -> Store:
        return JsonFileStore(self.reactor, self.folder / "store", clock=self.clock, threaded=False)


class DiskTests(SharedConformance, TestCase):
    kind = "disk"

    def make(self) -> Store:
        return DiskStore(self.reactor, self.folder / "store", 100 << 20, clock=self.clock)


class RedisTests(DurableConformance, TestCase):
    kind = "redis"
    purges = False

    def make(self) -> Store:
        from gramex_twisted.services.stores.redisstore import RedisStore

        self.server = RedisServer.of(self)
        return RedisStore(self.reactor, self.location(), "test:", clock=self.clock)

    def location(self) -> str:
        return self.server.url()  # type: ignore[attr-defined, no-any-return]
