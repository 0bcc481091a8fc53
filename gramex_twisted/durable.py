"""Files that are replaced as a whole, so that they are whole at any moment, and locks between processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int]


def stamp(stat: os.stat_result) -> Stamp:
    """What differs between a file and the one that replaces it, or what it becomes when it is edited."""
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def sync_folder(path: Path) -> None:
    """Make a rename in the folder ``path`` survive a power cut."""
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def replace(path: Path, content: bytes, temporary: Path, mode: int, owner: tuple[int, int] | None = None) -> int:
    """Make ``content`` the file ``path``; returns its open descriptor when it is durable.

    :param temporary: a path in the same folder, which nobody else uses meanwhile.
    :param owner: user and group that the new file gets, as far as this process may give it away.
    :raises OSError: when it cannot be written; the old one is as it was.
    """
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        if owner is not None:
            _give(descriptor, *owner)
        os.fchmod(descriptor, mode)
        now = time.time_ns()
        os.utime(descriptor, ns=(now, now))  # a kernel's own times are alike for milliseconds, and inodes come back
        os.fsync(descriptor)
        os.rename(temporary, path)
    except OSError:
        os.close(descriptor)
        temporary.unlink(missing_ok=True)
        raise
    try:
        sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _give(descriptor: int, user: int, group: int) -> None:
    made = os.fstat(descriptor)
    if (made.st_uid, made.st_gid) == (user, group):
        return
    with contextlib.suppress(PermissionError):  # not root, or not of this group: then it stays ours
        os.fchown(descriptor, -1, group)
        os.fchown(descriptor, user, -1)


@contextmanager
def locked(path: Path, deadline: float, mode: int = 0o600) -> Iterator[None]:
    """Hold the lock file ``path``, made with ``mode`` when missing. Threads exclude each other as processes do.

    :param deadline: when to give up, by time.monotonic().
    :raises TimeoutError: when another holds it for that long.
    """
    began = time.monotonic()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise TimeoutError(f"{path}: locked by another process for {time.monotonic() - began:.1f} s")
            time.sleep(random.uniform(0.0005, 0.002))
        yield
    finally:
        os.close(descriptor)  # which unlocks


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
