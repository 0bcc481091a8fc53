"""Files are whole at any moment, and nothing promised is lost: by threads, processes, kills, or a full disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

from gramex_twisted import durable
from gramex_twisted.data.changes import files
from gramex_twisted.data.errors import DataError, ReadOnly, SourceError, Unavailable
from gramex_twisted.data.types import QueryError
from gramex_twisted.data.writers import Job, Writers
from tests.data.changing import ChangesTestCase

DEADLINE = 60.0
WRITER = """
import os
import sys
from pathlib import Path
import gramex_twisted.data.changes.textdocument
import gramex_twisted.data.frame
import gramex_twisted.data.sources.readers.text
import polars
from gramex_twisted.data.changes import insert
from gramex_twisted.data.engines import Engines
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.sources import source_of
from gramex_twisted.data.sources.base import Shared
from gramex_twisted.data.sources.dataset import parse

root, what, name, count = sys.argv[1:]


def work(name):
    source = source_of(parse({"url": "t.csv"}), Shared(Memory(), Engines(), Path(root)))
    for number in range(int(count)):
        insert(source, [{"id": number, "who": f"{name}-{number}"}], {}, ("id",))
        print(f"{name}-{number}", flush=True)


print("ready", flush=True)
if what == "insert":
    work(name)
for line in sys.stdin:  # fork a child for each line: it starts at once, and has no threads of its parent's
    child = os.fork()
    if child:
        print(child, flush=True)
        os.waitpid(child, 0)
        print("killed", flush=True)
    else:
        work(line.strip())
