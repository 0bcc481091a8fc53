"""A disk that is really full: clear errors, nothing damaged, and all is well when there is room again."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest, TestCase

from gramex_twisted.services.stores.base import Entry, Store, StoreError
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from tests.services.stores.support import stopped_after

BIG = b'{"big":"%s"}' % (b"x" * 200_000)


class FullDiskTests(TestCase):
    def setUp(self) -> None:
        from twisted.internet import reactor

        self.reactor: Any = reactor
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        mount = shutil.which("mount") or "mount"
        mounting = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.folder], capture_output=True)
        if mounting.returncode:
            raise SkipTest("needs a small tmpfs, which only root may mount")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)

    async def check(self, store: Store, message: str) -> None:
        stopped_after(self, store)
        await store.put("old", b'{"a":1}')
        filler = self.folder / "filler"
        with self.assertRaisesRegex(OSError, "No space"), filler.open("wb") as file:
            while True:
                file.write(b"x" * 4096)
                file.flush()
        with self.assertRaisesRegex(StoreError, message):
            await store.put("big", BIG)
        self.assertEqual(await store.get("old"), Entry(b'{"a":1}'))
        filler.unlink()
        await store.put("big", BIG)
        self.assertEqual(await store.keys(), ["big", "old"])
        self.assertEqual([path.name for path in self.folder.rglob("*.tmp")], [])

    async def test_sqlite(self) -> None:
        await self.check(SqliteStore(self.reactor, self.folder / "store.db"), "store.db: database or disk is full")

    async def test_json(self) -> None:
        message = "store.json: cannot be written: No space left on device"
        await self.check(JsonFileStore(self.reactor, self.folder / "store.json"), message)

    async def test_disk(self) -> None:
        await self.check(DiskStore(self.reactor, self.folder / "cache", 10 << 20), "No space left on device")
