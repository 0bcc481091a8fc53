"""services.stores.redisstore and redisclient, against a real Redis that dies, hangs, refuses and comes back."""

from __future__ import annotations

import os
import random
import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.redisclient import PAUSE, parse
from gramex_twisted.services.stores.redisstore import RedisStore
from tests.certificates import make_certificate
from tests.servers import PrivateServer, RedisServer
from tests.services.stores.support import increment, stopped_after, together


class TlsServer(RedisServer):
    """Redis that speaks TLS only."""

    def command(self) -> list[str]:
        self.certificate, key = make_certificate(self.folder, "redis")
        tls = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no"]
        files = ["--tls-cert-file", self.certificate, "--tls-key-file", key, "--tls-ca-cert-file", self.certificate]
        return [*super().command(), *tls, *map(str, files)]

    answers = PrivateServer.answers


class RedisTest(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.server = RedisServer.of(self)

    def store(self, url: str = "", prefix: str = "test:", **options: Any) -> RedisStore:
        store = RedisStore(self.reactor, url or self.server.url(), prefix, **options)
        stopped_after(self, store)
        return store

    async def fails(self, coroutine: Any) -> str:
        """The text of the StoreError that ``coroutine`` ends with."""
        with self.assertRaises(StoreError) as caught:
            await coroutine
        return str(caught.exception)

    async def reply(self, *command: str) -> Any:
        """What Redis says to another client."""
        return await self.store()._call(*command)

    async def until_back(self, store: RedisStore) -> None:
        """Use the store until it works, as requests do."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                await store.get("k")
            except StoreError:
                waiting: Deferred[None] = Deferred()
                self.reactor.callLater(PAUSE / 4, waiting.callback, None)
                await waiting
            else:
                return
        self.fail("the store did not recover")


class FailureTests(RedisTest):
    async def test_what_was_confirmed_survives_a_kill_of_redis_in_the_midst_of_writing(self) -> None:
        store, confirmed = self.store(), list[str]()
        kill_at = random.randrange(50, 300)

        async def write(number: int) -> None:
            for count in range(1000):
                key = f"{number}-{count}"
                await store.put(key, b"v" * 100)
                confirmed.append(key)
                if len(confirmed) == kill_at:
                    self.server.kill()

        ended = await together(self.fails(write(number)) for number in range(8))
        self.assertEqual(len(ended), 8)
        self.server.start()
        await self.until_back(store)
        # Another store, since a connection of this one may still wait before it tries again.
        self.assertEqual(set(confirmed) - set(await self.store().keys()), set())
        self.assertGreaterEqual(len(confirmed), kill_at)

    async def test_a_redis_that_is_down_is_an_error_at_once_and_works_again_when_it_is_back(self) -> None:
        store = self.store()
        await store.put("k", b"v")
        self.server.kill()
        began = time.monotonic()
        for _ in range(50):
            message = await self.fails(store.get("k"))
        self.assertLess(time.monotonic() - began, 2, "no request waits for a dead server")
        self.assertRegex(message, rf"^redis://127\.0\.0\.1:{self.server.port}/0: cannot be used: .*refused")
        self.server.start()
        await self.until_back(store)
        self.assertEqual(await store.get("k"), Entry(b"v"))
        self.assertEqual(await store.update("n", increment), 1)

    async def test_a_redis_that_hangs_is_an_error_in_time_and_works_again_when_it_goes_on(self) -> None:
        store = self.store(timeout=0.4)
        await store.put("k", b"v")
        self.server.freeze()
        began = time.monotonic()
        calls = [store.get("k"), store.put("k", b"w"), store.update("n", increment), store.update("n", increment)]
        for message in await together(map(self.fails, calls)):
            self.assertRegex(message, "no answer within 0.2 s|no turn to change 'n' came within 0.4 s")
        self.assertLess(time.monotonic() - began, 2)
        self.assertIn("no answer within 0.2 s", await self.fails(self.store(timeout=0.4).get("k")))
        self.server.thaw()
        await self.until_back(store)
        self.assertGreaterEqual(await store.update("n", increment), 1)
        self.assertEqual(store._locks, {})

    async def test_what_redis_refuses_is_reported_with_its_reason(self) -> None:
        store = self.store()
        await self.reply("CONFIG", "SET", "maxmemory", "1")
        self.assertIn("SET: OOM command not allowed", await self.fails(store.put("k", b"v")))
        await self.reply("CONFIG", "SET", "maxmemory", "0")
        await store.put("k", b"v")
        await self.reply("LPUSH", "test:list", "not ours")
        self.assertIn("WRONGTYPE", await self.fails(store.get("list")))
        await self.reply("SET", "test:short", "not ours")
        self.assertIn("was not written by this store", await self.fails(store.get("short")))


class SharingTests(RedisTest):
    async def test_updates_of_one_key_through_several_stores_lose_nothing(self) -> None:
        stores = [self.store() for _ in range(4)]
        await together(store.update("n", increment) for _ in range(25) for store in stores)
        self.assertEqual(await stores[0].get("n"), Entry(b'{"n":100}'))

    async def test_stores_of_other_prefixes_and_databases_do_not_meet(self) -> None:
        stores = [self.store(), self.store(prefix="te*t:"), self.store(self.server.url(database=3))]
        await together(store.put("k", str(number).encode()) for number, store in enumerate(stores))
        found = [(await store.get("k"), await store.keys()) for store in stores]
        self.assertEqual(found, [(Entry(str(number).encode()), ["k"]) for number in range(3)])

    async def test_redis_itself_removes_what_has_expired(self) -> None:
        store = self.store()
        await store.put("k", b"v", time.time() + 100)
        await store.update("u", lambda entry: (Entry(b"v", time.time() + 100), None))
        await store.put("for ever", b"v")
        lifetimes = [await self.reply("PTTL", f"test:{key}") for key in ("k", "u", "for ever")]
        self.assertTrue(90_000 < lifetimes[0] <= 100_000, lifetimes)
        self.assertTrue(90_000 < lifetimes[1] <= 100_000, lifetimes)
        self.assertEqual(lifetimes[2], -1)

    async def test_many_keys_are_listed_and_few_connections_are_opened(self) -> None:
        store = self.store()
        await together(store.put(f"k{number}", b"v") for number in range(2500))
        self.assertEqual(len(await store.keys()), 2500)
        clients = await store._call("CLIENT", "LIST")
        self.assertLessEqual(len(clients.splitlines()), 4)


class AccessTests(RedisTest):
    async def test_a_password_and_a_user_in_the_url(self) -> None:
        await self.reply("ACL", "SETUSER", "ann", "on", ">p@ss:/word", "~*", "+@all")
        await self.reply("CONFIG", "SET", "requirepass", "secret")
        for user in (":secret", "ann:p%40ss%3A%2Fword"):
            store = self.store(self.server.url(user))
            await store.put("k", user.encode())
            self.assertEqual(await store.get("k"), Entry(user.encode()))

    async def test_a_wrong_password_is_an_error_until_it_is_right(self) -> None:
        await self.reply("CONFIG", "SET", "requirepass", "other")
        store = self.store(self.server.url(":secret"))
        message = await self.fails(store.get("k"))
        self.assertRegex(message, "cannot be used: WRONGPASS")
        self.assertNotIn("secret", message)
        await self.store(self.server.url(":other"))._call("CONFIG", "SET", "requirepass", "secret")
        await self.until_back(store)

    async def test_tls_with_a_certificate_that_the_system_trusts(self) -> None:
        self.server.kill()
        server = TlsServer.of(self)
        url = f"rediss://localhost:{server.port}/0"
        self.assertIn("cannot be used: ", await self.fails(self.store(url).get("k")))
        os.environ["SSL_CERT_FILE"] = str(server.certificate)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")
        store = self.store(url)
        await store.put("k", b"v")
        self.assertEqual(await store.get("k"), Entry(b"v"))


class UrlTests(SynchronousTestCase):
    def test_parts(self) -> None:
        address = parse("redis://ann:p%40ss@redis.example.org:7000/3")
        self.assertEqual((address.host, address.port, address.database), ("redis.example.org", 7000, 3))
        self.assertEqual((address.user, address.password, address.tls), ("ann", "p@ss", False))
        self.assertEqual(address.name, "redis://redis.example.org:7000/3")
        self.assertEqual(parse("redis://")[:4], ("redis://localhost:6379/0", "localhost", 6379, None))
        self.assertTrue(parse("rediss://[::1]").tls)
        self.assertEqual(parse("unix:///run/redis.sock?db=2")[3], "/run/redis.sock")
        self.assertEqual(parse("unix:///run/redis.sock?db=2").database, 2)

    def test_what_is_wrong_is_said(self) -> None:
        for url, message in (
            ("localhost:6379", "starts with redis://"),
            ("http://x", "starts with redis://"),
            ("redis://x:port", "write redis://host:6379/0"),
            ("redis://x/sessions", "the database is a number, and not 'sessions'"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                parse(url)
