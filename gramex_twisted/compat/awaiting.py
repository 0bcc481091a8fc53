"""What functions of ours that take time return to user code: something that every kind of coroutine can wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


def started(coroutine: Coroutine[Any, Any, T]) -> Awaitable[T]:
    """``coroutine``, running: a Future of the event loop, for ``await`` and for ``yield`` in Tornado's coroutines.

    Where there is no loop, such as in a thread, it is the coroutine itself: return it, and it is awaited.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return coroutine
    return Deferred.fromCoroutine(coroutine).asFuture(loop)
