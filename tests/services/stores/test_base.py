"""services.stores.base: what all stores have."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.memory import MemoryStore
from tests.services.stores.support import FakeClock


class FailsToPurge(MemoryStore):
    calls = 0

    async def purge(self) -> int:
        self.calls += 1
        if self.calls == 1:
            raise StoreError("the file is locked")
        return 0


class PurgeTests(SynchronousTestCase):
    def test_expired_entries_are_removed_now_and_then_while_the_store_runs(self) -> None:
        reactor, clock = Clock(), FakeClock()
        store = MemoryStore(reactor, clock=clock, purge_every=10)
        store.startService()
        store.entries.store("k", Entry(b"v", clock.now + 1))
        clock.now += 1
        reactor.advance(9.5)
        self.assertIn("k", store.entries)
        reactor.advance(0.5)
        self.assertNotIn("k", store.entries)
        store.stopService()
        self.assertEqual(reactor.getDelayedCalls(), [])

    def test_a_purge_that_fails_is_tried_again_later(self) -> None:
        reactor = Clock()
        store = FailsToPurge(reactor, purge_every=10)
        store.startService()
        reactor.pump([10, 10])
        self.assertEqual(store.calls, 2)
        store.stopService()

    def test_without_an_interval_nothing_is_scheduled(self) -> None:
        reactor = Clock()
        store = MemoryStore(reactor)
        store.startService()
        self.assertEqual(reactor.getDelayedCalls(), [])
        store.stopService()
