"""Measures: how many requests each route has answered, how, and how long they took.

They are counted where a request ends (``Endpoint.after``), and only where somebody wants to know. What is counted is
bounded by the configuration: routes have names, and methods and statuses that nobody has heard of share one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from http import HTTPStatus
from itertools import accumulate
from time import perf_counter
from typing import Any

#: Upper bounds of the classes of durations, in seconds; the last class has none.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
STATUSES = frozenset(int(status) for status in HTTPStatus)


class RouteMeasure:
    """The requests of one route. ``classes``: how many took at most ``BOUNDS[n]``, and more than the bound before."""

    __slots__ = ("answers", "classes", "seconds")

    def __init__(self) -> None:
        self.classes = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0
        self.answers: dict[tuple[str, int], int] = {}
        """(method, status) -> requests. A status of no meaning counts as 299, 399 ..., the last of its class."""

    def record(self, context: Any) -> None:
        """A request has ended: count its Context."""
        native = context.native
        took = perf_counter() - native.started
        self.seconds += took
        self.classes[bisect_left(BOUNDS, took)] += 1
        key = (context.method, native.code)
        try:
            self.answers[key] += 1
        except KeyError:
            key = known(*key)
            self.answers[key] = self.answers.get(key, 0) + 1

    @property
    def count(self) -> int:
        """How many requests."""
        return sum(self.classes)

    @property
    def failures(self) -> int:
        """How many of them were answered with 500 or above."""
        return sum(count for (_, status), count in self.answers.items() if status >= 500)

    def quantile(self, share: float) -> float | None:
        """The seconds within which this share of requests were answered, about; None where there were none."""
        return quantile(self.classes, share)


class Measures:
    """The measures of all routes, by name. They outlive the apps that a reload replaces."""

    def __init__(self) -> None:
        self.routes: dict[str, RouteMeasure] = {}

    def route(self, name: str) -> RouteMeasure:
        """Those of one route."""
        return self.routes.setdefault(name, RouteMeasure())

    def keep(self, names: Iterable[str]) -> None:
        """Forget routes that no longer exist."""
        known = set(names)
        for name in [name for name in self.routes if name not in known]:
            del self.routes[name]

    @property
    def count(self) -> int:
        """Requests of all routes."""
        return sum(route.count for route in self.routes.values())

    @property
    def failures(self) -> int:
        """Those answered with 500 or above."""
        return sum(route.failures for route in self.routes.values())

    def classes(self) -> list[int]:
        """The classes of durations of all requests."""
        rows = [route.classes for route in self.routes.values()]
        return [sum(column) for column in zip(*rows, strict=True)] if rows else [0] * (len(BOUNDS) + 1)


def known(method: str, status: int) -> tuple[str, int]:
    """The two, or what stands for them: neither a client's methods nor a function's statuses are without end."""
    if status not in STATUSES:
        status = min(max(status // 100, 1), 9) * 100 + 99
    return (method if method in METHODS else "other"), status


def quantile(classes: list[int], share: float) -> float | None:
    """The duration that this share of requests did not exceed, interpolated within its class."""
    total = sum(classes)
    if not total:
        return None
    wanted = share * total
    for index, reached in enumerate(accumulate(classes)):
        if reached >= wanted and classes[index]:
            break
    if index == len(BOUNDS):
        return BOUNDS[-1]  # more is not known
    lower = BOUNDS[index - 1] if index else 0.0
    return lower + (BOUNDS[index] - lower) * (wanted - (reached - classes[index])) / classes[index]
