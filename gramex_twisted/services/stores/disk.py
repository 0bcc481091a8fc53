"""A store for caches: a file for each entry, of bounded size, shared by the processes of a machine.

Files are written beside their place and renamed, so nobody reads half of one; they are not fsynced, since a cache may
lose what it holds. A file's time of modification is when it was last used: the oldest are removed when all together are
too big. Each of the 256 folders that they are spread over has a lock file, which writers hold.
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import Change, Entry, Store, StoreError
from gramex_twisted.services.stores.lane import Job, Lane
from gramex_twisted.services.stores.locks import locked

T = TypeVar("T")
Work = Callable[[float], Any]
#: A file: this, the key, the value. Magic, time of expiry, length of the key.
HEAD = struct.Struct(">4sdI")
MAGIC = b"GTC1"
LOCK = ".lock"
#: Seconds after which another use of a file is worth noting, and the part of ``size`` that is left after making room.
NOTE_AFTER, LEAVE = 60.0, 0.9


class DiskStore(Store):
    """Entries in files under the folder ``path``, which together have at most about ``size`` bytes.

    :param threaded: False: do everything on the reactor (tests with a Clock).
    """

    def __init__(self, reactor: Any, path: Path, size: int, *, threaded: bool = True, **options: Any) -> None:
        super().__init__(reactor, **options)
        self.path = path
        self.size = size
        self._lane: Lane[Work] = Lane(reactor, str(path), self._run, self.timeout, threaded=threaded)
        self._room = 0  # bytes that may be written before the files are measured again

    async def get(self, key: str) -> Entry | None:
        """See ``Store.get``."""
        entry: Entry | None = await self._lane.submit(lambda _: self._read(key))
        return entry

    async def put(self, key: str, value: bytes, expires: float | None = None) -> None:
        """See ``Store.put``. It may be forgotten at any time."""

        def work(patience: float) -> None:
            with self._locked(key, patience) as path:
                self._write(path, key, Entry(value, expires))

        await self._lane.submit(work)

    async def delete(self, key: str) -> bool:
        """See ``Store.delete``."""
        return await self.update(key, lambda entry: (None, entry is not None))

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``."""

        def work(patience: float) -> T:
            with self._locked(key, patience) as path:
                entry, result = change(self._read(key))
                if entry is None:
                    path.unlink(missing_ok=True)
                else:
                    self._write(path, key, entry)
            return result

        result: T = await self._lane.submit(work)
        return result

    async def keys(self, prefix: str = "") -> list[str]:
        """See ``Store.keys``. Reads the heads of all files."""

        def work(_: float) -> list[str]:
            now = self.clock()
            heads = (head_of(path) for path, _ in self._files())
            found = (key for key, expires in filter(None, heads) if expires is None or expires > now)
            return sorted(key for key in found if key.startswith(prefix))

        keys: list[str] = await self._lane.submit(work)
        return keys

    async def purge(self) -> int:
        """See ``Store.purge``. Makes room as well, where other processes have filled it."""

        def work(_: float) -> int:
            now = self.clock()
            gone = [
                path
                for path, _ in self._files()
                if (head := head_of(path)) is not None and head[1] is not None and head[1] <= now
            ]
            for path in gone:
                path.unlink(missing_ok=True)
            self._make_room()
            return len(gone)

        return int(await self._lane.submit(work))

    def stopService(self) -> Deferred[None]:
        """See ``Store.stopService``."""
        super().stopService()
        return self._lane.stop()

    # --- the thread's side

    def _run(self, jobs: list[Job[Work]]) -> None:
        for job in jobs:
            try:
                job.result = job.work(job.deadline - self.timeout / 10)
            except OSError as error:
                job.fail(StoreError(f"{error.filename or self.path}: {error.strerror}"))
            except Exception as error:  # noqa: BLE001 - a Change may raise anything
                job.fail(error)

    def _file(self, key: str) -> Path:
        name = blake2b(key.encode(), digest_size=20).hexdigest()
        return self.path / name[:2] / name[2:]

    @contextmanager
    def _locked(self, key: str, patience: float) -> Iterator[Path]:
        path = self._file(key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with locked(path.parent / LOCK, patience):
            yield path

    def _read(self, key: str) -> Entry | None:
        path, wanted = self._file(key), key.encode()
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        head = parse_head(content)
        start = HEAD.size + len(wanted)
        if head is None or content[HEAD.size : start] != wanted or head[1] != len(wanted):
            return None  # of another version, or damaged: as if it were not there
        entry = Entry(content[start:], head[0])
        if entry.expired(self.clock()):
            return None
        note_use(path)
        return entry

    def _write(self, path: Path, key: str, entry: Entry) -> None:
        name = key.encode()
        head = HEAD.pack(MAGIC, math.nan if entry.expires is None else entry.expires, len(name))
        needed = HEAD.size + len(name) + len(entry.value)
        if needed > self.size:
            path.unlink(missing_ok=True)
            return
        self._room -= needed
        if self._room < 0:
            self._make_room(needed)
        temporary = path.with_suffix(".tmp")  # the folder's lock is held: nobody else writes it
        try:
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
                file.writelines((head, name, entry.value))
            os.rename(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _make_room(self, needed: int = 0) -> None:
        """Remove what was not used for longest, until there is room for ``needed`` bytes; measure what room is left."""
        files = sorted(self._files(), key=lambda found: found[1].st_mtime_ns)
        total = sum(stat.st_size for _, stat in files)
        if total + needed > self.size:
            limit = self.size * LEAVE - needed
            for path, stat in files:
                if total <= limit:
                    break
                path.unlink(missing_ok=True)
                total -= stat.st_size
        # A part only: other processes write as well.
        self._room = max(0, self.size - total - needed) // 4

    def _files(self) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self.path.glob("[0-9a-f][0-9a-f]"):
            for entry in os.scandir(folder):
                if entry.name != LOCK and not entry.is_dir():  # where Gramex had its cache, there are folders
                    try:
                        yield Path(entry.path), entry.stat()
                    except FileNotFoundError:
                        continue  # another process has removed it just now


def parse_head(content: bytes) -> tuple[float | None, int] | None:
    """The time of expiry and the length of the key; None: not a file of ours."""
    if len(content) < HEAD.size:
        return None
    magic, expires, length = HEAD.unpack_from(content)
    return (None if math.isnan(expires) else expires, length) if magic == MAGIC else None


def head_of(path: Path) -> tuple[str, float | None] | None:
    """The key of a file and its time of expiry; None when it is not, or no longer, ours."""
    try:
        with open(path, "rb") as file:
            head = parse_head(file.read(HEAD.size))
            return None if head is None else (file.read(head[1]).decode(), head[0])
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def note_use(path: Path) -> None:
    """Let the file be young again."""
    try:
        if time.time() - path.stat().st_mtime > NOTE_AFTER:
            os.utime(path)
    except FileNotFoundError:
        return  # removed by another process just now
