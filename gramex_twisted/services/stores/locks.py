"""A lock between processes: a file that only one of them holds."""

from __future__ import annotations

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gramex_twisted.services.stores.base import StoreError


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold the lock ``path`` (made, mode 0600, when missing). Two stores of one process exclude each other as well.

    :param deadline: when to give up, by time.monotonic().
    :raises StoreError: when another holds it for that long.
    """
    began = time.monotonic()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise StoreError(f"{path}: locked by another process for {time.monotonic() - began:.1f} s")
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
