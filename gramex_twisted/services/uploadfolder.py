"""A folder of uploaded files. A file is written under a hidden name first, and gets its own when it is whole.

Everything here blocks: it is called in threads.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from gramex_twisted.durable import sync_folder
from gramex_twisted.services.filenames import dated, numbered

#: What the name of a file begins with that is not whole, or that nobody knows of yet.
STAGED = ".upload-"
#: Bytes after which the disk begins to work.
FLUSH = 8 << 20


class Exists(Exception):  # noqa: N818 - not an error, but an answer
    """There is a file of that name."""


class Staged:
    """A file on its way into ``folder``. It is removed unless it is published."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / f"{STAGED}{secrets.token_hex(8)}"
        self.size = 0
        self._flushed = 0
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)  # while it is held, nobody sweeps the file away
        self._file: BinaryIO = open(descriptor, "wb", buffering=0)  # noqa: SIM115 - close() does
        self.published: Path | None = None
        self.replaced = False

    def write(self, data: bytes) -> None:
        """Add ``data``.

        :raises OSError: when there is no room.
        """
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.size += len(data)
        if self.size - self._flushed >= FLUSH and hasattr(os, "posix_fadvise"):
            # Linux begins to write these pages now, and so has little left to do when all must be on disk; and it
            # forgets those before, which are written: they serve the next ones, where fresh ones would cost more.
            begin = max(0, self._flushed - FLUSH)
            os.posix_fadvise(self._file.fileno(), begin, self.size - begin, os.POSIX_FADV_DONTNEED)
            self._flushed = self.size

    def whole(self) -> None:
        """All is written, and on disk."""
        os.fsync(self._file.fileno())
        os.fchmod(self._file.fileno(), 0o644 & ~_umask())

    def publish(self, name: str, if_exists: str) -> tuple[str, str | None]:
        """Give it its name, a path relative to the folder; the name that it got, and that of a backup.

        :param if_exists: what to do where there is one: unique, overwrite, backup or error.
        :raises Exists: for error.
        """
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not Path(os.path.realpath(target.parent)).is_relative_to(os.path.realpath(self.folder)):
            raise ValueError(f"{name!r} is outside of the folder")
        backup = None
        if if_exists in ("overwrite", "backup"):
            if if_exists == "backup" and target.exists():
                backup = self._back_up(name)
            os.link(self.path, self.path.with_name(self.path.name + "x"))
            os.replace(self.path.with_name(self.path.name + "x"), target)
            self.replaced = True
        else:
            name = self._link(name, unique=if_exists == "unique")
        self.published = self.folder / name
        sync_folder(self.published.parent)
        return name, backup

    def _link(self, name: str, *, unique: bool) -> str:
        for candidate in numbered(name):
            try:
                os.link(self.path, self.folder / candidate)
            except FileExistsError:
                if not unique:
                    raise Exists(name) from None
            else:
                return candidate
        raise AssertionError("numbers have an end")

    def _back_up(self, name: str) -> str:
        for candidate in numbered(dated(name, f"{datetime.now():%Y%m%d-%H%M%S}")):
            try:
                os.link(self.folder / name, self.folder / candidate)
            except FileExistsError:
                continue
            return candidate
        raise AssertionError("numbers have an end")

    def take_back(self) -> None:
        """It shall not have been published. What it has replaced is gone all the same."""
        if self.published is not None and not self.replaced:
            self.published.unlink(missing_ok=True)
        self.published = None

    def close(self) -> None:
        """Remove the hidden name. A published file stays."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        self._file.close()


def left_over(folder: Path) -> dict[Path, list[str]]:
    """Hidden files that a server which was killed has left, with the names, relative to ``folder``, that they got."""
    found: dict[Path, list[str]] = {}
    inodes: dict[int, Path] = {}
    for path in folder.glob(f"{STAGED}*"):
        if _abandoned(path):
            found[path] = []
            inodes[path.stat().st_ino] = path
    if any(path.stat().st_nlink > 1 for path in found):
        for root, _, names in os.walk(folder):
            for name in names:
                path = Path(root, name)
                if not name.startswith(STAGED) and (staged := inodes.get(path.lstat().st_ino)) is not None:
                    found[staged].append(path.relative_to(folder).as_posix())
    return found


def _abandoned(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _umask() -> int:
    """The process's umask, which can only be asked by setting it: Linux tells it without."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0o022
    return next((int(line.split()[1], 8) for line in status.splitlines() if line.startswith("Umask:")), 0o022)
