"""The guards of a route, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gramex_twisted.guards.auth import AuthGuard

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Resource
    from gramex_twisted.web.context import Context

Guard = Callable[["Context"], Awaitable[Any]]
"""Awaited before the handler. It returns None to let the request pass, or the value to answer with in the handler's
place; or it raises an HTTPError."""


def guards_of(resource: Resource) -> tuple[Guard, ...]:
    """The guards that the options of ``resource`` ask for.

    :raises ConfigError: for mistakes in their options.
    """
    options = resource.options
    found: list[Guard] = []
    if getattr(options, "auth", None):
        found.append(AuthGuard(resource, options.auth))
    return tuple(found)
