"""The first page: what somebody wants to know who asks how the server is."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, ProcessCollector

from gramex_twisted import __version__
from gramex_twisted.daemon.admin.health import READY, state
from gramex_twisted.daemon.admin.history import EVERY, History
from gramex_twisted.daemon.admin.listing import log_lines, routes_of, schedules_of
from gramex_twisted.daemon.admin.numbers import Kept, Numbers, Pool

if TYPE_CHECKING:
    from gramex_twisted.daemon.service import GramexDaemon
    from gramex_twisted.services.logtail import LogTail

#: Routes, schedules and warnings that it has.
BUSIEST, NEXT, WARNINGS = 8, 6, 6


def overview_of(daemon: GramexDaemon, numbers: Numbers, history: History, tail: LogTail) -> dict[str, Any]:
    """How the server is; times are seconds since 1970, or seconds."""
    routes = routes_of(daemon.app, numbers.routes)
    found = state(daemon)
    reloads = daemon.reloader.record
    return {
        "state": found,
        "ready": found == READY,
        "app": str(daemon.source),
        "urls": daemon.listeners.urls,
        "version": __version__,
        "python": platform.python_version(),
        "pid": os.getpid(),
        "process": process(),
        "requests": requests(numbers, history),
        "connections": numbers.connections,
        "websockets": numbers.websockets,
        "sessions": numbers.sessions,
        "delay": numbers.delay,
        "reloads": {"done": reloads.done, "failed": reloads.failed, "last": reloads.last, "error": reloads.error},
        "threads": [_pool(pool) for pool in numbers.pools],
        "caches": [_kept(kept) for kept in numbers.caches],
        "memories": [_kept(kept) for kept in numbers.memories],
        "errors": [str(error) for error in daemon.app.errors],
        "routes": len(daemon.app.config.routes),
        "busiest": sorted((route for route in routes if route["requests"]), key=_busy)[:BUSIEST],
        "schedules": schedules_of(daemon.app)[:NEXT],
        "warnings": warnings(log_lines(tail, daemon.app.config, "warnings")),
    }


def _busy(route: dict[str, Any]) -> float:
    return -float(route["seconds"])


def _pool(pool: Pool) -> dict[str, Any]:
    return {"name": pool.name, "workers": pool.workers, "busy": pool.busy, "waiting": pool.waiting}


def _kept(kept: Kept) -> dict[str, Any]:
    return {"name": kept.name, "kind": kept.kind, "used": kept.used, "size": kept.size, "entries": kept.entries}


def warnings(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last of them, the newest first, each in a line: of a traceback, the first and the last. Those that are alike
    are one, with how many ``times`` it came. Requests are not among them: routes tell what they were answered.
    """
    found: dict[str, dict[str, Any]] = {}
    for line in reversed(lines):
        text = brief(line["text"])
        if line["logger"] != "gramex.access":
            found.setdefault(text, {**line, "text": text, "times": 0})["times"] += 1
    return list(found.values())[:WARNINGS]


def brief(text: str) -> str:
    """The first line of ``text``, and the last one where that says more."""
    first, _, rest = text.partition("\n")
    last = rest.rpartition("\n")[2].strip()
    return first if not last or last in first else f"{first}: {last}"


def requests(numbers: Numbers, history: History) -> dict[str, Any]:
    """Requests altogether, and in the last minute; ``rates`` are those of the last ten minutes, ``every`` so often."""
    failed = sum(n for route in numbers.routes for (_, status), n in route.answers.items() if status >= 500)
    return {
        "count": sum(route.count for route in numbers.routes),
        "failed": failed,
        "in_flight": numbers.in_flight,
        "rate": history.rate(),
        "median": history.recent_quantile(0.5),
        "p95": history.recent_quantile(0.95),
        "rates": history.rates(),
        "every": EVERY,
    }


def process() -> dict[str, float | None]:
    """Memory in bytes, processor time in seconds, open files and how many there may be, when it began. None where the
    system does not tell."""
    found = {
        metric.name: metric.samples[0].value for metric in ProcessCollector(registry=CollectorRegistry()).collect()
    }
    names = {
        "memory": "process_resident_memory_bytes",
        "cpu": "process_cpu_seconds",
        "files": "process_open_fds",
        "most_files": "process_max_fds",
        "since": "process_start_time_seconds",
    }
    return {key: found.get(name) for key, name in names.items()}
