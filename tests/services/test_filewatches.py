"""watch: real files in a real folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import DeferredQueue
from twisted.logger import globalLogPublisher

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.functions import ModuleSet
from gramex_twisted.registry import Registry
from gramex_twisted.services.filewatches import Event, FileWatches
from gramex_twisted.testing import AppTestCase
from tests.live import LiveCase

reactor: Any = installed
MODULE = """
from twisted.internet import reactor

seen = None

def saw(event, name="x"):
    reactor.callFromThread(seen.put, (name, event.event_type, event.src_path.rpartition("/")[2]))

def fail(event):
    reactor.callFromThread(seen.put, "failed")
    raise ValueError("no such report")

async def later(event):
    seen.put(("later", event.event_type, event.is_directory))
"""


class WatchCase(LiveCase):
    files = {"watching.py": MODULE, "data/a.csv": "1", "data/deep/b.csv": "1", "one.txt": "1", "other.txt": "1"}

    def setUp(self) -> None:
        folder = Path(self.mktemp()).absolute()
        self.mktemp = lambda: str(folder)  # type: ignore[method-assign]
        sys.path.insert(0, str(folder))
        self.addCleanup(sys.path.remove, str(folder))
        self.addCleanup(ModuleSet([folder]).forget)
        super().setUp()
        self.seen: DeferredQueue[Any] = DeferredQueue()
        sys.modules["watching"].seen = self.seen  # type: ignore[attr-defined]
        self.watches = self.gramex.shared.part(FileWatches)

    async def next(self) -> Any:
        """What a function is called with next."""
        return await self.seen.get().addTimeout(60, reactor)

    def app(self) -> Gramex:
        """The app that a reload of gramex.yaml makes, started."""
        environ = {**os.environ, "GRAMEXDATA": str(self.folder / "data")}
        config = schema.build(reader.read(self.folder / "gramex.yaml", environ=environ), Registry())
        new = Gramex(config, reactor, previous=self.gramex)
        new.startService()
        return new


class WatchTests(WatchCase):
    config = """
    watch:
      file: {paths: one.txt, on_modified: "watching.saw(event, 'file')", on_deleted: watching.saw}
      folder: {paths: [data], on_created: "watching.saw(event, 'new')", on_any_event: "watching.saw(event, 'any')"}
      glob: {paths: 'data/*.txt', on_any_event: watching.later}
      bad: {paths: one.txt, on_modified: watching.fail}
    """

    async def test_files_that_change_appear_and_go(self) -> None:
        await self.watches.watching()
        self.write("other.txt", "2")
        self.write("one.txt", "2")
        self.assertEqual({await self.next(), await self.next()}, {("file", "modified", "one.txt"), "failed"})
        await self.gramex.idle()
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.write("one.txt", "3")  # one that has failed is called again
        self.assertEqual({await self.next(), await self.next()}, {("file", "modified", "one.txt"), "failed"})
        await self.gramex.idle()
        self.flushLoggedErrors(ValueError)
        (self.folder / "one.txt").unlink()
        self.assertEqual(await self.next(), ("x", "deleted", "one.txt"))

    async def test_files_below_a_folder(self) -> None:
        await self.watches.watching()
        self.write("data/deep/c.csv", "1")
        self.assertEqual(await self.next(), ("new", "created", "c.csv"))
        self.assertEqual(await self.next(), ("any", "created", "c.csv"))

    async def test_patterns_and_coroutines(self) -> None:
        await self.watches.watching()
        (self.folder / "data/a.csv").rename(self.folder / "data/a.txt")
        found = [await self.next() for _ in range(4)]
        self.assertIn(("later", "created", False), found)
        self.assertIn(("any", "deleted", "a.csv"), found)
        self.assertIn(("any", "created", "a.txt"), found)

    async def test_a_reload_goes_on_watching_once(self) -> None:
        await self.watches.watching()
        new = self.app()
        sys.modules["watching"].seen = self.seen  # type: ignore[attr-defined]
        self.gramex.hand_over(new)
        self.write("one.txt", "2")
        self.assertEqual({await self.next(), await self.next()}, {("file", "modified", "one.txt"), "failed"})
        self.write("data/d.csv", "2")
        self.assertEqual(await self.next(), ("new", "created", "d.csv"))
        await new.stopService()
        self.flushLoggedErrors(ValueError)

    async def test_a_reload_that_watches_other_folders(self) -> None:
        await self.watches.watching()
        self.write("gramex.yaml", "watch: {deep: {paths: data/deep, on_any_event: watching.saw}}")
        new = self.app()
        self.gramex.hand_over(new)
        await new.shared.part(FileWatches).watching()
        self.write("one.txt", "2")
        self.write("data/deep/b.csv", "2")
        self.assertEqual(await self.next(), ("x", "modified", "b.csv"))
        await new.stopService()


class MistakeTests(AppTestCase):
    files = {"watching.py": "calls = []\ndef saw(event):\n    calls.append(event)\n", "a.csv": ""}

    def test_functions_and_folders_that_are_not_there(self) -> None:
        lines: list[str] = []

        def observe(event: Any) -> None:
            if "filewatches" in str(event.get("log_namespace")):
                lines.append(event["log_format"].format(**event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        app = self.make_app("""
watch:
  a: {paths: a.csv, on_modified: watching.nothing}
  b: {paths: nowhere/x.csv, on_modified: watching.saw}
""")
        [error] = app.gramex.errors
        self.assertTrue(str(error).endswith('watch.a.on_modified: module watching has no function "nothing"'), error)
        self.assertEqual(lines, [f"watch.b: there is no folder {self.folder}/nowhere"])

    def test_more_events_than_can_wait_are_left_out(self) -> None:
        self.patch(sys.modules["gramex_twisted.services.filewatches"], "MOST_WAITING", 3)
        app = self.make_app("watch: {a: {paths: a.csv, on_modified: watching.saw}}")
        [entry] = app.gramex.shared.part(FileWatches).entries
        entry._running = True  # as while a function is at work
        for _ in range(5):
            entry.tell("modified", str(self.folder / "a.csv"))
        entry._running = False
        entry._waiting.pop()
        entry.tell("modified", str(self.folder / "a.csv"))
        self.assertEqual(sys.modules["watching"].calls, [Event("modified", str(self.folder / "a.csv"), False)] * 3)
