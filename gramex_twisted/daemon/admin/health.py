"""Health: whether the server is alive, and whether it is ready for requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.resources.failed import SetupFailedHandler

if TYPE_CHECKING:
    from gramex_twisted.app import Gramex
    from gramex_twisted.daemon.service import GramexDaemon

READY = "ready"


def state(daemon: GramexDaemon) -> str:
    """``ready``, or why it is not."""
    if daemon.stopping:
        return "draining: the server stops"
    if not daemon.started:
        return "starting"
    failed = failed_routes(daemon.app)
    if failed:
        return f"{failed} of {len(daemon.app.config.routes)} routes could not be set up"
    return READY


def failed_routes(app: Gramex) -> int:
    """How many routes of an app answer 500, or nothing, since they could not be set up."""
    resources = app.shared.resources.values()
    failed = sum(isinstance(resource, SetupFailedHandler) and bool(resource.errors) for resource in resources)
    return failed + sum(not route.pattern for route in app.config.routes)
