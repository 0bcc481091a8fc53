"""A process of its own that uses a store. ``python -m tests.services.stores.child KIND LOCATION TASK COUNT``

``update``: increments the counter ``n`` COUNT times. ``put``: stores new keys for ever, COUNT at a time, and prints
what is confirmed. It says "ready" first, and begins when it gets a line.
"""

from __future__ import annotations

import itertools
import os
import sys
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.dictstore import DictStore
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from tests.services.stores.support import increment, together


def make(reactor: Any, kind: str, location: str) -> Store:
    """The store that the parent process uses as well."""
    if kind == "sqlite":
        return SqliteStore(reactor, Path(location), "test", timeout=20)
    if kind == "dict":
        return DictStore(reactor, Path(location), timeout=20)
    if kind == "json":
        return JsonFileStore(reactor, Path(location), timeout=20)
    if kind == "disk":
        return DiskStore(reactor, Path(location), 100 << 20, timeout=20)
    from gramex_twisted.services.stores.redisstore import RedisStore

    return RedisStore(reactor, location, "test:", timeout=20)


async def updates(store: Store, count: int) -> None:
    """In two loops, so that some meet within this process as well."""

    async def loop() -> None:
        for _ in range(count // 2):
            await store.update("n", increment)

    await together([loop(), loop()])


async def puts(store: Store, parallel: int) -> None:
    """For ever."""

    async def loop(number: int) -> None:
        for count in itertools.count():
            key = f"{number}-{count}"
            await store.put(key, b'{"key": "%s"}' % key.encode())
            os.write(1, f"{key}\n".encode())

    await together(map(loop, range(parallel)))


async def main(reactor: Any) -> None:
    """Do what the arguments say."""
    kind, location, task, count = sys.argv[1:]
    store = make(reactor, kind, location)
    store.startService()
    await store.ready()
    print("ready", flush=True)
    sys.stdin.readline()
    await (updates if task == "update" else puts)(store, int(count))
    await store.stopService()


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(main(reactor)))
