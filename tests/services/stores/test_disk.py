"""services.stores.disk: how much it keeps, and what becomes of files that are not as they should be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.disk import DiskStore
from tests.services.stores.support import FakeClock


class DiskTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()
        self.folder = Path(self.mktemp()).absolute() / "cache"

    def store(self, size: int = 1 << 20) -> DiskStore:
        return DiskStore(Clock(), self.folder, size, clock=self.clock, threaded=False)

    def run_(self, coroutine: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file() and path.name != ".lock")

    def total(self) -> int:
        return sum(path.stat().st_size for path in self.files())

    def used(self, store: DiskStore, key: str, seconds_ago: float) -> None:
        """Make the file look as if it had been used then."""
        path = store._file(key)
        time = path.stat().st_mtime - seconds_ago
        os.utime(path, (time, time))

    def test_it_never_grows_beyond_its_size(self) -> None:
        store = self.store(size=100_000)
        for number in range(60):
            self.run_(store.put(f"k{number}", b"x" * 5000))
            self.assertLessEqual(self.total(), 100_000)
        self.assertGreater(self.total(), 70_000)
        self.assertEqual(self.run_(store.get("k59")), Entry(b"x" * 5000))

    def test_what_was_not_used_for_longest_makes_room(self) -> None:
        store = self.store(size=40_000)
        for age, key in enumerate(["new", "middle", "old", "oldest"]):
            self.run_(store.put(key, b"x" * 9000))
            self.used(store, key, 100 * age)
        self.run_(store.get("oldest"))  # which makes it the newest
        self.run_(store.put("more", b"x" * 9000))
        keys = self.run_(store.keys())
        self.assertIn("more", keys)
        self.assertIn("oldest", keys)
        self.assertNotIn("old", keys)

    def test_two_processes_keep_within_the_size_together(self) -> None:
        one, other = self.store(size=100_000), self.store(size=100_000)
        for number in range(60):
            self.run_(one.put(f"a{number}", b"x" * 2000))
            self.run_(other.put(f"b{number}", b"x" * 2000))
        self.run_(one.purge())
        self.assertLessEqual(self.total(), 100_000)

    def test_what_gramex_has_left_in_its_folders_is_no_matter(self) -> None:
        store = self.store(size=20_000)
        self.run_(store.put("a", b"x" * 8000))
        theirs = store._file("a").parent / "cd" / "0123.val"
        theirs.parent.mkdir()
        theirs.write_bytes(b"y" * 50_000)
        (self.folder / "cache.db").write_bytes(b"SQLite format 3")
        self.used(store, "a", 100)
        for key in ("b", "c"):
            self.run_(store.put(key, b"x" * 8000))
        self.assertEqual(self.run_(store.keys()), ["b", "c"])
        self.assertEqual(self.run_(store.purge()), 0)
        self.assertEqual(theirs.stat().st_size, 50_000)

    def test_what_is_bigger_than_the_cache_is_not_kept(self) -> None:
        store = self.store(size=1000)
        self.run_(store.put("k", b"small"))
        self.run_(store.put("k", b"x" * 2000))
        self.assertIsNone(self.run_(store.get("k")))
        self.assertEqual(self.files(), [])

    def test_only_the_owner_can_read_the_files(self) -> None:
        self.run_(self.store().put("../secret", b"v"))
        [path] = self.files()
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assertEqual(path.parent.parent, self.folder)

    def test_a_damaged_file_is_as_if_it_were_not_there(self) -> None:
        store = self.store()
        for content in (b"", b"GTC1", b"nonsense" * 10, b"GTC1" + b"\xff" * 40):
            self.run_(store.put("k", b"v"))
            self.files()[0].write_bytes(content)
            self.assertIsNone(self.run_(store.get("k")))
            self.assertEqual(self.run_(store.keys()), [])
            self.run_(store.put("k", b"again"))
            self.assertEqual(self.run_(store.get("k")), Entry(b"again"))

    def test_purge_removes_the_files(self) -> None:
        store = self.store()
        self.run_(store.put("k", b"v", self.clock.now + 1))
        self.clock.now += 1
        self.assertEqual(len(self.files()), 1)
        self.assertEqual(self.run_(store.purge()), 1)
        self.assertEqual(self.files(), [])

    def test_a_folder_that_cannot_be_made_is_named(self) -> None:
        self.folder.parent.mkdir()
        self.folder.write_text("a file")
        failure = self.failureResultOf(Deferred.fromCoroutine(self.store().put("k", b"v")), StoreError)
        self.assertIn(f"{self.folder}", failure.getErrorMessage())
        self.assertIn("Not a directory", failure.getErrorMessage())
