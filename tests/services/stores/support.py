"""What the tests of stores share: a clock, changes, and a process that uses a store until it is killed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
from twisted.internet.defer import Deferred, gatherResults

from gramex_twisted.services.stores.base import Change, Entry, Store

ROOT = Path(__file__).parents[3]
#: Seconds that a child process may take to do anything.
DEADLINE = 60


class FakeClock:
    """Seconds since the epoch, which pass when the test says so."""

    def __init__(self) -> None:
        self.now = float(int(time.time()))

    def __call__(self) -> float:
        return self.now


class Pausing(SimpleNamespace):
    """The module time, in which something happens while somebody sleeps."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__(monotonic=time.monotonic, time=time.time, sleep=lambda seconds: happens())


def increment(entry: Entry | None) -> tuple[Entry, int]:
    """A Change: one more, kept as a JSON object, which every store takes; the new count."""
    count = orjson.loads(entry.value)["n"] + 1 if entry else 1
    return Entry(orjson.dumps({"n": count}), entry.expires if entry else None), count


def changed_to(entry: Entry | None) -> Change[str]:
    """A Change that makes an entry whatever there was."""
    return lambda before: (entry, "done")


async def together(coroutines: Iterable[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The results of coroutines that run at the same time."""
    return await gatherResults([Deferred.fromCoroutine(coroutine) for coroutine in coroutines], consumeErrors=True)


class Child:
    """A process that uses a store: see child.py. ``location``: a path, or the URL of a Redis."""

    def __init__(self, kind: str, location: str, task: str, count: int) -> None:
        command = [sys.executable, "-m", "tests.services.stores.child", kind, location, task, str(count)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ready(self) -> Child:
        """Wait until it could begin."""
        assert self.process.stdout is not None
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the child could not start")
        return self

    def begin(self) -> Child:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self

    def killed_after(self, lines: int) -> list[str]:
        """What it has confirmed: kill -9 when that is ``lines`` lines, and what came until it was dead."""
        assert self.process.stdout is not None
        confirmed = [self.process.stdout.readline() for _ in range(lines)]
        self.process.kill()
        rest, _ = self.process.communicate(timeout=DEADLINE)
        return [line.strip() for line in confirmed] + [line for line in rest.split("\n")[:-1] if line]

    def finished(self) -> str:
        """Wait until it has ended well; its output."""
        output, _ = self.process.communicate(timeout=DEADLINE)
        if self.process.returncode:
            raise AssertionError(f"the child ended with {self.process.returncode}: {output}")
        return output


def stopped_after(test: Any, store: Store, *, started: bool = True) -> Store:
    """``store``, running until the test ends."""
    if started:
        store.startService()
    test.addCleanup(lambda: store.stopService() if store.running or not started else None)
    return store
