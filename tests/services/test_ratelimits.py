"""The service that counts: at once, in every store, and what its keys are."""

from __future__ import annotations

import json
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.services.ratelimits import LONGEST_KEY, Claim, RateLimits, Reservation, key_of
from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.stores.redisstore import RedisStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from tests.servers import RedisServer

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


class Tests(TestCase):
    """Two RateLimits, each with a store of its own, on the same data: as two processes have them."""

    timeout = 60

    def stores(self) -> list[Store]:
        raise NotImplementedError

    def setUp(self) -> None:
        self.limits = []
        for store in self.stores():
            store.startService()
            self.addCleanup(store.stopService)
            self.limits.append(RateLimits(store))
        self.claim = Claim("k", 10, self.limits[0].now() + 60)

    def claims(self, *claims: Claim) -> Deferred[list[Reservation]]:
        """Each of ``claims`` made at once, in turn by each RateLimits."""
        return gatherResults(
            [
                Deferred.fromCoroutine(self.limits[index % len(self.limits)].reserve([claim]))
                for index, claim in enumerate(claims)
            ]
        )


class EveryStore:
    """What holds for each of them."""

    limits: list[RateLimits]
    claim: Claim
    claims: Any
    assertEqual: Any

    def test_exactly_as_many_as_the_limit_get_a_place(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.all_at_once())

    async def all_at_once(self) -> None:
        got = await self.claims(*[self.claim] * 100)
        self.assertEqual(sorted(reservation.full for reservation in got), [False] * 10 + [True] * 90)
        self.assertEqual(sorted(r.usages[0].usage for r in got if not r.full), list(range(10)))
        self.assertEqual({r.usages[0].usage for r in got if r.full}, {10})

    def test_places_that_are_given_back_are_free_again(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.give_back())

    async def give_back(self) -> None:
        got = await self.claims(*[self.claim] * 10)
        await gatherResults([Deferred.fromCoroutine(r.give_back()) for r in got[:4] * 2])
        again = await self.claims(*[self.claim] * 10)
        self.assertEqual(sorted(reservation.full for reservation in again), [False] * 4 + [True] * 6)

    def test_a_count_is_reset(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.reset())

    async def reset(self) -> None:
        limits, claim = self.limits[0], self.claim._replace(key=key_of("p", [1]))
        self.assertEqual(await limits.reset("p", [1], 9), False)
        await self.claims(claim)
        self.assertEqual(await self.limits[-1].reset("p", [1], 9), True)
        self.assertEqual([r.full for r in await self.claims(claim, claim)].count(False), 1)


class MemoryTests(EveryStore, Tests):
    def stores(self) -> list[Store]:
        return [MemoryStore(reactor)]


class SqliteTests(EveryStore, Tests):
    def stores(self) -> list[Store]:
        path = Path(self.mktemp())
        return [SqliteStore(reactor, path, "ratelimit") for _ in range(2)]


class JsonFileTests(EveryStore, Tests):
    def stores(self) -> list[Store]:
        path = Path(self.mktemp())
        return [JsonFileStore(reactor, path) for _ in range(2)]


class RedisTests(EveryStore, Tests):
    def stores(self) -> list[Store]:
        server = RedisServer.of(self)
        assert isinstance(server, RedisServer)
        return [RedisStore(reactor, server.url()) for _ in range(2)]


class UpstreamFileTests(TestCase):
    def test_a_ratelimit_json_of_gramex_goes_on(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.go_on())

    async def go_on(self) -> None:
        path = Path(self.mktemp())
        path.write_text(json.dumps({json.dumps(["/api", "2026-01-31", "ann"]): {"n": 2, "_t": 4e9}}))
        store = JsonFileStore(reactor, path)
        store.startService()
        self.addCleanup(store.stopService)
        limits = RateLimits(store)
        claim = Claim(key_of("/api", ["2026-01-31", "ann"]), 3, 4e9)
        self.assertEqual([(await limits.reserve([claim])).full for _ in range(2)], [False, True])
        self.assertEqual(json.loads(path.read_text())[claim.key]["n"], 3)


class OneStoreTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.store = MemoryStore(None, clock=lambda: self.now)
        self.limits = RateLimits(self.store)

    def done(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_what_has_been_counted_anew_is_not_given_back(self) -> None:
        late = self.done(self.limits.reserve([Claim("k", 2, 1010)]))
        self.now = 1020
        self.done(self.limits.reserve([Claim("k", 2, 1030)]))
        self.done(late.give_back())
        self.assertEqual([self.done(self.limits.reserve([Claim("k", 2, 1030)])).full for _ in range(2)], [False, True])

    def test_the_end_of_a_count_is_that_of_its_last_use_that_succeeded(self) -> None:
        self.done(self.limits.reserve([Claim("k", 9, 1010)]))
        failed = self.done(self.limits.reserve([Claim("k", 9, 1015)]))
        self.assertEqual(self.store.entries["k"].expires, 1015)
        self.done(failed.give_back())
        self.assertEqual(self.store.entries["k"].expires, 1010)
        failed = self.done(self.limits.reserve([Claim("k", 9, 1016)]))
        self.done(self.limits.reserve([Claim("k", 9, 1017)]))
        self.done(failed.give_back())
        self.assertEqual(self.store.entries["k"].expires, 1017)

    def test_all_or_nothing(self) -> None:
        one, two = Claim("one", 5, 1060), Claim("two", 1, 1060)
        self.assertEqual(self.done(self.limits.reserve([one, two])).full, False)
        self.assertEqual(self.done(self.limits.reserve([one, two])).full, True)
        self.assertEqual(
            {key: json.loads(entry.value)["n"] for key, entry in self.store.entries.items()}, {"one": 1, "two": 1}
        )

    def test_what_is_no_count_counts_as_none(self) -> None:
        for value in (b"", b"[]", b"{}", b'{"n":"x"}', b"\xff"):
            self.done(self.store.put("k", value, 1060))
            self.assertEqual(self.done(self.limits.reserve([Claim("k", 1, 1060)])).full, False)


class KeyTests(SynchronousTestCase):
    def test_keys_are_those_of_gramex(self) -> None:
        self.assertEqual(key_of("/api", ["2022-01-01", "x@example.org"]), '["/api", "2022-01-01", "x@example.org"]')

    @settings(deadline=None, max_examples=200)
    @given(st.text(), st.lists(JSON, max_size=4), st.text(), st.lists(JSON, max_size=4))
    def test_different_values_have_different_keys_and_none_is_long(
        self, pool: str, keys: list[Any], pool2: str, keys2: list[Any]
    ) -> None:
        one, two = key_of(pool, keys), key_of(pool2, keys2)
        self.assertTrue(one.isascii())
        self.assertLessEqual(len(one), LONGEST_KEY)
        same = json.dumps([pool, *keys], sort_keys=True) == json.dumps([pool2, *keys2], sort_keys=True)
        self.assertEqual(one == two, same)

    @settings(deadline=None, max_examples=50)
    @given(st.dictionaries(st.text(), JSON, min_size=2, max_size=4))
    def test_the_order_of_a_dict_does_not_matter(self, value: dict[str, Any]) -> None:
        self.assertEqual(key_of("p", [value]), key_of("p", [dict(reversed(value.items()))]))

    def test_a_client_cannot_make_long_keys_or_meet_those_of_others_by_them(self) -> None:
        long = "x" * 100_000
        self.assertLess(len(key_of("p", [long])), 100)
        self.assertNotEqual(key_of("p", [long]), key_of("p", [long + "x"]))
        self.assertNotEqual(key_of("p", ['a", "b']), key_of("p", ["a", "b"]))

    def test_sets_and_other_values_have_keys(self) -> None:
        self.assertEqual(key_of("p", [{"b", "a"}, b"\xff", Path("/x")]), r'["p", ["a", "b"], "\u00ff", "/x"]')
        with self.assertRaises(TypeError):
            key_of("p", [{1: 2, "a": 3}])
