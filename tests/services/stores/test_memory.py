"""services.stores.memory: how much it keeps, and for how long."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.stores.base import Entry
from gramex_twisted.services.stores.memory import OVERHEAD, MemoryStore
from tests.services.stores.support import FakeClock


class MemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()

    def store(self, **options: Any) -> MemoryStore:
        return MemoryStore(Clock(), clock=self.clock, **options)

    def run_(self, coroutine: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def test_what_was_not_used_for_longest_makes_room(self) -> None:
        store = self.store(size=3 * (OVERHEAD + 101))
        for key in "abc":
            self.run_(store.put(key, b"x" * 100))
        self.run_(store.get("a"))
        self.run_(store.put("d", b"x" * 100))
        self.assertEqual(self.run_(store.keys()), ["a", "c", "d"])
        self.assertEqual(store.entries.bytes, 3 * (OVERHEAD + 101))

    def test_what_is_bigger_than_the_store_is_not_kept(self) -> None:
        store = self.store(size=1000)
        self.run_(store.put("k", b"x" * 100))
        self.run_(store.put("big", b"x" * 2000))
        self.assertEqual((self.run_(store.keys()), store.entries.bytes), ([], 0))

    def test_bytes_are_counted_through_every_kind_of_change(self) -> None:
        store = self.store()
        self.run_(store.put("k", b"x" * 100))
        self.run_(store.put("k", b"x" * 10, self.clock.now + 1))
        self.run_(store.update("k", lambda entry: (Entry(b"x" * 50, self.clock.now + 1), None)))
        self.assertEqual(store.entries.bytes, OVERHEAD + 51)
        self.run_(store.put("l", b""))
        self.run_(store.delete("l"))
        self.clock.now += 1
        self.assertIsNone(self.run_(store.get("k")))
        self.assertEqual(store.entries.bytes, 0, "what is found expired is dropped")

    def test_another_store_goes_on_with_the_entries_of_the_one_before(self) -> None:
        before = self.store()
        self.run_(before.put("k", b"v"))
        after = self.store(entries=before.entries)
        self.assertEqual(self.run_(after.get("k")), Entry(b"v"))
        self.run_(after.put("l", b"w"))
        self.assertEqual(self.run_(before.get("l")), Entry(b"w"), "requests in flight on the old app see it too")
