"""Tracking: what an API tells analytics of a request, and whether it may."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from gramex_twisted.resources.base import Setup
    from gramex_twisted.services.analytics.service import Analytics
    from gramex_twisted.web.context import Context

#: The argument that asks not to be told of, and its values that do not.
NO_TRACKING = "no_tracking"
_FALSE = frozenset({b"false", b"0", b"no"})
#: Headers by which browsers ask the same.
_REFUSALS = ("DNT", "Sec-GPC")
TRACKED = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


def analytics_of(setup: Setup, *, wanted: bool) -> Analytics | None:
    """The app's analytics; None where there are none, or the route is not ``wanted`` to be told of."""
    if not wanted or not setup.services.conf.get("analytics"):
        return None
    from gramex_twisted.services.analytics.service import Analytics

    analytics = setup.services.part(Analytics)
    return analytics if analytics.wanted else None


def is_private(context: Context) -> bool:
    """Whether the client has asked not to be told of: by an argument of the query or a form, or by its browser."""
    request = context.request
    if any(request.headers.get(name, "").strip() == "1" for name in _REFUSALS):
        return True
    values = list(request.query_arguments.get(NO_TRACKING, ()))
    if context.native.body_size:
        values += request.body_arguments.get(NO_TRACKING, ())
    return any(value.strip().lower() not in _FALSE for value in values)


def track(analytics: Analytics, context: Context) -> None:
    """Tell of a request that has been answered."""
    if context.method not in TRACKED or context.native._disconnected or is_private(context):
        return
    from gramex_twisted.services.analytics.about import About

    request = context.request
    path = request.path
    about = About(
        route=context.name,
        method=context.method,
        status=context.get_status(),
        location=f"{request.protocol}://{request.host}{path}",
        title=str(context.event.get("title") or path.strip("/").replace("/", "-") or context.name),
        referrer=without_query(request.headers.get("Referer", "")),
        time=time(),
        address=request.remote_ip,
        agent=request.headers.get("User-Agent", ""),
    )
    analytics.offer(context.event, about)


def without_query(url: str) -> str:
    """A web address without what may be personal in it: user, query and fragment; empty for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
