"""Tells whoever starts an app of Gramex 1.x that some of it is different here, and how to learn what."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.functions import alias

if TYPE_CHECKING:
    from gramex_twisted.app import Gramex

log = Logger()


def tell_differences(app: Gramex) -> None:
    """Count them in a thread, where the app's code has imported `gramex`, and log how many there are."""
    if alias.installed() is None or "gramex" not in sys.modules:
        return
    counting: Deferred[list[str]] = app.shared.threads.run(_found, app)
    counting.addCallbacks(_tell, _failed)


def _found(app: Gramex) -> list[str]:
    from gramex_twisted.migrate import findings

    return [str(finding) for finding in findings(app.config)]


def _tell(found: list[str]) -> None:
    if found:
        log.warn(
            "{first}\n{count} of such differences from Gramex 1.x are told by `gramex-twisted migrate`",
            first=found[0],
            count=len(found),
        )


def _failed(failure: Failure) -> None:
    log.warn("what is different from Gramex 1.x cannot be told: {error}", error=failure.value)
