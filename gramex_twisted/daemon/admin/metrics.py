"""Metrics: the numbers in the format of Prometheus.

What user functions count with prometheus_client is in its own registry, with those of the process; it is told too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from twisted.logger import Logger

from gramex_twisted import __version__
from gramex_twisted.daemon.admin.numbers import Kept, Numbers, RouteNumbers
from gramex_twisted.services.measures import BOUNDS

log = Logger()


class NumbersCollector(Collector):
    """Collects ``numbers``, which are to be replaced before."""

    def __init__(self) -> None:
        self.numbers: Numbers | None = None

    def collect(self) -> Iterator[Metric]:
        """See Collector."""
        if self.numbers is not None:
            yield from metrics_of(self.numbers)


class Exposition:
    """The metrics of one daemon. Its registry is its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._collector = NumbersCollector()
        self.registry.register(self._collector)

    def text(self, numbers: Numbers, accept: str) -> tuple[bytes, str]:
        """All metrics, and their Content-Type, in the format that ``accept`` asks for. May take a while."""
        self._collector.numbers = numbers
        try:
            encode, content_type = choose_encoder(accept)
        except (TypeError, ValueError):  # of a version that is no number
            encode, content_type = choose_encoder("")
        return encode(_All([self.registry, REGISTRY])), content_type


class _All(Collector):
    def __init__(self, registries: Iterable[CollectorRegistry]) -> None:
        self.registries = registries

    def collect(self) -> Iterator[Metric]:
        seen: set[str] = set()
        for registry in self.registries:
            try:
                found = [metric for metric in registry.collect() if metric.name not in seen]
            except Exception:  # noqa: BLE001 - a collector of a user's
                log.failure("metrics: a collector failed")
                continue
            seen.update(metric.name for metric in found)
            yield from found


def metrics_of(numbers: Numbers) -> Iterator[Metric]:
    """Everything that Gramex has to tell."""
    yield InfoMetricFamily("gramex", "The server.", {"version": __version__})
    yield from _requests(numbers.routes)
    yield from _caches(numbers)
    for metric, value in _gauges(numbers):
        if value is not None:
            metric.add_metric([], value)
            yield metric
    yield from _pools(numbers)
    yield _counter("gramex_reloads", "Reloads, by how they ended.", "result", _reloads(numbers))
    yield from _schedules(numbers)


def _requests(routes: Iterable[RouteNumbers]) -> Iterator[Metric]:
    answered = CounterMetricFamily("gramex_requests", "Requests that have ended.", labels=["route", "method", "status"])
    duration = HistogramMetricFamily(
        "gramex_request_duration_seconds",
        "From the first byte of a request to the end of its response.",
        labels=["route"],
    )
    for route in routes:
        for (method, status), count in sorted(route.answers.items()):
            answered.add_metric([route.name, method, str(status)], count)
        if route.count:
            duration.add_metric([route.name], buckets(route.classes), route.seconds)
    yield answered
    yield duration


def buckets(classes: Iterable[int]) -> list[tuple[str, float]]:
    """The counts of classes as Prometheus has them: each bucket holds those before it."""
    total, found = 0, []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], classes, strict=True):
        total += count
        found.append((bound, float(total)))
    return found


def _caches(numbers: Numbers) -> Iterator[Metric]:
    cached = [route for route in numbers.routes if route.hits is not None]
    hits = {route.name: route.hits or 0 for route in cached}
    misses = {route.name: route.misses or 0 for route in cached}
    yield _counter("gramex_cache_hits", "Responses that a cache had, since the last reload.", "route", hits)
    yield _counter("gramex_cache_misses", "Responses that a cache did not have.", "route", misses)
    yield from _kept("gramex_cache", "A cache", "cache", numbers.caches)
    yield from _kept("gramex_data_memory", "What has been read of tables", "kind", numbers.memories)


def _kept(name: str, text: str, label: str, kept: Iterable[Kept]) -> Iterator[Metric]:
    parts = (("bytes", "used"), ("size_bytes", "size"), ("entries", "entries"))
    texts = {"used": "bytes in it.", "size": "bytes that it may have.", "entries": "entries in it."}
    for suffix, attribute in parts:
        values = {found.name: getattr(found, attribute) for found in kept}
        known = {key: value for key, value in values.items() if value is not None}
        if known:
            yield _gauge(f"{name}_{suffix}", f"{text}: {texts[attribute]}", label, known)


def _gauges(numbers: Numbers) -> Iterator[tuple[GaugeMetricFamily, float | None]]:
    found: tuple[tuple[str, str, float | None], ...] = (
        ("requests_in_flight", "Requests that are being answered.", numbers.in_flight),
        ("connections", "Open HTTP connections.", numbers.connections),
        ("websockets", "Open WebSockets.", numbers.websockets),
        ("routes", "Routes of the configuration.", len(numbers.routes)),
        ("routes_failed", "Routes that could not be set up.", numbers.failed_routes),
        ("ready", "1 where /ready says so.", numbers.ready),
        ("reactor_delay_seconds", "By how much the reactor was late at most in the last minute.", numbers.delay),
        ("sessions", "Sessions that have not expired.", numbers.sessions),
        ("last_reload_timestamp_seconds", "When the last reload ended.", numbers.last_reload),
        ("last_reload_successful", "0 where the last reload failed.", numbers.last_reload_worked),
    )
    for name, text, value in found:
        yield GaugeMetricFamily(f"gramex_{name}", text), value


def _pools(numbers: Numbers) -> Iterator[Metric]:
    for attribute, text in (
        ("workers", "Threads that there may be."),
        ("busy", "Calls that run in a thread."),
        ("waiting", "Calls that wait for a thread."),
    ):
        values = {pool.name: getattr(pool, attribute) for pool in numbers.pools}
        yield _gauge(f"gramex_threads_{attribute}", text, "pool", values)


def _reloads(numbers: Numbers) -> dict[str, int]:
    return {"done": numbers.reloads, "failed": numbers.failed_reloads}


def _schedules(numbers: Numbers) -> Iterator[Metric]:
    running = {task.name: int(task.running is not None) for task in numbers.tasks}
    ended = {task.name: task.last for task in numbers.tasks if task.last is not None}
    yield _gauge("gramex_schedule_running", "1 while a schedule runs.", "schedule", running)
    for name, text, values in (
        ("timestamp_seconds", "When the last run began.", {key: run.began for key, run in ended.items()}),
        ("seconds", "How long the last run took.", {key: run.seconds for key, run in ended.items()}),
        ("failed", "1 where the last run failed.", {key: int(bool(run.error)) for key, run in ended.items()}),
    ):
        yield _gauge(f"gramex_schedule_last_run_{name}", text, "schedule", values)


def _gauge(name: str, text: str, label: str, values: dict[str, float] | dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _counter(name: str, text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
