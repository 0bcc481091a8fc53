"""The watcher, on real files and with a real thread."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.trial.unittest import TestCase

from gramex_twisted.services.watcher import CLOCK_LAG, Watcher


class WatcherTests(TestCase):
    timeout = 10

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.file = self.folder / "gramex.yaml"
        self.file.write_text("one")
        self.age(self.file)
        self.seen: DeferredQueue[list[Path]] = DeferredQueue()
        self.watcher = Watcher(reactor, self.seen.put)
        self.watcher.startService()
        self.addCleanup(self.watcher.stopService)

    def age(self, path: Path) -> None:
        """Let the clock that stamps files pass the margin, so that what was written counts as read."""
        last = path.stat().st_ctime_ns
        probe = self.folder / "probe"
        while probe.stat().st_ctime_ns - last <= 2 * CLOCK_LAG if probe.exists() else True:
            probe.write_text("")
        probe.unlink()

    def next(self) -> Deferred[list[Path]]:
        return self.seen.get()

    async def test_an_edit_a_replacement_and_a_removal_are_each_reported_once(self) -> None:
        self.watcher.reading()
        self.watcher.watch([self.file])
        self.file.write_text("two")
        self.assertEqual(await self.next(), [self.file])
        other = self.folder / "gramex.yaml.tmp"
        other.write_text("three")
        os.replace(other, self.file)
        self.assertEqual(await self.next(), [self.file])
        self.file.unlink()
        self.assertEqual(await self.next(), [self.file])
        self.assertEqual(self.seen.pending, [])

    async def test_an_edit_while_the_file_was_being_read_is_reported(self) -> None:
        self.watcher.reading()
        self.file.write_text("two")
        self.watcher.watch([self.file])
        self.assertEqual(await self.next(), [self.file])

    async def test_a_replacement_that_carries_an_old_date_is_reported(self) -> None:
        self.watcher.reading()
        self.watcher.watch([self.file])
        other = self.folder / "older"
        other.write_text("old")
        os.utime(other, (1, 1))
        os.replace(other, self.file)
        self.assertEqual(await self.next(), [self.file])

    async def test_other_files_in_the_folder_count_only_when_any_source_is_asked_for(self) -> None:
        neighbour, picture = self.folder / "later.yaml", self.folder / "picture.png"
        self.watcher.reading()
        self.watcher.watch([self.file])
        neighbour.write_text("x")
        self.file.write_text("two")
        self.assertEqual(await self.next(), [self.file])
        self.age(self.file)
        self.watcher.reading()
        self.watcher.watch([self.file], any_source=True)
        picture.write_text("x")
        neighbour.write_text("y")
        self.assertEqual(await self.next(), [neighbour])

    async def test_what_a_reload_has_read_meanwhile_is_no_news(self) -> None:
        other = self.folder / "module.py"
        self.watcher.reading()
        self.watcher.watch([self.file, other])
        self.file.write_text("two")
        self.age(self.file)
        self.watcher.reading()
        other.write_text("x")
        changed = await self.next()
        self.assertIn(other, changed)

    async def test_after_it_stopped_nothing_is_reported(self) -> None:
        self.watcher.reading()
        self.watcher.watch([self.file])
        self.watcher.stopService()
        self.file.write_text("two")
        marker = Watcher(reactor, self.seen.put)
        marker.watch([self.file])
        self.addCleanup(marker.stopService)
        self.file.write_text("three")
        await self.next()
        self.assertEqual(self.seen.pending, [])

    async def test_a_folder_that_does_not_exist_yet_is_looked_for(self) -> None:
        self.patch(__import__("gramex_twisted.services.watcher", fromlist=["ANYWAY"]), "ANYWAY", 50)
        later = self.folder / "sub" / "gramex.yaml"
        self.watcher.reading()
        self.watcher.watch([later])
        later.parent.mkdir()
        later.write_text("x")
        self.assertEqual(await self.next(), [later])
