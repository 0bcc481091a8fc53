"""A client of Sentry that one app has for itself: nothing of it is global, and it looks into nothing of the process.

sentry-sdk makes the reports and sends them in a thread of its own; all of this blocks a little, so it has a thread too.
"""

from __future__ import annotations

from typing import Any

from sentry_sdk.client import Client
from sentry_sdk.scope import Scope
from sentry_sdk.utils import event_from_exception

from gramex_twisted.config.sentry import Sentry
from gramex_twisted.services.sentry.scrub import Scrubber

#: Characters of one text of a report.
LONGEST = 4096


class Reporter:
    """Reports to the project of ``settings.dsn``.

    :raises ValueError: for a DSN that is none.
    """

    def __init__(self, settings: Sentry, scrubber: Scrubber, root: str) -> None:
        self._scrub = scrubber
        self._client = Client(
            dsn=settings.dsn,
            environment=settings.environment,
            release=settings.release or "",  # None: the SDK asks git
            server_name=settings.server_name,
            sample_rate=settings.sample_rate,
            include_local_variables=settings.local_variables,
            before_send=self._clean,
            before_send_transaction=self._clean,
            project_root=root,
            max_value_length=LONGEST,
            max_breadcrumbs=0,
            default_integrations=False,
            auto_enabling_integrations=False,
            auto_session_tracking=False,
            enable_backpressure_handling=False,
            spotlight=False,
            shutdown_timeout=0,
            _experiments={"transport_compression_level": 5},  # gzip: not all that speak Sentry's protocol know brotli
        )

    def _clean(self, event: Any, hint: Any) -> Any:
        cleaned = self._scrub(event)
        for name in ("sdk", "modules"):
            if name in event:
                cleaned[name] = event[name]
        return cleaned

    def error(self, error: BaseException, facts: dict[str, Any]) -> None:
        """Report an error. ``facts``: other fields of the report."""
        event, hint = event_from_exception(
            error, client_options=self._client.options, mechanism={"type": "gramex", "handled": False}
        )
        self._client.capture_event({**event, **facts}, hint, scope=Scope())  # type: ignore[typeddict-item]

    def transaction(self, facts: dict[str, Any]) -> None:
        """Report how long a request took."""
        self._client.capture_event({"type": "transaction", **facts}, scope=Scope())  # type: ignore[typeddict-item]

    def close(self, timeout: float) -> None:
        """Send what waits, for ``timeout`` seconds at most."""
        self._client.close(timeout=timeout)
