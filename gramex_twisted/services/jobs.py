"""What travels through the thread pool: a call to be made in a thread, and a thread's call back into the reactor."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.services.threads import Threads

log = Logger()


class ThreadsStopped(Exception):  # noqa: N818 - a state of the server, like GeneratorExit, not a fault of the function
    """The server stops and no longer waits for this thread: clean up and return."""


class Job:
    """One call on its way through the pool. ``deferred`` is None once nobody waits for the result."""

    __slots__ = ("args", "context", "deferred", "fn", "kwargs", "result", "threads")

    def __init__(self, threads: Threads, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.threads = threads
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.context: Context = copy_context()
        self.deferred: Deferred[Any] | None = Deferred(self.cancel)
        self.result: Any = None

    def cancel(self, _deferred: Deferred[Any]) -> None:
        """Nobody waits any more: leave the queue, or if it is too late for that, drop the result."""
        self.deferred = None
        self.threads._forget(self)

    def work(self) -> None:
        """Call the function in this thread; what it returned or raised becomes ``result``."""
        try:
            self.result = self.context.run(self.fn, *self.args, **self.kwargs)
        except Exception:  # noqa: BLE001 - every error is the caller's
            self.result = Failure()
        except BaseException as error:  # noqa: BLE001 - sys.exit() must not stop the reactor
            self.result = Failure(RuntimeError(f"{name_of(self.fn)} raised {error!r} in a thread"))

    def refuse(self, message: str) -> None:
        """On the reactor: fail with 503 now, whatever the function comes to. (``result`` is the thread's to write.)"""
        deferred, self.deferred = self.deferred, None
        if deferred is not None:
            deferred.errback(HTTPError(503, message))

    def deliver(self) -> None:
        """On the reactor: hand ``result`` to whoever waits."""
        deferred, self.deferred = self.deferred, None
        result, self.result = self.result, None  # a Failure's traceback holds this Job
        if deferred is None:
            if isinstance(result, Failure) and not result.check(ThreadsStopped, ConnectionDone):
                log.failure("{function} failed after its request was gone", result, function=name_of(self.fn))
        elif isinstance(result, Deferred):
            result.chainDeferred(deferred)
        else:
            deferred.callback(result)  # a Failure makes it an errback


class ReactorCall:
    """A thread waits here for something that runs on the reactor. The first answer counts."""

    __slots__ = ("answered", "result")

    def __init__(self) -> None:
        self.answered = threading.Event()
        self.result: Any = None

    def answer(self, result: Any) -> None:
        if not self.answered.is_set():
            self.result = result
            self.answered.set()

    def wait(self) -> Any:
        self.answered.wait()
        if isinstance(self.result, Failure):
            self.result.raiseException()
        return self.result


def name_of(fn: Callable[..., Any]) -> str:
    """The dotted name of a function, for messages."""
    fn = fn.func if isinstance(fn, functools.partial) else fn
    module, name = getattr(fn, "__module__", None), getattr(fn, "__qualname__", None)
    return f"{module}.{name}" if module and name else repr(fn)
