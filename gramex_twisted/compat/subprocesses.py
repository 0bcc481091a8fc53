"""`Subprocess` and `daemon`: programs whose output is read in threads."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextvars import copy_context
from io import BytesIO
from queue import Queue
from threading import Thread
from typing import Any

from gramex_twisted.compat.state import services_now

PIECE = 8192
"""Bytes that are read at once where `buffer_size` is 0."""
STREAMS = ("stdout", "stderr")
Sink = Callable[[bytes], object]


class Subprocess:
    """The program ``args``, running. ``proc`` is its subprocess.Popen, which ``kwargs`` are given to.

    ``stream_stdout`` and ``stream_stderr``: functions that get the output, or names: that of a ``list_...`` or
    ``queue_...`` attribute, which gets it. Without them the output is what ``wait_for_exit`` gives. ``buffer_size``:
    bytes at a time, or "line". Raises OSError where the program cannot be started.
    """

    def __init__(
        self,
        args: Sequence[str],
        stream_stdout: Any = (),
        stream_stderr: Any = (),
        buffer_size: str | int = 0,
        **kwargs: Any,
    ) -> None:
        self.args = args
        self.future: dict[str, Any] = {}
        self.thread: dict[str, Thread] = {}
        outputs = [self._sinks(given) for given in (stream_stdout, stream_stderr)]
        self.proc = subprocess.Popen(args, **{**kwargs, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE})
        for name, (sinks, collected) in zip(STREAMS, outputs, strict=True):
            future, done = future_here()
            self.future[name] = future
            source = getattr(self.proc, name)
            work = (source, sinks, collected, buffer_size, done)
            thread = Thread(target=copy_context().run, args=(self._read, *work), name=f"Subprocess {args}", daemon=True)
            self.thread[name] = thread
            thread.start()

    def _sinks(self, given: Any) -> tuple[list[Sink], BytesIO | None]:
        """The functions that get an output, and where it is collected if there are none."""
        wanted = list(given) if isinstance(given, list | tuple) else [given] if given else []
        if not wanted:
            collected = BytesIO()
            return [collected.write], collected
        return [self._named(sink) if isinstance(sink, str) else sink for sink in wanted], None

    def _named(self, name: str) -> Sink:
        kinds: dict[str, tuple[Callable[[], Any], str]] = {"list": (list, "append"), "queue": (Queue, "put")}
        make, method = kinds.get(name.partition("_")[0], (None, ""))
        if make is None or "_" not in name:
            raise ValueError(f"stream {name!r}: a name begins with list_ or queue_")
        if not hasattr(self, name):
            setattr(self, name, make())
        sink: Sink = getattr(getattr(self, name), method)
        return sink

    def _read(
        self,
        source: Any,
        sinks: list[Sink],
        collected: BytesIO | None,
        size: str | int,
        done: Callable[[Any, BaseException | None], None],
    ) -> None:
        error: BaseException | None = None
        lines = isinstance(size, str) and "line" in size.lower()
        read = source.readline if lines else lambda: source.read1(size if isinstance(size, int) and size > 0 else PIECE)
        try:
            with source:
                while piece := read():
                    for sink in sinks:
                        sink(piece.encode("utf-8") if isinstance(piece, str) else piece)
            self.proc.wait()
        except BaseException as raised:  # noqa: BLE001 - whoever waits gets it
            error = raised
        done(b"" if collected is None else collected.getvalue(), error)

    def wait_for_exit(self) -> list[Any]:
        """Futures of the two outputs: ``stdout, stderr = yield proc.wait_for_exit()``, or asyncio.gather(*...).

        In a thread each has ``result()``.
        """
        return [self.future[name] for name in STREAMS]


def future_here() -> tuple[Any, Callable[[Any, BaseException | None], None]]:
    """A future for the code that calls, of its event loop if it has one, and what ends it, from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        future: Any = Future()
        return future, lambda value, error: _end(future, value, error)
    future = loop.create_future()

    def done(value: Any, error: BaseException | None) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(_end, future, value, error)

    return future, done


def _end(future: Any, value: Any, error: BaseException | None) -> None:
    if not future.done():
        future.set_result(value) if error is None else future.set_exception(error)


class Daemons:
    """The programs of one app that `daemon` has started, by their arguments. They end with the app, and outlive a
    reload."""

    def __init__(self, services: Any) -> None:
        self.running: dict[str, Subprocess] = {}

    def hand_over(self, successor: Any) -> None:
        """See Services.hand_over."""
        successor.kept(Daemons).running.update(self.running)
        self.running = {}

    def drain(self) -> Any:
        """See Services.drain."""
        from twisted.internet.defer import succeed

        for each in self.running.values():
            if each.proc.poll() is None:
                each.proc.terminate()
        return succeed(None)


def daemon(
    args: str | Sequence[str],
    restart: int = 1,
    first_line: str | re.Pattern[str] | Callable[[Subprocess], Any] | None = None,
    timeout: float = 5,
    stream: bool | Callable[[bytes], Any] = True,
    buffer_size: str | int = "line",
    **kwargs: Any,
) -> Any:
    """A future of the Subprocess that runs ``args``: the one that runs already, or a new one.

    ``restart``: how often it is started if it has ended. ``first_line``: what its first line must have, or a function
    that waits for it to be ready; ``timeout``: seconds for that. ``stream``: True writes its output to stderr; or a
    function of it. Raises RuntimeError where it ends at once.
    """
    services = services_now()
    if services is None:
        raise RuntimeError("gramex.cache.daemon is for functions of an app: there is none")
    running = services.kept(Daemons).running
    command = args.split() if isinstance(args, str) else list(args)
    key = repr((command, sorted(kwargs.items(), key=str)))
    lines: Queue[bytes] = Queue()
    found = running.get(key)
    if found is not None and found.proc.poll() is None:
        return _done(found)
    for _ in range(max(1, int(restart))):
        found = running[key] = Subprocess(command, **_outputs(kwargs, stream, lines), buffer_size=buffer_size)
        if found.proc.poll() is None:
            break
    assert found is not None
    if found.proc.poll() is not None:
        raise RuntimeError(f"{' '.join(command)} ended with status {found.proc.returncode}")
    return _done(found) if first_line is None else _checked(found, first_line, lines, timeout)


def _outputs(kwargs: Mapping[str, Any], stream: Any, lines: Queue[bytes]) -> dict[str, Any]:
    given = dict(kwargs)
    own = [sys.stderr.buffer.write] if stream is True else [stream] if callable(stream) else []
    for name in ("stream_stdout", "stream_stderr"):
        before = given.get(name, [])
        given[name] = [*(before if isinstance(before, list | tuple) else [before]), lines.put, *own]
    return given


def _done(process: Subprocess) -> Any:
    future, done = future_here()
    done(process, None)
    return future


def _checked(process: Subprocess, expected: Any, lines: Queue[bytes], timeout: float) -> Any:
    future, done = future_here()

    def check() -> None:
        try:
            if callable(expected):
                expected(process)
            else:
                line = lines.get(timeout=timeout).decode("utf-8", "replace")
                fits = expected in line if isinstance(expected, str) else expected.search(line)
                if not fits:
                    raise AssertionError(f"{process.args}: the first line is {line!r}, not {expected!r}")
        except BaseException as error:  # noqa: BLE001 - whoever waits gets it
            done(None, error)
        else:
            done(process, None)

    Thread(target=copy_context().run, args=(check,), name=f"daemon {process.args}", daemon=True).start()
    return future
