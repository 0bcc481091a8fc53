"""Whether an SQLite database has changed."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.sqliteversion import Versions


class VersionsTests(SynchronousTestCase):
    mode = "DELETE"

    def setUp(self) -> None:
        self.path = Path(self.mktemp()).absolute()
        self.other = sqlite3.connect(self.path, isolation_level=None)
        self.addCleanup(self.other.close)
        self.other.execute(f"PRAGMA journal_mode = {self.mode}")
        self.other.execute("CREATE TABLE t (n INTEGER)")
        self.other.execute("CREATE VIEW v AS SELECT random() AS n")
        self.other.execute("CREATE VIRTUAL TABLE f USING fts5(x)")
        self.versions = Versions()
        self.addCleanup(self.versions.close)

    def test_it_stays_until_somebody_commits(self) -> None:
        first = self.versions.of(self.path, "t")
        self.assertIsNotNone(first)
        self.assertEqual(self.versions.of(self.path, "T"), first)
        self.other.execute("BEGIN")
        self.other.execute("INSERT INTO t VALUES (1)")
        self.assertEqual(self.versions.of(self.path, "t"), first)
        self.other.execute("ROLLBACK")
        self.assertEqual(self.versions.of(self.path, "t"), first)
        self.other.execute("INSERT INTO t VALUES (1)")
        second = self.versions.of(self.path, "t")
        self.assertNotIn(second, (None, first))
        self.other.execute("DELETE FROM t")
        self.assertNotIn(self.versions.of(self.path, "t"), (None, first, second))

    def test_views_and_virtual_tables_have_none(self) -> None:
        for name in ("v", "f", "gone"):
            self.assertIsNone(self.versions.of(self.path, name))

    def test_a_replaced_file_has_another(self) -> None:
        first = self.versions.of(self.path, "t")
        copy = self.path.with_name("copy")
        self.other.close()
        shutil.copy(self.path, copy)
        os.replace(copy, self.path)
        self.assertNotIn(self.versions.of(self.path, "t"), (None, first))

    def test_a_file_that_is_gone_or_broken_has_none(self) -> None:
        self.assertIsNone(self.versions.of(self.path.with_name("gone"), "t"))
        broken = self.path.with_name("broken")
        broken.write_bytes(b"x" * 5000)
        self.assertIsNone(self.versions.of(broken, "t"))
        self.assertFalse(self.path.with_name("gone").exists())

    def test_one_that_is_locked_has_none_and_then_one_again(self) -> None:
        self.other.execute("BEGIN EXCLUSIVE")
        locked = self.versions.of(self.path, "t")
        self.other.execute("COMMIT")
        if self.mode == "DELETE":
            self.assertIsNone(locked)
        self.assertIsNotNone(self.versions.of(self.path, "t"))


class WALTests(VersionsTests):
    mode = "WAL"
