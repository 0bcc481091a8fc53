"""Errors of what runs without a request: schedules, alerts, watches. Imports nothing of Sentry where there is none."""

from __future__ import annotations

from gramex_twisted.services.container import Services


def tell(services: Services, name: str, error: BaseException) -> None:
    """Report ``error`` of ``schedule.report``, ``alert.sales`` or ``watch.prices``, where the app has `sentry:`. May be
    called in any thread."""
    if not services.conf.get("sentry"):
        return
    from gramex_twisted.services.sentry.service import Reports

    def report() -> None:
        services.part(Reports).task_error(error, name)

    if services.threads.in_reactor:
        report()
    else:
        services.threads.tell_reactor(report)
