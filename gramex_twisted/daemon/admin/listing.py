"""What an app consists of: its routes, its schedules, its configuration and its log, as plain data."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from gramex_twisted.config.masking import mask, secret_texts
from gramex_twisted.config.showing import as_yaml, effective
from gramex_twisted.daemon.admin.numbers import RouteNumbers
from gramex_twisted.resources.failed import SetupFailedHandler
from gramex_twisted.services.measures import quantile
from gramex_twisted.services.scheduler.service import Scheduler
from gramex_twisted.services.scheduler.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gramex_twisted.app import Gramex
    from gramex_twisted.config.document import Config
    from gramex_twisted.config.schedules import Times
    from gramex_twisted.services.logtail import LogLine, LogTail

LEVELS = {"all": logging.NOTSET, "warnings": logging.WARNING, "errors": logging.ERROR}


def routes_of(app: Gramex, numbers: Iterable[RouteNumbers]) -> list[dict[str, Any]]:
    """The routes in the order in which they are tried, with what they have answered; last, what no route answered."""
    counted = {route.name: route for route in numbers}
    configured = {route.name: route for route in app.config.routes}
    ranked = [route.endpoint.name for route in app.router.routes]
    broken = [route.name for route in app.config.routes if not route.pattern]
    rows = []
    for name in [*ranked, *broken]:
        config = configured[name]
        resource = app.shared.resources.get(name)
        errors = [str(error.message) for error in config.errors]
        if isinstance(resource, SetupFailedHandler):
            errors = [error.message for error in resource.errors]
        rows.append(
            {
                "name": name,
                "pattern": config.pattern,
                "handler": config.handler,
                "priority": config.priority,
                "where": config.where,
                "errors": errors,
                **counts(counted.get(name)),
            }
        )
    missing = counted.get("404")
    if missing is not None and "404" not in configured and missing.count:
        rows.append(
            {"name": "404", "pattern": "", "handler": "", "priority": None, "where": "", "errors": []} | counts(missing)
        )
    return rows


def counts(route: RouteNumbers | None) -> dict[str, Any]:
    """Requests, how many failed (500 and above) or were refused (400 and above), and how long they took in seconds."""
    if route is None or not route.count:
        return {"requests": 0, "refused": 0, "failed": 0, "mean": None, "p95": None, "hits": None, "seconds": 0.0}
    statuses = [(status, count) for (_, status), count in route.answers.items()]
    cached = (route.hits or 0) + (route.misses or 0)
    return {
        "requests": route.count,
        "refused": sum(count for status, count in statuses if 400 <= status < 500),
        "failed": sum(count for status, count in statuses if status >= 500),
        "mean": route.seconds / route.count,
        "p95": quantile(list(route.classes), 0.95),
        "hits": (route.hits or 0) / cached if cached else None,
        "seconds": route.seconds,
    }


# Schedules ------------------------------------------------------------------------------------------------------------


def schedules_of(app: Gramex) -> list[dict[str, Any]]:
    """The schedules and alerts: those that run, then those that run soon, then others. Times are seconds since 1970."""
    tasks = app.shared.part(Scheduler).tasks.values()
    return [
        _task(task) for task in sorted(tasks, key=lambda task: (task.running is None, task.next or 1e18, task.name))
    ]


def _task(task: Task) -> dict[str, Any]:
    last = task.last
    return {
        "name": task.name,
        "times": times_text(task.times),
        "next": task.next,
        "running": task.running,
        "last": None if last is None else {"began": last.began, "seconds": last.seconds, "error": last.error},
    }


def times_text(times: Times) -> str:
    """When something runs, in a few words."""
    words = []
    if times.every:
        words.append(f"every {span(times.every)}")
    elif times.cron is not None:
        words.append(times.cron.line.removesuffix(" *"))  # the year
    if times.startup:
        words.append("at the start" if times.startup is True else "at the start and after reloads")
    return ", ".join(words) + (" (UTC)" if times.utc and not times.every else "")


def span(seconds: float) -> str:
    """``90 s``, ``5 min``, ``1.5 h``, ``3 days``."""
    for size, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:g} {word}" if not (word == "days" and seconds == size) else "1 day"
    return f"{seconds:g} s"


# Configuration and log ------------------------------------------------------------------------------------------------


def config_text(config: Config) -> str:
    """What holds, as YAML, without secrets."""
    return as_yaml(effective(config))


def log_lines(tail: LogTail, config: Config, level: str, most: int = 500) -> list[dict[str, Any]]:
    """The last lines of the log, the oldest first; ``level`` is one of LEVELS. What is in `.secrets.yaml` is masked."""
    secrets = sorted(secret_texts([config.variables.get(name) for name in config.secrets]), key=len, reverse=True)
    return [_line(line, secrets) for line in tail.lines(LEVELS.get(level, logging.NOTSET), most)]


def _line(line: LogLine, secrets: list[str]) -> dict[str, Any]:
    return {
        "number": line.number,
        "time": line.time,
        "level": logging.getLevelName(line.level).lower(),
        "logger": line.logger,
        "text": mask(line.text, secrets),
    }
