"""The user functions of the benchmark app. They run under gramex_twisted and under Gramex: no imports of either."""

from __future__ import annotations

import time
from typing import Any


def now(handler: Any) -> str:
    """A plain function: gramex_twisted runs it in a thread, Gramex on its only one."""
    return "hello"


async def later(handler: Any) -> str:
    """A coroutine function that has nothing to wait for: what is measured is the way in and out."""
    return "hello"


def asleep(handler: Any) -> str:
    """A plain function that blocks for 2 seconds, as a slow query does."""
    time.sleep(2)
    return "slept"
