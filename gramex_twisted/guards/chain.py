"""The guards of a route, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from gramex_twisted.guards.auth import AuthGuard
from gramex_twisted.guards.cors import CorsGuard, CorsOptions, open_preflight
from gramex_twisted.guards.identity import identity_guard
from gramex_twisted.guards.ratelimit import RateLimitGuard
from gramex_twisted.guards.validate import ValidateGuard
from gramex_twisted.guards.xsrf import XsrfGuard

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
    cors = getattr(options, "cors", None)
    cors = CorsGuard(resource, cors) if isinstance(cors, CorsOptions) else None
    if cors is not None:
        found.append(cors)
    elif resource.open_to_all:
        found.append(open_preflight)
    found.append(identity_guard)
    xsrf = xsrf_guard(resource, cors)
    if xsrf is not None:
        found.append(xsrf)
    if getattr(options, "auth", None):
        found.append(AuthGuard(resource, options.auth))
    if getattr(options, "ratelimit", None):
        found.append(RateLimitGuard(resource, options.ratelimit))
    if getattr(options, "validate_", None) is not None:
        found.append(ValidateGuard(resource, options.validate_))
    return tuple(found)


def xsrf_guard(resource: Resource, cors: CorsGuard | None) -> XsrfGuard | None:
    """The guard of a route that checks XSRF tokens or sets their cookie."""
    options, settings = resource.options, resource.services.settings
    checks = settings.xsrf_cookies and getattr(options, "xsrf_cookies", None) is not False
    sets = bool(getattr(options, "set_xsrf", None))
    return XsrfGuard(resource, cors, checks=checks, sets=sets) if checks or sets else None
