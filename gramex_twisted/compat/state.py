"""What belongs to one app: `gramex.conf`, `gramex.config.variables`, `gramex.service`.

It is found by the context variable of `current`. Threads that user code starts have none: they belong to the one app of
the process; where there are several, a thread must run in `contextvars.copy_context()`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.current import APP, READING
from gramex_twisted.functions import alias

if TYPE_CHECKING:
    from gramex_twisted.compat.service import Service


class Variables(AttrDict):
    """Variables of an app: one that is not set is ""."""

    def __missing__(self, name: str) -> str:
        return ""


class AppState:
    """The part of one app's Services that user code sees under names of Gramex. Each app has a copy of its own."""

    def __init__(self, services: Any) -> None:
        self.services = services

    @cached_property
    def conf(self) -> AttrDict:
        """The whole configuration; ``conf.app`` with its defaults."""
        from gramex_twisted.config.settings import App

        import_module("gramex_twisted.compat.yamlutils")  # yaml.dump(gramex.conf) writes mappings
        conf: AttrDict = AttrDict.deep(self.services.conf)
        app = App.model_validate(conf.get("app") or {})
        conf["app"] = AttrDict.deep(app.model_dump(mode="json", exclude_none=True))
        return conf

    @cached_property
    def variables(self) -> Variables:
        """The variables at the end of gramex.yaml."""
        return Variables(self.services.variables)

    @cached_property
    def service(self) -> Service:
        """`gramex.service`."""
        from gramex_twisted.compat.service import Service

        return Service(self.services)

    def drain(self) -> Any:
        """See Services.drain."""
        from twisted.internet.defer import succeed

        if "service" in self.__dict__:
            self.service.close()
        return succeed(None)


def services_now() -> Any:
    """The Services of the app whose code runs; None where there is no app.

    Raises RuntimeError in a thread of the user's own, where several apps run.
    """
    found = APP.get(None)
    if found is not None:
        return found
    finder = alias.installed()
    apps = finder.apps if finder is not None else []
    if len({app.root for app in apps}) > 1:
        raise RuntimeError(
            "several apps run in this process, and this thread belongs to none: start it by "
            "contextvars.copy_context().run"
        )
    return apps[-1] if apps else None


def state_now() -> AppState | None:
    """The state of the app whose code runs; None where there is no app."""
    services = services_now()
    return None if services is None else services.kept(AppState)


def conf_now() -> AttrDict:
    """`gramex.conf`; empty where there is no app, such as in functions of variables."""
    state = state_now() if READING.get(None) is None else None
    return AttrDict() if state is None else state.conf


def variables_now() -> Any:
    """`gramex.config.variables`; while a file's `variables:` are evaluated those that are known so far."""
    reading = READING.get(None)
    if reading is not None:
        return defaultdict(str, reading)
    state = state_now()
    return Variables(os.environ) if state is None else state.variables


def service_now() -> Any:
    """`gramex.service`. Raises RuntimeError where there is no app."""
    state = state_now()
    if state is None:
        raise RuntimeError("gramex.service is there once the app is being built: use it inside a function")
    return state.service
