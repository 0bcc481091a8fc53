"""Any sequence of operations leaves a store as it leaves a dict."""

from __future__ import annotations

import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.stores.base import Entry, Store
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from tests.services.stores.support import FakeClock

#: Few keys, so that operations meet; some of them awkward.
keys = st.one_of(st.sampled_from(["", "a", "ab", "a%", "\x00", "é"]), st.text(st.characters(codec="utf-8"), max_size=3))
values = st.binary(max_size=20)
lifetimes = st.one_of(st.none(), st.integers(-2, 5))


class Model(RuleBasedStateMachine):
    """A store beside a dict."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.model: dict[str, Entry] = {}
        self.store = self.make(Path(self.folder.name))
        self.store.startService()

    def make(self, folder: Path) -> Store:
        raise NotImplementedError

    def teardown(self) -> None:
        self.store.stopService()
        self.folder.cleanup()

    def result(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """What a coroutine returns that waits for nothing."""
        results: list[Any] = []
        Deferred.fromCoroutine(coroutine).addBoth(results.append)
        return results[0]

    def alive(self, key: str) -> Entry | None:
        entry = self.model.get(key)
        return None if entry is None or entry.expired(self.clock.now) else entry

    def entry(self, value: bytes, lifetime: int | None) -> Entry:
        return Entry(value, None if lifetime is None else self.clock.now + lifetime)

    @rule(key=keys, value=values, lifetime=lifetimes)
    def put(self, key: str, value: bytes, lifetime: int | None) -> None:
        self.model[key] = self.entry(value, lifetime)
        assert self.result(self.store.put(key, *self.model[key])) is None

    @rule(key=keys)
    def get(self, key: str) -> None:
        assert self.result(self.store.get(key)) == self.alive(key)

    @rule(key=keys)
    def delete(self, key: str) -> None:
        assert self.result(self.store.delete(key)) is (self.alive(key) is not None)
        self.model.pop(key, None)

    @rule(key=keys, value=st.one_of(st.none(), values), lifetime=lifetimes)
    def update(self, key: str, value: bytes | None, lifetime: int | None) -> None:
        new = None if value is None else self.entry(value, lifetime)
        assert self.result(self.store.update(key, lambda entry: (new, entry))) == self.alive(key)
        self.model.pop(key, None)
        if new is not None:
            self.model[key] = new

    @rule(seconds=st.integers(1, 3))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def purge(self) -> None:
        self.result(self.store.purge())

    @rule(prefix=keys)
    def list(self, prefix: str) -> None:
        expected = sorted(key for key in self.model if key.startswith(prefix) and self.alive(key))
        assert self.result(self.store.keys(prefix)) == expected

    @invariant()
    def the_keys_are_those_of_the_dict(self) -> None:
        assert self.result(self.store.keys()) == sorted(filter(self.alive, self.model))


class MemoryModel(Model):
    def make(self, folder: Path) -> Store:
        return MemoryStore(Clock(), clock=self.clock)


class SqliteModel(Model):
    def make(self, folder: Path) -> Store:
        return SqliteStore(Clock(), folder / "store.db", clock=self.clock, threaded=False)


class DiskModel(Model):
    def make(self, folder: Path) -> Store:
        return DiskStore(Clock(), folder, 10 << 20, clock=self.clock, threaded=False)


class ModelTests(SynchronousTestCase):
    def check(self, model: type[Model], examples: int) -> None:
        some = settings(deadline=None, max_examples=examples, stateful_step_count=25)
        run_state_machine_as_test(model, settings=some)

    def test_memory(self) -> None:
        self.check(MemoryModel, 60)

    def test_sqlite(self) -> None:
        self.check(SqliteModel, 25)

    def test_disk(self) -> None:
        self.check(DiskModel, 15)
