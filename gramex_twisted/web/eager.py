"""A Task of asyncio that takes its first step at once, where its coroutine often ends.

Most handlers that are ``async def`` wait for nothing. A Task that is made for them is scheduled, and a turn of the loop
later it runs: that is a fifth of what a small answer costs. Python 3.12 has a Task that begins at once; before it, this
is the one of the standard library in Python, without its first ``call_soon``.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import AbstractEventLoop, Task
from collections.abc import Coroutine
from contextvars import copy_context
from typing import Any

__all__ = ["begin"]

if sys.version_info >= (3, 12):

    def begin(coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> Task[Any]:
        """``coroutine`` as a Task of the running ``loop``, up to where it first waits."""
        return Task(coroutine, loop=loop, eager_start=True)

else:
    from asyncio.futures import _PyFuture  # type: ignore[attr-defined]
    from asyncio.tasks import _enter_task, _leave_task, _PyTask, _register_task  # type: ignore[attr-defined]

    class _EagerTask(_PyTask):  # type: ignore[misc]
        def __init__(self, coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> None:
            # As in its superclass, save that the first step is not scheduled.
            _PyFuture.__init__(self, loop=loop)
            self._name = "eager"
            self._num_cancels_requested = 0
            self._must_cancel = False
            self._fut_waiter = None
            self._coro = coroutine
            self._context = copy_context()
            _register_task(self)

        def begin(self) -> None:
            """Take the first step, in whichever Task this happens."""
            running = asyncio.current_task(self._loop)
            if running is not None:
                _leave_task(self._loop, running)
            try:
                self._context.run(self._Task__step)
            finally:
                if running is not None:
                    _enter_task(self._loop, running)

    def begin(coroutine: Coroutine[Any, Any, Any], loop: AbstractEventLoop) -> Task[Any]:
        """``coroutine`` as a Task of the running ``loop``, up to where it first waits."""
        task = _EagerTask(coroutine, loop)
        task.begin()
        return task
