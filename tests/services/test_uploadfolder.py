"""Folders of uploads: many at once, a kill -9 at every moment, a full disk."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import treq
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from gramex_twisted.services.uploadfolder import STAGED, Exists, Staged, left_over
from tests.processes import ProcessTestCase, Server

YAML = """
app: {settings: {xsrf_cookies: false}}
url:
  up: {pattern: /up, handler: UploadHandler, kwargs: {path: files, methods: get, max_body_size: 2GB}}
"""


class StagedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()

    def staged(self, content: bytes) -> Staged:
        staged = Staged(self.folder)
        self.addCleanup(staged.close)
        staged.write(content)
        staged.whole()
        return staged

    def test_many_of_one_name_at_once_all_get_their_own(self) -> None:
        files = [self.staged(str(number).encode()) for number in range(40)]
        names: list[str] = []
        threads = [
            threading.Thread(target=lambda staged=staged: names.append(staged.publish("x.txt", "unique")[0]))
            for staged in files
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(names)), 40)
        self.assertEqual(sorted(int((self.folder / name).read_text()) for name in names), list(range(40)))

    def test_of_many_at_once_one_makes_a_name_that_must_be_new(self) -> None:
        results = []
        for number in range(5):
            try:
                results.append(self.staged(b"%d" % number).publish("x.txt", "error")[0])
            except Exists:
                results.append("exists")
        self.assertEqual(results, ["x.txt"] + ["exists"] * 4)
        self.assertEqual((self.folder / "x.txt").read_text(), "0")

    def test_only_what_is_published_stays(self) -> None:
        kept, dropped = self.staged(b"1"), self.staged(b"2")
        kept.publish("sub/x.txt", "unique")
        taken = self.staged(b"3")
        taken.publish("y.txt", "unique")
        taken.take_back()
        for staged in (kept, dropped, taken):
            staged.close()
        files = [path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file()]
        self.assertEqual(files, ["sub/x.txt"])

    def test_what_is_being_written_is_not_left_over(self) -> None:
        staged = self.staged(b"1")
        stale = self.folder / f"{STAGED}0000"
        stale.write_bytes(b"2")
        os.link(stale, self.folder / "y.txt")
        self.assertEqual(left_over(self.folder), {stale: ["y.txt"]})
        staged.close()


class ServerTests(ProcessTestCase):
    timeout = 240

    async def served(self) -> Server:
        self.write({"gramex.yaml": YAML})
        return await self.serve()

    def url(self, server: Server) -> str:
        return f"http://127.0.0.1:{server.port}/up"

    async def listed(self, server: Server) -> dict[str, Any]:
        response = await treq.get(self.url(server), persistent=False, timeout=60)
        found: dict[str, Any] = await response.json()
        return found

    async def curl(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        command = ["curl", "-sS", "--max-time", "100", *arguments]
        return await deferToThread(subprocess.run, command, check=False, capture_output=True)

    def visible(self) -> set[str]:
        return {path.name for path in (self.folder / "files").iterdir() if not path.name.startswith(".meta.db")}

    async def test_after_kill_9_files_and_what_is_known_of_them_agree(self) -> None:
        big = self.folder / "big.bin"
        big.write_bytes(os.urandom(1 << 20) * 8)
        generator, confirmed = random.Random(2), set()
        for _ in range(5):
            server = await self.served()
            for number in range(3):
                done = await self.curl("-F", f"file=@{big};filename={generator.randrange(10**9)}.bin", self.url(server))
                if done.returncode == 0:
                    confirmed.add(number)
            uploads = [
                self.curl("-F", f"file=@{big};filename={generator.randrange(10**9)}.bin", self.url(server))
                for _ in range(3)
            ]
            running = gatherResults([Deferred.fromCoroutine(upload) for upload in uploads])
            reactor.callLater(generator.random() * 0.15, server.signal, signal.SIGKILL)  # type: ignore[attr-defined]
            await running
            await server.exited()
            again = await self.serve()
            known = await self.listed(again)
            self.assertEqual(self.visible(), set(known))
            self.assertEqual({meta["size"] for meta in known.values()}, {8 << 20})
            again.signal(signal.SIGKILL)
            await again.exited()
        self.assertEqual(confirmed, {0, 1, 2})

    async def test_a_full_disk_is_507_and_nothing_is_left(self) -> None:
        files = self.folder / "files"
        files.mkdir()
        mount = shutil.which("mount") or "mount"
        mounting = subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", files], capture_output=True)
        if mounting.returncode:
            raise SkipTest("needs a small tmpfs, which only root may mount")
        self.addCleanup(subprocess.run, ["umount", "--lazy", files], check=True)
        server = await self.served()
        big = self.folder / "big.bin"
        big.write_bytes(b"x" * (4 << 20))
        done = await self.curl("-F", f"file=@{big}", "-w", "%{http_code}", self.url(server))
        self.assertIn(b"there is no room for the file on the server's disk", done.stdout)
        self.assertTrue(done.stdout.endswith(b"507"), done.stdout)
        self.assertEqual(self.visible(), set())
        small = self.folder / "small.bin"
        small.write_bytes(b"y" * 1000)
        done = await self.curl("-F", f"file=@{small}", "-w", "%{http_code}", self.url(server))
        self.assertTrue(done.stdout.endswith(b"200"), done.stdout)
        self.assertEqual(self.visible(), {"small.bin"})

    async def test_a_file_that_may_not_grow_is_507_and_nothing_is_left(self) -> None:
        # For where nothing may be mounted: the system does not let a file of the server grow.
        server = await self.served()
        await self.listed(server)
        pid = server.transport.pid  # type: ignore[attr-defined]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
        big = self.folder / "big.bin"
        big.write_bytes(b"x" * (4 << 20))
        done = await self.curl("-F", f"file=@{big}", "-w", "%{http_code}", self.url(server))
        self.assertIn(b"there is no room for the file on the server's disk", done.stdout)
        self.assertTrue(done.stdout.endswith(b"507"), done.stdout)
        self.assertEqual((self.visible(), await self.listed(server)), (set(), {}))
        small = self.folder / "small.bin"
        small.write_bytes(b"y" * 1000)
        done = await self.curl("-F", f"file=@{small}", "-w", "%{http_code}", self.url(server))
        self.assertTrue(done.stdout.endswith(b"200"), done.stdout)
        self.assertEqual(self.visible(), {"small.bin"})

    async def test_memory_stays_flat(self) -> None:
        server = await self.served()
        await self.listed(server)
        pid = server.transport.pid  # type: ignore[attr-defined]

        def held() -> int:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))

        before = held()
        big = self.folder / "big.bin"
        with big.open("wb") as file:
            file.truncate(300_000_000)
        done = await self.curl("-F", f"file=@{big}", "-w", "%{http_code}", self.url(server))
        self.assertTrue(done.stdout.endswith(b"200"), done.stdout)
        self.assertEqual((self.folder / "files" / "big.bin").stat().st_size, 300_000_000)
        self.assertLess(held() - before, 30_000)