"""
ROWS = 1000


def table(rows: int = ROWS) -> str:
    """A CSV file, whose last line tells that it is whole."""
    return "id,who\n" + "".join(f"{number},x\n" for number in range(rows)) + "999999,end\n"


class FileTestCase(ChangesTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.root / "t.csv"
        self.path.write_text(table())
        self.table: Any = self.source(url="t.csv")

    def child(self, what: str, name: str, count: int) -> subprocess.Popen[bytes]:
        """Another process that writes the file; it has started to."""
        command = [sys.executable, "-c", WRITER, str(self.root), what, name, str(count)]
        root = Path(__file__).parent.parent.parent
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root, start_new_session=True
        )
        assert child.stdout is not None
        assert child.stdin is not None

        def kill() -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

        watch = threading.Timer(2 * DEADLINE, kill)  # whatever it does, it ends, and so does what waits for it
        watch.start()
        for cleanup in (child.stdout.close, child.wait, kill, child.stdin.close, watch.join, watch.cancel):
            self.addCleanup(cleanup)
        self.assertEqual(child.stdout.readline(), b"ready\n")
        return child

    def threads(self, count: int, work: Callable[[int], object]) -> list[object]:
        """What `work` returns, or raises, in threads."""
        results: list[object] = [None] * count
        start = threading.Barrier(count)

        def run(number: int) -> None:
            start.wait(DEADLINE)
            try:
                results[number] = work(number)
            except Exception as error:
                results[number] = error

        threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE)
            self.assertFalse(thread.is_alive())
        return results


class WrongTests(FileTestCase):
    def test_a_file_or_folder_that_is_read_only(self) -> None:
        if os.geteuid() == 0:
            self.patch(os, "access", lambda path, mode: False)
        self.path.chmod(0o444)
        with self.assertRaisesRegex(ReadOnly, "t.csv is read-only"):
            self.post(self.table, "id=1")
        self.assertEqual(self.path.read_text(), table())

    def test_errors_of_the_disk_are_told_apart(self) -> None:
        for number, kind, text in ((13, ReadOnly, "Permission denied"), (28, Unavailable, "No space left on device")):
            error = OSError(number, os.strerror(number))

            def fail(*args: object, error: OSError = error) -> int:
                raise error

            self.patch(durable, "replace", fail)
            with self.assertRaisesRegex(kind, f"t.csv: cannot be written: {text}"):
                self.post(self.table, "id=1")
        self.assertEqual(self.path.read_text(), table())

    def test_a_folder_that_is_missing(self) -> None:
        with self.assertRaisesRegex(SourceError, "there is no folder"):
            self.post(self.source(url="none/t.csv"), "id=1")

    def test_a_name_that_is_a_folder(self) -> None:
        (self.root / "d.csv").mkdir()
        with self.assertRaises(DataError):
            self.post(self.source(url="d.csv"), "id=1")

    def test_a_file_that_others_have_locked_for_too_long(self) -> None:
        object.__setattr__(self.shared, "writers", Writers(0.2))
        with (
            durable.locked(files.beside(self.path, "lock"), time.monotonic() + DEADLINE),
            self.assertRaisesRegex(Unavailable, "t.csv: locked by another process"),
        ):
            self.post(self.table, "id=1")
        self.assertEqual(self.post(self.table, "id=1").count, 1)

    def test_a_disk_that_is_full_leaves_the_old_file(self) -> None:
        mount = shutil.which("mount") or "mount"
        small = self.root / "small"
        small.mkdir()
        mounting = subprocess.run([mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True)
        if mounting.returncode:
            raise SkipTest("needs a small tmpfs, which only root may mount")
        self.addCleanup(subprocess.run, ["umount", "--lazy", small], check=True)
        content = table(80_000)
        path = small / "t.csv"
        path.write_text(content)
        source = self.source(url="small/t.csv")
        with self.assertRaisesRegex(Unavailable, "t.csv: cannot be written: No space left on device"):
            self.post(source, "id=1")
        self.assertEqual(path.read_text(), content)
        self.assertEqual(sorted(each.name for each in small.iterdir()), [".t.csv.lock", "t.csv"])
        path.write_text(table(10))
        self.post(source, "id=77&who=new")
        self.assertEqual(path.read_text(), table(10) + "77,new\n")


class WholeTests(FileTestCase):
    def test_mode_owner_and_links_stay(self) -> None:
        self.path.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(self.path, 1234, 4321)
        link = self.root / "link.csv"
        link.symlink_to("t.csv")
        before = self.path.stat()
        self.post(self.source(url="link.csv"), "id=1")
        after = self.path.stat()
        self.assertTrue(link.is_symlink())
        self.assertEqual(stat.S_IMODE(after.st_mode), 0o640)
        self.assertEqual((after.st_uid, after.st_gid), (before.st_uid, before.st_gid))
        self.assertNotEqual(after.st_ino, before.st_ino)

    def test_a_new_file_has_the_mode_that_others_get(self) -> None:
        self.post(self.source(url="new.csv"), "id=1")
        other = self.root / "other"
        other.touch()
        self.assertEqual((self.root / "new.csv").stat().st_mode, other.stat().st_mode)

    def test_what_changes_nothing_writes_nothing(self) -> None:
        before = self.path.stat()
        self.assertEqual(self.put(self.table, "id=555555&who=x").count, 0)
        self.assertEqual(self.delete(self.table, "id=555555").count, 0)
        self.assertEqual(self.path.stat(), before)

    def test_the_file_and_its_folder_are_synced_before_the_change_is_confirmed(self) -> None:
        calls: list[str] = []
        sync = os.fsync

        def fsync(descriptor: int) -> None:
            calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            sync(descriptor)

        self.patch(os, "fsync", fsync)
        self.post(self.table, "id=1")
        self.assertEqual([Path(call).name for call in calls], [".t.csv.tmp", self.root.name])

    def test_a_reader_sees_changes_at_once_also_of_the_same_length(self) -> None:
        for number in range(30):
            self.put(self.table, f"id=1&who={number % 10}")
            self.assertEqual(self.ask(self.table, "id=1")[0]["who"], str(number % 10))

    def test_what_another_program_writes_meanwhile_is_kept(self) -> None:
        read = files.FileChange._content
        others = iter(["5,theirs\n", "6,theirs\n"])

        def content(change: files.FileChange) -> bytes | None:
            found = read(change)
            line = next(others, None)
            if line is not None:
                with self.path.open("a") as file:
                    file.write(line)
            return found

        self.patch(files.FileChange, "_content", content)
        self.post(self.table, "id=7&who=ours")
        self.assertEqual(self.path.read_text(), table() + "5,theirs\n6,theirs\n7,ours\n")

    def test_what_another_program_writes_just_before_the_end_is_kept(self) -> None:
        dump = files.Document.apply
        others = iter(["5,theirs\n"])

        def apply(document: Any, operation: Any) -> Any:
            found = dump(document, operation)
            line = next(others, None)
            if line is not None:
                with self.path.open("a") as file:
                    file.write(line)
            return found

        self.patch(files.Document, "apply", apply)
        self.assertEqual(self.post(self.table, "id=7&who=ours").count, 1)
        self.assertEqual(self.path.read_text(), table() + "5,theirs\n7,ours\n")


class TogetherTests(FileTestCase):
    def test_of_50_threads_none_is_lost_and_they_share_rewritings(self) -> None:
        written: list[int] = []
        replace = durable.replace

        def counted(*args: Any) -> int:
            written.append(1)
            return replace(*args)

        self.patch(durable, "replace", counted)

        def work(number: int) -> object:
            change = self.post(self.table, f"id={number}&who=new")
            self.assertIn(f"\n{number},new\n", self.path.read_text())
            return change.count

        self.assertEqual(self.threads(50, work), [1] * 50)
        added = self.path.read_text().removeprefix(table()).splitlines()
        self.assertEqual(sorted(added), sorted(f"{number},new" for number in range(50)))
        self.assertTrue(len(written) < 50, len(written))

    def test_those_that_share_a_rewriting_have_errors_of_their_own(self) -> None:
        def work(number: int) -> object:
            if number % 3 == 0:
                return self.post(self.table, "id=wrong")
            if number % 3 == 1:
                return self.put(self.table, f"id={number}&who=put").count
            return self.delete(self.table, f"id={number}").count

        results = self.threads(30, work)
        for number, result in enumerate(results):
            if number % 3 == 0:
                self.assertIsInstance(result, QueryError)
            else:
                self.assertEqual(result, 1)
        lines = dict(line.split(",") for line in self.path.read_text().splitlines())
        self.assertEqual([lines.get(str(number)) for number in range(6)], ["x", "put", None, "x", "put", None])
        self.assertEqual(len(lines), ROWS + 2 - 10)

    def test_an_unexpected_error_reaches_all_who_share(self) -> None:
        def run(jobs: list[Job], deadline: float) -> None:
            raise RuntimeError(f"{len(jobs)}")

        with self.assertRaises(RuntimeError):
            Writers(1).submit(self.path, "key", None, run)

    def test_readers_see_whole_files_while_others_write(self) -> None:
        done = threading.Event()

        def work(number: int) -> object:
            if number == 0:
                for place in range(20):
                    self.put(self.table, f"id=1&who={'y' * place * 100}")
                done.set()
                return None
            seen = 0
            while not done.wait(0):
                self.assertTrue(self.path.read_bytes().endswith(b"999999,end\n"))
                self.assertEqual(len(self.ask(self.table)), ROWS + 1)
                seen += 1
            return seen

        results = self.threads(3, work)
        self.assertTrue(all(isinstance(each, int) for each in results[1:]), results)

    def test_two_processes_and_our_threads_lose_nothing(self) -> None:
        children = [self.child("insert", name, 40) for name in ("a", "b")]
        results = self.threads(
            4, lambda number: [self.post(self.table, f"id={i}&who=t{number}").count for i in range(10)]
        )
        self.assertEqual(results, [[1] * 10] * 4)
        for child in children:
            child.communicate(b"", DEADLINE)
            self.assertEqual(child.returncode, 0)
        added = self.path.read_text().removeprefix(table()).splitlines()
        wanted = [f"{i},{name}-{i}" for name in "ab" for i in range(40)] + [
            f"{i},t{n}" for n in range(4) for i in range(10)
        ]
        self.assertEqual(sorted(added), sorted(wanted))

    def test_a_kill_at_any_moment_leaves_a_whole_file_with_all_that_was_confirmed(self) -> None:
        parent = self.child("fork", "", 1_000_000)
        assert parent.stdin is not None
        assert parent.stdout is not None
        confirmed: set[str] = set()
        for kill in range(100):
            parent.stdin.write(b"k%d\n" % kill)
            parent.stdin.flush()
            pid = int(parent.stdout.readline())
            if kill % 5 == 0:  # the first rewriting is over: kills come at all moments of those that follow
                confirmed.add(parent.stdout.readline().strip().decode())
            time.sleep(0.001 + kill % 10 * 0.004)
            os.kill(pid, signal.SIGKILL)
            while (line := parent.stdout.readline().strip().decode()) != "killed":
                confirmed.add(line)
            lines = self.path.read_text().splitlines(keepends=True)
            self.assertEqual("".join(lines[: ROWS + 2]), table())
            self.assertTrue(lines[-1].endswith("\n"), lines[-1])
            self.assertEqual(confirmed - {line.strip().split(",")[1] for line in lines}, set())
        self.assertGreaterEqual(len(confirmed), 20)
        self.assertEqual(self.post(self.table, "id=1&who=after").count, 1)
