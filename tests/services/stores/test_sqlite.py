"""services.stores.sqlite: one file, many writers, locks, damage, no room."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.sqlite import PURGE_SIZE, SqliteStore
from tests.services.stores.support import FakeClock, increment, stopped_after, together


class SqliteTest(TestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()
        self.path = Path(self.mktemp()).absolute() / "data" / "store.db"

    def store(self, name: str = "test", **options: Any) -> SqliteStore:
        from twisted.internet import reactor

        store = SqliteStore(reactor, self.path, name, clock=self.clock, **options)
        stopped_after(self, store)
        return store

    def other(self) -> closing[sqlite3.Connection]:
        """The file as another process sees it."""
        return closing(sqlite3.connect(self.path, isolation_level=None))

    async def fails(self, coroutine: Any) -> str:
        """The text of the StoreError that ``coroutine`` ends with."""
        with self.assertRaises(StoreError) as caught:
            await coroutine
        return str(caught.exception)


class FileTests(SqliteTest):
    async def test_only_the_owner_can_read_the_files(self) -> None:
        await self.store().put("k", b"secret")
        modes = {path.name: path.stat().st_mode & 0o777 for path in self.path.parent.iterdir()}
        self.assertEqual(modes, {"store.db": 0o600, "store.db-wal": 0o600, "store.db-shm": 0o600})

    async def test_stores_of_other_names_in_one_file_do_not_meet(self) -> None:
        sessions, limits = self.store("sessions"), self.store("limits")
        await together([sessions.put("k", b"1"), limits.put("k", b"2", self.clock.now + 1)])
        self.clock.now += 1
        self.assertEqual(await sessions.purge(), 0)
        self.assertEqual(await limits.purge(), 1)
        self.assertEqual(await sessions.get("k"), Entry(b"1"))
        self.assertEqual((await sessions.keys(), await limits.keys()), (["k"], []))

    async def test_what_is_confirmed_is_on_disk_before_a_power_cut(self) -> None:
        store = self.store()
        await store.ready()
        assert store._writer is not None
        modes = [store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        self.assertEqual(modes, ["wal", 2])

    async def test_a_file_that_is_no_database_is_named_and_left_alone(self) -> None:
        self.path.parent.mkdir(parents=True)
        self.path.write_bytes(b"these are my notes\n" * 100)
        store = self.store()
        for coroutine in (store.ready(), store.get("k"), store.put("k", b"v")):
            message = await self.fails(coroutine)
            self.assertIn(f"{self.path}: is damaged or no SQLite database", message)
        self.assertEqual(self.path.read_bytes(), b"these are my notes\n" * 100)
        self.path.rename(self.path.with_suffix(".bad"))
        await store.put("k", b"v")
        self.assertEqual(await store.get("k"), Entry(b"v"))

    async def test_damage_in_the_midst_is_reported_and_does_not_outlive_the_file(self) -> None:
        store = self.store()
        await together(store.put(f"k{number}", b"v" * 1000) for number in range(200))
        await store.stopService()
        content = bytearray(self.path.read_bytes())
        content[4096:] = b"\xa5" * (len(content) - 4096)
        self.path.write_bytes(content)
        store = self.store()
        self.assertIn("is damaged or no SQLite database", await self.fails(store.get("k7")))
        self.assertIn("is damaged or no SQLite database", await self.fails(store.put("k7", b"v")))
        for path in list(self.path.parent.iterdir()):
            path.rename(path.with_name("bad-" + path.name))
        await store.put("k", b"v")
        self.assertEqual(await store.keys(), ["k"])

    async def test_another_programs_database_is_left_alone(self) -> None:
        self.path.parent.mkdir(parents=True)
        with self.other() as other:
            other.execute("CREATE TABLE sales (amount)")
        self.assertIn(f"{self.path}: is another program's database", await self.fails(self.store().ready()))
        with self.other() as other:
            self.assertEqual(other.execute("SELECT name FROM sqlite_schema").fetchall(), [("sales",)])
            self.assertEqual(other.execute("PRAGMA journal_mode").fetchone(), ("delete",))

    async def test_a_file_of_a_newer_version_is_left_alone(self) -> None:
        await self.store().ready()
        with self.other() as other:
            other.execute("PRAGMA user_version = 2")
        self.assertIn("has version 2, and this gramex-twisted knows only 1", await self.fails(self.store().ready()))

    async def test_a_folder_that_cannot_be_made_is_named(self) -> None:
        self.path.parent.parent.mkdir(parents=True)
        self.path.parent.write_text("a file")
        self.assertIn(f"{self.path}: cannot be opened: File exists", await self.fails(self.store().ready()))

    async def test_two_stores_make_one_new_file_at_once(self) -> None:
        stores = [self.store() for _ in range(6)]
        await together(store.update("n", increment) for store in stores)
        self.assertEqual(await stores[0].get("n"), Entry(b'{"n":6}'))


class SpeedTests(SqliteTest):
    async def statements(self, store: SqliteStore) -> list[str]:
        await store.ready()
        seen: list[str] = []
        assert store._writer is not None
        store._writer.set_trace_callback(seen.append)
        return seen

    async def test_writes_that_come_together_are_committed_together(self) -> None:
        store = self.store()
        statements = await self.statements(store)
        await together(store.put(f"k{number}", b"v") for number in range(50))
        self.assertEqual(statements.count("COMMIT"), 1)
        self.assertEqual(len(await store.keys()), 50)

    async def test_a_read_waits_neither_for_a_thread_nor_for_a_writer(self) -> None:
        store = self.store()
        await store.put("k", b"v")
        with self.other() as other:
            other.execute("BEGIN IMMEDIATE")
            other.execute("DELETE FROM entries")
            self.assertEqual(self.successResultOf(Deferred.fromCoroutine(store.get("k"))), Entry(b"v"))
            other.execute("ROLLBACK")

    async def test_purge_lets_others_write_in_between(self) -> None:
        store = self.store()
        number = PURGE_SIZE * 2 + 100
        await together(store.put(f"k{n}", b"v", self.clock.now + 1) for n in range(number))
        await store.put("kept", b"v")
        statements = await self.statements(store)
        self.clock.now += 1
        purging, putting = store.purge(), store.put("new", b"v")
        self.assertEqual(await together([purging, putting]), [number, None])
        self.assertEqual(statements.count("COMMIT"), 3)
        self.assertEqual(await store.keys(), ["kept", "new"])


class LockTests(SqliteTest):
    async def test_a_locked_file_is_an_error_in_time_and_works_again_when_it_is_free(self) -> None:
        store = self.store(timeout=0.3)
        await store.put("k", b"old")
        with self.other() as other:
            other.execute("BEGIN IMMEDIATE")
            results = await together([self.fails(store.put("k", b"new")), self.fails(store.update("k", increment))])
            for message in results:
                self.assertRegex(message, r"store\.db: locked by another process for 0\.[23] s")
            self.assertEqual(await store.get("k"), Entry(b"old"))
            other.execute("ROLLBACK")
        await store.put("k", b"new")
        self.assertEqual(await store.get("k"), Entry(b"new"))

    async def test_a_writer_waits_for_a_lock_that_is_given_back_in_time(self) -> None:
        store = self.store()
        await store.ready()
        with self.other() as other:
            other.execute("BEGIN IMMEDIATE")
            attempts, tried = [], Deferred[None]()
            assert store._writer is not None
            store._writer.set_trace_callback(
                lambda statement: (attempts.append(statement), len(attempts) == 5 and self.tell(store, tried))
            )
            putting = Deferred.fromCoroutine(store.put("k", b"v"))
            await tried
            self.assertNoResult(putting)
            other.execute("COMMIT")
        await putting
        self.assertEqual(await store.get("k"), Entry(b"v"))

    def tell(self, store: SqliteStore, deferred: Deferred[None]) -> None:
        store.reactor.callFromThread(deferred.callback, None)

    async def test_a_file_that_even_readers_are_kept_out_of_is_an_error_in_time(self) -> None:
        store = self.store(timeout=0.3)
        await store.put("k", b"v")
        await store.stopService()
        with self.other() as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            store = self.store(timeout=0.3)
            self.assertIn("locked by another process", await self.fails(store.get("k")))
            other.execute("ROLLBACK")
        self.assertEqual(await store.get("k"), Entry(b"v"))


class RoomTests(SqliteTest):
    async def test_a_full_disk_is_an_error_and_damages_nothing(self) -> None:
        store = self.store()
        await store.put("old", b"old")
        assert store._writer is not None
        store._writer.execute("PRAGMA max_page_count = 20")
        small, big = store.put("small", b"s"), self.fails(store.put("big", b"b" * 500_000))
        _, message = await together([small, big])
        self.assertIn(f"{self.path}: database or disk is full", message)
        self.assertEqual(await store.get("old"), Entry(b"old"))
        self.assertEqual(await store.get("small"), Entry(b"s"), "what fits is kept, though it came with what does not")
        with self.other() as other:
            self.assertEqual(other.execute("PRAGMA integrity_check").fetchone(), ("ok",))
        store._writer.execute("PRAGMA max_page_count = 10000")
        await store.put("big", b"b" * 500_000)
        self.assertEqual(await store.keys(), ["big", "old", "small"])
