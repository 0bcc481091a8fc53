"""Tornado's coroutines and event loop beside ours, where user code has imported them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

REFUSAL = (
    "IOLoop.run_sync() would stop the server's own event loop: await the coroutine in an `async def`, or call run_sync "
    "in a plain def, whose thread has a loop of its own"
)


def meet_tornado(reactor: Any) -> None:
    """Let Tornado's coroutines ``yield`` Deferreds, such as ``handler.flush()``, and its IOLoop not stop the server.

    Nothing is done as long as nobody has imported Tornado's part for it.
    """
    if "tornado.gen" in sys.modules:
        importlib.import_module("tornado.platform.twisted")
    loop = getattr(reactor, "_asyncioEventloop", None)
    if "tornado.ioloop" in sys.modules and loop is not None:
        ioloop = ioloop_of(loop)
        if not isinstance(ioloop.run_sync, Guard):
            ioloop.run_sync = Guard(ioloop.run_sync, loop.is_running, _refuse)
            ioloop.stop = Guard(ioloop.stop, lambda: reactor.running, reactor.stop)


def ioloop_of(loop: Any) -> Any:
    """Tornado's IOLoop for the event loop of asyncio; the one that there is already, if any."""
    from tornado.ioloop import IOLoop
    from tornado.platform.asyncio import AsyncIOLoop

    return IOLoop._ioloop_for_asyncio.get(loop) or AsyncIOLoop(asyncio_loop=loop, make_current=False)


class Guard:
    """A method that does ``instead()`` while ``when()``."""

    def __init__(self, method: Callable[..., Any], when: Callable[[], bool], instead: Callable[[], Any]) -> None:
        self.method = method
        self.when = when
        self.instead = instead

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.instead() if self.when() else self.method(*args, **kwargs)


def _refuse() -> None:
    raise RuntimeError(REFUSAL)
