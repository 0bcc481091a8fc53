"""Files that are too large, and files that are cut short while they are read."""

from __future__ import annotations

import os
import resource
import threading

from gramex_twisted.data.changes import insert
from gramex_twisted.data.errors import SourceError
from gramex_twisted.data.memory import Memory
from gramex_twisted.data.sources import source_of
from gramex_twisted.data.sources.base import Shared
from gramex_twisted.data.sources.dataset import parse
from tests.data.sourcing import SourceCase


def peak() -> int:
    """The most bytes that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class SizeTests(SourceCase):
    def test_files_of_two_gigabytes_are_refused_in_the_memory_that_there_was(self) -> None:
        """They are sparse: their end is all zeros, which takes no room on the disk."""
        self.write("small.csv", "a\n1\n")
        self.rows("small.csv")  # imports what it takes
        starts = {
            "x.csv": b"a\n1\n",
            "x.tsv": b"a\n1\n",
            "x.json": b'[{"a": 1}]',
            "x.jsonl": b'{"a": 1}\n',
            "x.yaml": b"- 1\n",
            "x.xlsx": b"PK\x03\x04",
            "x.html": b"<table>",
            "x.feather": b"ARROW1",
            "x.parquet": b"PAR1",
        }
        before = peak()
        for name, start in starts.items():
            path = self.write(name, start)
            os.truncate(path, 2**31)
            said = self.error(SourceError, name)
            self.assertIn(name, said)
            self.assertNotEqual(name.endswith("parquet"), "make it a Parquet file" in said, said)
            if not name.endswith(("xlsx", "html", "yaml")):
                found = self.assertRaises(SourceError, insert, self.source(name), [{"a": 2}], {})
                self.assertIn("has more bytes than can be read into memory", str(found))
            self.assertEqual(path.stat().st_size, 2**31)
            path.unlink()
        self.assertLess(peak() - before, 100_000_000)

    def test_files_that_need_many_times_their_bytes_may_have_fewer(self) -> None:
        small = Shared(Memory(1000), self.shared.engines, self.folder)
        for name, most in {"x.csv": 4000, "x.json": 1000, "x.xlsx": 250, "x.yaml": 100}.items():
            self.write(name, b" " * (most + 1))
            said = str(self.assertRaises(SourceError, source_of(parse({"url": name}), small).open, {}))
            self.assertIn(f"more bytes than can be read into memory ({most:,})", said)

    def test_a_file_that_is_cut_short_again_and_again_is_whole_rows_or_an_error(self) -> None:
        whole = b"a,b\n" + b"".join(b"%d,text %d\n" % (n, n) for n in range(100_000))
        path = self.write("x.csv", whole)
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                path.write_bytes(whole)  # which empties the file first
                os.truncate(path, len(whole) // 3)

        writer = threading.Thread(target=write)
        writer.start()
        self.addCleanup(writer.join)
        self.addCleanup(stop.set)
        for _ in range(100):
            try:
                rows = self.rows("x.csv", "_c=a")
            except SourceError as error:
                self.assertIn("x.csv", str(error))
            else:
                self.assertEqual(rows[:-1], [(n,) for n in range(len(rows) - 1)])
