"""Names of Gramex 1.x that are not here, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

INSTEAD: Mapping[str, str] = {
    "gramex.apps": "the bundled apps are not part of this server; copy what you need into your app",
    "gramex.cache.HDF5Store": "use gramex.cache.SQLiteStore or JSONStore",
    "gramex.commandline": "serve an app by `twist gramex --config gramex.yaml`",
    "gramex.config.TimedRotatingCSVHandler": "write `log: {handlers: {requests: ...}}` for the access log",
    "gramex.config.load_imports": "gramex.config.PathConfig(path) reads a YAML file with its imports",
    "gramex.debug": "use Python's own breakpoint(), or app.settings.debug",
    "gramex.handlers.BaseWebSocketHandler": "write `handler: WebSocketHandler` with open:, on_message: and on_close: "
    "functions of handler",
    "gramex.handlers.BaseMixin": "subclass gramex.handlers.BaseHandler",
    "gramex.init": "SIGHUP reloads the app, and so does a change of its files",
    "gramex.install": "run `gramex-twisted init` for a new app; npm and pip install what an app needs",
    "gramex.license": "there is nothing to accept",
    "gramex.ml": "use scikit-learn in a function",
    "gramex.ml_api": "use scikit-learn in a function",
    "gramex.pynode": "use ProcessHandler, or gramex.cache.Subprocess(['node', ...])",
    "gramex.scale": "use matplotlib's or seaborn's scales",
    "gramex.services.emailer": "write an email: service, and gramex.service.email['name'].mail(...)",
    "gramex.services.info": "write gramex.service",
    "gramex.services.scheduler": "write a schedule: section; gramex.service.schedule['name'].run() runs it now",
    "gramex.services.ttlcache": "write a cache: section, or use functools.lru_cache",
    "gramex.services.urlcache": "write `cache:` in a route",
    "gramex.services.watcher": "write a watch: section",
    "gramex.sm_api": "use statsmodels in a function",
    "gramex.topcause": "copy gramex/topcause.py into your app: it needs nothing but pandas",
    "gramex.transformers": "use the transformers package in a function",
    "gramex.winservice": "run `twist gramex` by systemd or the service manager of your system",
}
"""Dotted name -> what to do."""


def text_of(name: str) -> str | None:
    """What an error says about the dotted ``name``; None where Gramex has no such name either, as far as is known."""
    found = name if name in INSTEAD else next((known for known in INSTEAD if name.startswith(f"{known}.")), None)
    return None if found is None else f"{name} is not part of gramex_twisted: {INSTEAD[found]}"


def refuse(module: str) -> Callable[[str], NoReturn]:
    """The ``__getattr__`` of a module that stands for ``module``, such as ``gramex.cache``."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        text = text_of(f"{module}.{name}")
        raise AttributeError(text or f"module {module!r} has no attribute {name!r}", name=name)

    return __getattr__
