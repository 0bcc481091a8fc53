"""Updates of one key that come at once are made as one."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.grouping import GroupedUpdates, Refused
from gramex_twisted.services.stores.base import Change, Entry, StoreError
from gramex_twisted.services.stores.memory import MemoryStore


class SlowStore(MemoryStore):
    """Each update waits for ``go``; ``updates`` are the keys of those that were begun."""

    def __init__(self) -> None:
        super().__init__(None, clock=lambda: 0.0)
        self.updates: list[str] = []
        self.gates: list[Deferred[None]] = []

    async def update(self, key: str, change: Change[Any]) -> Any:
        self.updates.append(key)
        self.gates.append(Deferred())
        await self.gates[-1]
        return await super().update(key, change)

    def go(self, error: Exception | None = None) -> None:
        """Let the oldest update go on, or fail."""
        gate = self.gates.pop(0)
        gate.callback(None) if error is None else gate.errback(error)


def add(text: str) -> Change[str]:
    """Append ``text`` to the entry; the result is what was there."""

    def change(entry: Entry | None) -> tuple[Entry | None, str]:
        before = entry.value if entry else b""
        if text == "bad":
            raise Refused(before.decode())
        return Entry(before + text.encode()), before.decode()

    return change


class GroupedUpdatesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = SlowStore()
        self.updates = GroupedUpdates(self.store)

    def start(self, key: str, *texts: str) -> list[Deferred[str]]:
        return [Deferred.fromCoroutine(self.updates.update(key, add(text))) for text in texts]

    def results(self, started: list[Deferred[str]]) -> list[str]:
        return [self.successResultOf(each) for each in started]

    def test_those_that_wait_are_made_as_one_and_in_order(self) -> None:
        started = self.start("k", "a", "b", "c")
        self.assertEqual(self.store.updates, ["k"])
        self.store.go()
        late = self.start("k", "d")
        self.assertEqual(self.store.updates, ["k", "k"])
        self.store.go()
        self.assertEqual(self.results(started), ["", "a", "ab"])
        self.store.go()
        self.assertEqual(self.results(late), ["abc"])
        self.assertEqual(self.store.entries["k"].value, b"abcd")
        self.assertEqual(self.store.updates, ["k", "k", "k"])

    def test_keys_do_not_wait_for_each_other(self) -> None:
        self.start("k", "a")
        self.start("l", "b")
        self.assertEqual(self.store.updates, ["k", "l"])

    def test_one_that_is_refused_leaves_the_others_alone(self) -> None:
        first, bad, last = self.start("k", "a", "bad", "c")
        self.store.go()
        self.store.go()
        self.assertEqual(self.results([first, last]), ["", "a"])
        self.assertEqual(self.failureResultOf(bad, Refused).value.args, ("a",))
        self.assertEqual(self.store.entries["k"].value, b"ac")

    def test_nothing_is_written_when_all_are_refused(self) -> None:
        written: list[str] = []
        self.store.entries.store = lambda key, entry: written.append(key)  # type: ignore[method-assign,assignment]
        started = self.start("k", "bad", "bad", "bad")
        self.store.go()
        self.store.go()
        for each in started:
            self.failureResultOf(each, Refused)
        self.assertEqual(written, [])

    def test_a_store_that_fails_fails_those_whom_it_concerns(self) -> None:
        first, *rest = self.start("k", "a", "b", "c")
        self.store.go(StoreError("full"))
        self.failureResultOf(first, StoreError)
        self.store.go(StoreError("still full"))
        for each in rest:
            self.assertEqual(str(self.failureResultOf(each, StoreError).value), "still full")
        again = self.start("k", "d")
        self.store.go()
        self.assertEqual(self.results(again), [""])
