"""Maker: the alerts of an app, from its Config."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from gramex_twisted.config.alerts import Alert as Options
from gramex_twisted.config.document import Config
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function
from gramex_twisted.services.alerts.alert import Alert
from gramex_twisted.services.alerts.letter import Letter
from gramex_twisted.services.alerts.service import Alerts
from gramex_twisted.services.container import Services
from gramex_twisted.services.emails import Emails


class Maker:
    """Makes alerts.

    :param function: compiles the function that is written at a path: ``function(spec, variables, *path)``.
    """

    def __init__(self, config: Config, services: Services, function: Callable[..., Function]) -> None:
        self.config = config
        self.alerts: Alerts = services.part(Alerts)
        self._services = services
        self._function = function

    def make(self, name: str, options: Options) -> Callable[[], Any]:
        """Add an alert; what runs it.

        :raises ConfigError: for what is wrong with it.
        """

        def where(*keys: str | int) -> str:
            return str(self.config.mark("alert", name, *keys))

        try:
            mailer = self._services.part(Emails).named(options.service)
        except ValueError as error:
            raise ConfigError(where("service"), f"alert.{name}.service: {error}") from None
        letter = Letter(self._services, name, options, where)
        condition = self._condition(name, options, where("condition"))
        alert = Alert(self._services, name, options, self.config.tree["alert"][name], mailer, letter, condition)
        self.alerts.add(alert)
        return partial(self._services.threads.run, alert.run)

    def _condition(self, name: str, options: Options, where: str) -> Function | None:
        if options.condition is None:
            return None
        function = self._function(options.condition, (*options.data, "config", "args"), "alert", name, "condition")
        if function.mode == "async":
            raise ConfigError(where, f"alert.{name}.condition: must be a plain function, and not async")
        return function

    def check_notified(self, name: str) -> None:
        """That the alerts it notifies are there.

        :raises ConfigError: when they are not, or it comes to notify itself.
        """
        where = str(self.config.mark("alert", name, "notify"))
        for other in self.alerts[name].options.notify:
            if other not in self.config.alerts:
                raise ConfigError(where, f"alert.{name}.notify: there is no alert {other!r}")
        circle = self.alerts.circle(name)
        if circle:
            raise ConfigError(where, f"alert.{name}.notify: would never end: {' -> '.join(circle)}")
