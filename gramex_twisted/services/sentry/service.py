"""Reports: tells Sentry of an app's unexpected errors, and how long a share of its requests took."""

from __future__ import annotations

import random
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.sentry import Sentry
from gramex_twisted.services.analytics.losses import Losses
from gramex_twisted.services.container import Services
from gramex_twisted.services.sentry.scrub import Scrubber, request_facts, secrets_of

if TYPE_CHECKING:
    from gramex_twisted.services.sentry.client import Reporter
    from gramex_twisted.web.context import Context

log = Logger()

#: Reports that may wait to be made, and that are made in one second.
MOST_WAITING, MOST_A_SECOND = 50, 20
#: Seconds beyond ``stop_timeout`` in which the thread that sends the last ones may come back.
LAST_CALL = 1.0
_TRACE = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})(?:-[01])?")
_STATUSES = {401: "unauthenticated", 403: "permission_denied", 404: "not_found", 429: "resource_exhausted"}


class Reports(Service):
    """The client of one app. ``fault``: why there is none, although there should be."""

    name = "sentry"

    def __init__(self, services: Services) -> None:
        self.settings = Sentry.model_validate(services.conf.get("sentry") or {})
        self.fault: str | None = None
        self._services = services
        self._others = services.threads
        self._threads = self._others.beside(1)
        self._losses = Losses("sentry", services.reactor)
        self._waiting = 0
        self._second, self._made = 0, 0
        self._reporter = self._open() if self.settings.dsn else None

    def _open(self) -> Reporter | None:
        try:
            from gramex_twisted.services.sentry.client import Reporter
        except ImportError as error:
            self.fault = f"needs sentry-sdk: pip install 'gramex-twisted[sentry]' ({error})"
            return None
        scrubber = Scrubber(secrets_of(self._services.conf))
        try:
            return Reporter(self.settings, scrubber, str(self._services.root))
        except ValueError as error:
            self.fault = f"dsn: {error}"
            return None

    @property
    def active(self) -> bool:
        """Whether anything is reported."""
        return self._reporter is not None

    @property
    def after(self) -> Callable[[Context], None] | None:
        """What is to be called after each request; None where their times are not reported."""
        return self.request if self.active and self.settings.traces_sample_rate else None

    def error(self, error: BaseException, context: Context) -> None:
        """Report an error that ended the request of ``context``, soon. Those that were raised for the client are not:
        whatever has a ``status_code``."""
        if self._reporter is not None and not hasattr(error, "status_code"):
            facts = self._facts(context)
            self._submit(self._reporter.error, error, {**facts, "timestamp": datetime.now(UTC)})

    def task_error(self, error: BaseException, name: str) -> None:
        """Report an error of what runs without a request: ``name`` is that of a schedule, an alert or a watch."""
        if self._reporter is not None:
            facts = {"transaction": name, "tags": {"task": name}, "timestamp": datetime.now(UTC)}
            self._submit(self._reporter.error, error, facts)

    def request(self, context: Context) -> None:
        """Report how long a request took, or not: as ``traces_sample_rate`` says."""
        if self._reporter is None or random.random() >= self.settings.traces_sample_rate:
            return
        now = datetime.now(UTC)
        status = context.get_status()
        found = _TRACE.fullmatch(context.request.headers.get("sentry-trace", "").strip())
        trace = {
            "trace_id": found[1] if found else secrets.token_hex(16),
            "span_id": secrets.token_hex(8),
            "op": "http.server",
            "status": status_name(status),
        }
        if found:
            trace["parent_span_id"] = found[2]
        facts = self._facts(context) | {
            "transaction_info": {"source": "route"},
            "start_timestamp": now - timedelta(seconds=perf_counter() - context.native.started),
            "timestamp": now,
            "contexts": {"trace": trace, "response": {"status_code": status}},
            "spans": [],
        }
        self._submit(self._reporter.transaction, facts)

    def _facts(self, context: Context) -> dict[str, Any]:
        request = context.request
        url = f"{request.protocol}://{request.host}{request.path}"
        return {
            "transaction": context.name,
            "tags": {"route": context.name},
            "request": request_facts(context.method, url, request.query, request.headers),
        }

    def _submit(self, make: Callable[..., None], *values: Any) -> None:
        second = int(self._services.reactor.seconds())
        if second != self._second:
            self._second, self._made = second, 0
        self._made += 1
        if self._waiting >= MOST_WAITING or self._made > MOST_A_SECOND:
            self._losses.add(1, "there are too many")
            return
        self._waiting += 1
        self._threads.run(make, *values).addBoth(self._submitted)

    def _submitted(self, result: Any) -> None:
        self._waiting -= 1
        if isinstance(result, Failure):
            self._losses.add(1, f"cannot be reported: {result.getErrorMessage()}")

    # Life -------------------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """See IService."""
        super().startService()
        if self._threads is not self._others:
            self._threads.startService()

    def stopService(self) -> Deferred[None]:
        """Send what waits, for ``stop_timeout`` seconds at most."""
        super().stopService()
        self._losses.tell()
        if self._reporter is None:
            return self._stop_threads(None)
        closing: Deferred[Any] = self._threads.run(self._reporter.close, self.settings.stop_timeout)
        closing.addTimeout(self.settings.stop_timeout + LAST_CALL, self._services.reactor)
        closing.addErrback(self._not_closed)
        return closing.addCallback(self._stop_threads)

    def _not_closed(self, failure: Failure) -> None:
        if not failure.check(TimeoutError, CancelledError):
            log.warn("sentry: the last reports are not sent: {error}", error=failure.value)

    def _stop_threads(self, _: object) -> Deferred[None]:
        return succeed(None) if self._threads is self._others else self._threads.stopService()


def status_name(status: int) -> str:
    """An HTTP status as Sentry calls it."""
    if status < 400:
        return "ok"
    return _STATUSES.get(status, "invalid_argument" if status < 500 else "internal_error")
