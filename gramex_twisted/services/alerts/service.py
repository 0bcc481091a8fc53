"""Alerts: all alerts of an app, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gramex_twisted.services.alerts.alert import Alert
from gramex_twisted.services.container import Services


class Alerts(Mapping[str, Alert]):
    """They are added while the app is built; the Scheduler runs those that have times."""

    def __init__(self, services: Services) -> None:
        self._alerts: dict[str, Alert] = {}

    def add(self, alert: Alert) -> None:
        """One more."""
        alert.others = self
        self._alerts[alert.name] = alert

    def __getitem__(self, name: str) -> Alert:
        return self._alerts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._alerts)

    def __len__(self) -> int:
        return len(self._alerts)

    def circle(self, name: str) -> list[str]:
        """How ``name`` comes to notify itself, if it does."""
        paths = [[name]]
        while paths:
            path = paths.pop()
            for other in self._alerts[path[-1]].options.notify:
                if other == name:
                    return [*path, name]
                if other in self._alerts and other not in path:
                    paths.append([*path, other])
        return []
