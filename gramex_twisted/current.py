"""Whose code is running: context variables that say which app's it is.

Requests, schedules and WebSockets set ``APP`` where their coroutines begin, and so does whoever builds an app, while
user modules are imported. Threads of the app's pool and asyncio tasks copy it. So what user code finds by it is its own
app's, however many apps there are in the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

APP: ContextVar[Any] = ContextVar("gramex_twisted.app")
"""The Services of the app whose code runs."""

READING: ContextVar[dict[str, Any]] = ContextVar("gramex_twisted.reading")
"""The variables that are known so far, while the functions of a file's `variables:` run: there is no app yet."""


@contextmanager
def running(app: Any) -> Iterator[None]:
    """What runs inside belongs to ``app`` (its Services)."""
    token = APP.set(app)
    try:
        yield
    finally:
        APP.reset(token)


@contextmanager
def reading(variables: dict[str, Any]) -> Iterator[None]:
    """What runs inside is a function of ``variables``."""
    token = READING.set(variables)
    try:
        yield
    finally:
        READING.reset(token)
