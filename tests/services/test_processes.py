"""The programs of an app: when what they print has been read."""

from __future__ import annotations

import os
import select
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet import task
from twisted.trial.unittest import TestCase

from gramex_twisted.services.processes import QUIET, Processes

reactor: Any = installed


class Timers(task.Clock):
    """The real reactor for programs, and a clock for times."""

    spawnProcess = reactor.spawnProcess


class LateTests(TestCase):
    timeout = 60

    async def test_what_is_printed_while_the_server_is_busy_is_read(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        os.mkfifo(folder / "go")
        clock, got = Timers(), []
        processes = Processes(SimpleNamespace(reactor=clock))
        script = "(read x < go; echo late) & echo early"  # what is left behind prints more, when it is told to
        child = processes.start(
            ["/bin/sh", "-c", script], lambda fd, data: got.append(data), folder=str(folder), environment={}
        )
        while child._listening is None or b"".join(got) != b"early\n":
            await task.deferLater(reactor, 0.01)
        if child._heard:
            clock.advance(QUIET)  # and from then on, it has been quiet
        with open(folder / "go", "w") as go:
            go.write("on\n")
        waiting = select.poll()
        waiting.register(child.transport.pipes[1].fileno(), select.POLLIN)
        self.assertTrue(waiting.poll(30_000))
        clock.advance(QUIET)  # the reactor comes to this before it reads
        self.assertEqual(await child.ended, 0)
        self.assertEqual(b"".join(got), b"early\nlate\n")
        clock.pump([1.0] * 20)
        self.assertEqual(processes.count, 0)
