"""The programs that an app runs for its requests: each leads a process group of its own, and ends with its request."""

from __future__ import annotations

import os
import select
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

#: Seconds from TERM to KILL, to giving up, and between two looks at a group that is to end.
GRACE, GIVE_UP, LOOK = 3.0, 10.0, 0.1
#: Seconds without output after which a program that has ended is done, though somebody still holds its pipes.
QUIET = 0.5
#: Bytes that are read at once.
PIPE_SIZE = 1 << 16
#: What a service manager has told this process alone.
_PRIVATE = ("NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")

Receive = Callable[[int, bytes], None]


class Child(ProcessProtocol):
    """A running program.

    ``ended`` fires with its exit code, or minus the number of the signal that ended it, when it has ended and all that
    it has printed has been received. ``receive(fd, data)`` gets its output.
    """

    transport: Any

    def __init__(self, reactor: Any, receive: Receive, gone: Callable[[Child], None]) -> None:
        self.ended: Deferred[int] = Deferred()
        self.left: Deferred[None] = Deferred()
        self.stdin_closed = False
        self.on_stdin_closed: Callable[[], None] | None = None
        self._reactor = reactor
        self._receive = receive
        self._gone = gone
        self._paused = False
        self._heard = False
        self._pid = 0
        self._over = False
        self._stopping: float | None = None
        self._listening: IDelayedCall | None = None

    # What Twisted tells -----------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        self._pid = self.transport.pid
        for fd in (1, 2):
            pipe = self.transport.pipes.get(fd)
            if pipe is not None:
                pipe.doRead = partial(_read, pipe)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._heard = True
        self._receive(childFD, data)

    def childConnectionLost(self, childFD: int) -> None:
        if childFD == 0:
            self.stdin_closed = True
            if self.on_stdin_closed is not None:
                self.on_stdin_closed()

    def processExited(self, reason: Failure) -> None:
        self._heard = True
        self._listen_on()

    def _listen_on(self) -> None:
        """Close the pipes that a program which has ended has left to others, once they are quiet."""
        if not self._over:
            if not self._heard and not self._paused and not self._readable():
                self.transport.loseConnection()
            self._heard = False
            self._listening = self._reactor.callLater(QUIET, self._listen_on)

    def _readable(self) -> bool:
        """Whether there is something in its pipes: a busy reactor comes to a timer before it reads."""
        poll = select.poll()
        for fd in (1, 2):
            pipe = self.transport.pipes.get(fd)
            if pipe is not None:
                poll.register(pipe.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def processEnded(self, reason: Failure) -> None:
        self._over = True
        if self._listening is not None and self._listening.active():
            self._listening.cancel()
        value: Any = reason.value
        code = -value.signal if value.signal is not None else value.exitCode or 0
        self.stop()  # what it has left behind
        self.ended.callback(code)

    # What its request wants -------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Read no more of its output: it waits when its pipes are full."""
        self._paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        """Go on reading."""
        self._paused = False
        self._heard = True
        self.transport.resumeProducing()

    def stop(self) -> None:
        """End it and the group that it leads: TERM, and KILL to what is still there after a few seconds."""
        if self._stopping is None:
            self._stopping = self._reactor.seconds()
            self._end()

    def _end(self, number: int = signal.SIGTERM) -> None:
        assert self._stopping is not None
        waited = self._reactor.seconds() - self._stopping
        if (not self._signal(number) and self._over) or waited > GIVE_UP:
            self._gone(self)
            self.left.callback(None)
        else:
            self._reactor.callLater(LOOK, self._end, signal.SIGKILL if waited >= GRACE else 0)

    def _signal(self, number: int) -> bool:
        """Whether there is somebody to signal; 0 is no signal, and only asks."""
        try:
            os.killpg(self._pid, number)
        except ProcessLookupError:
            if self.transport.pid is None:
                return False
            self.transport.signalProcess(number)  # it has just been started, and leads no group yet
        except PermissionError:
            return False  # it runs as another user now
        return True


def _read(pipe: Any) -> Exception | None:
    """Read what is there: Twisted reads 8 KB a turn of the reactor, and a pipe holds eight times as much."""
    try:
        data = os.read(pipe.fileno(), PIPE_SIZE)
    except BlockingIOError:
        return None
    except OSError:
        return CONNECTION_LOST
    if not data:
        return CONNECTION_DONE
    pipe.dataReceived(data)
    return None


class Processes(Service):
    """Starts programs, and ends those that still run when the app stops."""

    name = "processes"

    def __init__(self, services: Any) -> None:
        self._reactor = services.reactor
        self._children: set[Child] = set()
        # A program of its own makes the group, since Twisted's spawnProcess cannot, and changes folders, so that it is
        # started without a fork of this whole process.
        self._setsid, self._env = shutil.which("setsid"), shutil.which("env")

    @property
    def count(self) -> int:
        """How many programs run."""
        return len(self._children)

    def start(
        self,
        command: Sequence[str],
        receive: Receive,
        *,
        folder: str,
        environment: Mapping[str, str],
        stdin: bool = False,
        outputs: Sequence[int] = (1, 2),
    ) -> Child:
        """Start ``command``, whose first item is the path of a program.

        :param stdin: whether something is written to it, by ``child.transport``; else it reads the end at once.
        :param outputs: which of 1, stdout, and 2, stderr, are received; the other one is dropped.
        :raises OSError: when there are too many processes or open files.
        """
        child = Child(self._reactor, receive, self._children.discard)
        inherited = {name: value for name, value in os.environ.items() if name not in _PRIVATE}
        wrapped, path = self._wrapped(command, folder)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            fds: dict[int, Any] = {0: "w" if stdin else null}
            fds |= {fd: "r" if fd in outputs else null for fd in (1, 2)}
            self._reactor.spawnProcess(
                child, wrapped[0], wrapped, env={**inherited, **environment}, path=path, childFDs=fds
            )
        finally:
            os.close(null)
        self._children.add(child)
        return child

    def _wrapped(self, command: Sequence[str], folder: str) -> tuple[list[str], str | None]:
        if self._setsid is None or self._env is None:
            return list(command), folder
        if "=" in command[0]:  # which env would take for a variable
            return [self._setsid, *command], folder
        return [self._setsid, self._env, "-C", folder, *command], None

    def stopService(self) -> Deferred[Any]:
        """End what runs; fires when it is gone."""
        super().stopService()
        children = list(self._children)
        for child in children:
            child.stop()
        return DeferredList([child.left for child in children])
