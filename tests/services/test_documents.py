"""JSON documents in files: together, across processes, through kill -9 and on a full disk."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SkipTest, TestCase

from gramex_twisted.services.documents import FileDocument
from gramex_twisted.services.stores.base import StoreError
from tests.processes import Client, ProcessTestCase

ROOT = Path(__file__).parents[2]


def setting(key: str, value: Any) -> Any:
    """A change that sets a key."""
    return lambda tree: ({**(tree or {}), key: value}, value)


class DocumentCase(TestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "store.json"

    def document(self) -> FileDocument:
        document = FileDocument(reactor, self.path)
        self.addCleanup(document.stop)
        return document


class WritingTests(DocumentCase):
    async def test_none_of_a_hundred_writers_at_once_is_lost_and_they_share_rewritings(self) -> None:
        document = self.document()
        count = 0
        replace = document._file.replace

        def counted(content: bytes) -> None:
            nonlocal count
            count += 1
            replace(content)

        self.patch(document._file, "replace", counted)
        await gatherResults(
            [Deferred.fromCoroutine(document.update(setting(f"k{number}", number))) for number in range(100)]
        )
        self.assertEqual(json.loads(self.path.read_text()), {f"k{number}": number for number in range(100)})
        self.assertLessEqual(count, 3)

    async def test_an_error_in_one_change_is_its_own(self) -> None:
        document = self.document()

        def fails(tree: Any) -> Any:
            raise LookupError("no")

        first = Deferred.fromCoroutine(document.update(setting("a", 1)))
        second = self.assertFailure(Deferred.fromCoroutine(document.update(fails)), LookupError)
        third = Deferred.fromCoroutine(document.update(setting("b", 2)))
        await gatherResults([first, second, third])
        self.assertEqual(json.loads(self.path.read_text()), {"a": 1, "b": 2})

    async def test_two_documents_of_one_file_take_turns(self) -> None:
        one, other = self.document(), self.document()
        await gatherResults(
            [
                Deferred.fromCoroutine((one, other)[number % 2].update(setting(f"k{number}", number)))
                for number in range(60)
            ]
        )
        self.assertEqual(len(json.loads(self.path.read_text())), 60)
        self.assertEqual(await one.tree(), await other.tree())

    async def test_what_changes_nothing_writes_nothing(self) -> None:
        document = self.document()
        self.assertEqual(await document.update(lambda tree: (tree, "same")), "same")
        self.assertFalse(self.path.exists())


class KillTests(DocumentCase):
    def test_the_file_is_whole_and_has_what_was_confirmed(self) -> None:
        writer = subprocess.Popen(
            [sys.executable, "-m", "tests.services.writer", self.path],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        assert writer.stdin is not None
        assert writer.stdout is not None
        guard = threading.Timer(100, writer.kill)
        guard.start()
        self.addCleanup(guard.cancel)
        confirmed, generator = -1, random.Random(1)
        for _ in range(200):
            writer.stdin.write("\n")
            writer.stdin.flush()
            pid, left = 0, generator.randrange(1, 8)
            while (line := writer.stdout.readline().split())[0] != "ended":
                if line[0] == "pid":
                    pid = int(line[1])
                else:
                    confirmed = max(confirmed, int(line[1]))
                    left -= 1
                if pid and left <= 0:
                    os.kill(pid, signal.SIGKILL)
                    left = 1 << 30
            numbers = json.loads(self.path.read_text())["numbers"]
            self.assertGreaterEqual(numbers[-1], confirmed)
            self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
        self.assertGreater(confirmed, 200)


class FullDiskTests(DocumentCase):
    async def test_what_was_there_stays(self) -> None:
        mount = shutil.which("mount") or "mount"
        mounting = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", self.folder], capture_output=True)
        if mounting.returncode:
            raise SkipTest("needs a small tmpfs, which only root may mount")
        self.addCleanup(subprocess.run, ["umount", "--lazy", self.folder], check=True)
        document = self.document()
        await document.update(setting("old", 1))
        with self.assertRaisesRegex(StoreError, "store.json: cannot be written: No space left on device"):
            await document.update(setting("big", "x" * 2_000_000))
        self.assertEqual(await document.tree(), {"old": 1})
        self.assertEqual(json.loads(self.path.read_text()), {"old": 1})
        await document.update(setting("new", 2))
        self.assertEqual(json.loads(self.path.read_text()), {"old": 1, "new": 2})


class TwoProcessesTests(ProcessTestCase):
    async def test_two_servers_lose_nothing_of_each_other(self) -> None:
        yaml = (
            "app: {settings: {xsrf_cookies: false}}\n"
            "url: {json: {pattern: /json/(.*), handler: JSONHandler, kwargs: {path: store.json}}}\n"
        )
        self.write({"gramex.yaml": yaml})
        servers = [self.spawn("--port", "0") for _ in range(2)]
        for server in servers:
            await server.started()
        clients = [await Client.connect(servers[index % 2].port) for index in range(60)]
        for client in clients:
            self.addCleanup(client.transport.loseConnection)
        answers = await gatherResults(
            [client.put(f"/json/k{index}", str(index).encode()) for index, client in enumerate(clients)]
        )
        self.assertEqual({answer.status for answer in answers}, {200})
        tree = json.loads((self.folder / "store.json").read_text())
        self.assertEqual(tree, {f"k{index}": index for index in range(60)})
