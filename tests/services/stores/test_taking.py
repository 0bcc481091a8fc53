"""services.stores.taking: sessions go on from the session.json of Gramex 1.x."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.trial.unittest import TestCase

from gramex_twisted.services.stores import taking
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.services.stores.taking import TakingStore
from tests.services.stores.support import FakeClock, Pausing, stopped_after


class TakingTests(TestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.source = self.folder / "session.json"
        later = self.clock.now + 100
        self.sessions: dict[str, Any] = {
            "ann": {"_t": later, "id": "ann", "user": {"id": "ann", "password": "secret"}},
            "visitor": {"_t": later, "id": "visitor", "_next_url": "/"},
            "old": {"_t": self.clock.now, "id": "old", "user": {"id": "old"}},
            "ended": {},
            "none": None,
        }
        self.source.write_text(json.dumps(self.sessions))

    def store(self, name: str = "session") -> TakingStore:
        from twisted.internet import reactor

        store = TakingStore(reactor, self.folder / "session.db", name, self.source, clock=self.clock)
        stopped_after(self, store)
        return store

    async def test_those_that_matter_go_on_and_the_file_stays(self) -> None:
        before = self.source.read_bytes()
        store = self.store()
        entry = await store.get("ann")
        assert entry is not None
        self.assertEqual(json.loads(entry.value), {"id": "ann", "user": {"id": "ann"}})
        self.assertEqual(entry.expires, self.clock.now + 100)
        self.assertEqual(await store.keys(), ["ann"])
        self.assertEqual(self.source.read_bytes(), before)

    async def test_they_are_taken_once(self) -> None:
        first = self.store()
        await first.delete("ann")
        await first.stopService()
        second = self.store()
        self.assertEqual(await second.keys(), [])
        self.assertEqual(await self.store("other").keys(), ["ann"])

    async def test_a_file_that_is_being_written_is_waited_for(self) -> None:
        whole = self.source.read_text()
        self.source.write_text(whole[:40])
        self.patch(taking, "time", Pausing(lambda: self.source.write_text(whole)))
        self.assertEqual(await self.store().keys(), ["ann"])

    async def test_a_damaged_file_is_named_and_nothing_is_lost(self) -> None:
        whole = self.source.read_text()
        self.source.write_text(whole[:40])
        os.utime(self.source, (1, 1))
        store = self.store()
        with self.assertRaises(StoreError) as caught:
            await store.get("ann")
        self.assertRegex(str(caught.exception), r"session\.json:1:\d+: is not JSON; mend it, or move it away")
        self.source.write_text(whole)
        self.assertEqual(await store.keys(), ["ann"])
