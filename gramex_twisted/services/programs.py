"""Running a program and waiting for what it prints, with a deadline."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure


class Finished(NamedTuple):
    """What a program left: its exit code (None when a signal ended it) and what it printed."""

    code: int | None
    output: bytes
    errors: bytes


class ProgramTimeoutError(Exception):
    """The program ran longer than it may, and was killed."""


class Program(ProcessProtocol):
    """One run of a program. ``done`` fires with Finished when it has ended and its pipes are closed."""

    def __init__(self, reactor: Any, timeout: float) -> None:
        self.done: Deferred[Finished] = Deferred()
        self.timed_out = False
        self._output: list[bytes] = []
        self._errors: list[bytes] = []
        self._timer = reactor.callLater(timeout, self._late)

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._output.append(data)

    def errReceived(self, data: bytes) -> None:
        self._errors.append(data)

    def _late(self) -> None:
        self.timed_out = True
        self.kill()

    def kill(self) -> None:
        """End the program now. ``done`` fires as soon as it is gone."""
        if self.transport is not None and self.transport.pid:
            self.transport.signalProcess("KILL")

    def processEnded(self, reason: Failure) -> None:
        if self._timer.active():
            self._timer.cancel()
        if self.timed_out:
            self.done.errback(ProgramTimeoutError())
            return
        code = 0 if reason.check(ProcessDone) else getattr(reason.value, "exitCode", None)
        self.done.callback(Finished(code, b"".join(self._output), b"".join(self._errors)))


def run(
    reactor: Any, command: Sequence[str], *, timeout: float, folder: str, environment: Mapping[str, str] | None = None
) -> Program:
    """Start ``command`` in ``folder``, without a shell and with nothing to read; wait for its ``done``.

    :param timeout: seconds after which it is killed, and ``done`` fails with ProgramTimeoutError.
    """
    program = Program(reactor, timeout)
    reactor.spawnProcess(program, command[0], list(command), env={**os.environ, **(environment or {})}, path=folder)
    return program
