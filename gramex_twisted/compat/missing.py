"""Names of Gramex 1.x that are not here, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

INSTEAD: Mapping[str, str] = {
    "gramex.apps": "the bundled apps are not part of this server; copy what you need into your app",
    "gramex.cache.hashfn": "write a key of your own",
    "gramex.callbacks": "write a schedule: with startup: true",
    "gramex.cache.HDF5Store": "use gramex.cache.SQLiteStore or JSONStore",
    "gramex.commandline": "serve an app by `twist gramex --config gramex.yaml`",
    "gramex.config.TimedRotatingCSVHandler": "write `log: {handlers: {requests: ...}}` for the access log",
    "gramex.config.ConfigYAMLLoader": "gramex.config.PathConfig(path) reads a YAML file",
    "gramex.config.setup_secrets": ".secrets.yaml is read before everything else",
    "gramex.config.load_imports": "gramex.config.PathConfig(path) reads a YAML file with its imports",
    "gramex.data.plugins": "write `url:` with a function: that returns a DataFrame",
    "gramex.debug": "use Python's own breakpoint(), or app.settings.debug",
    "gramex.gramex_update": "pip tells of newer versions",
    "gramex.handlers.AuthHandler": "derive it from gramex_twisted.resources.auth.base.AuthHandler: see docs/sign-in.md",
    "gramex.handlers.BaseMixin": "subclass gramex.handlers.BaseHandler",
    "gramex.help": "run `gramex-twisted --help`",
    "gramex.init": "SIGHUP reloads the app, and so does a change of its files",
    "gramex.install": "run `gramex-twisted init` for a new app; npm and pip install what an app needs",
    "gramex.license": "there is nothing to accept",
    "gramex.ml": "use scikit-learn in a function",
    "gramex.ml_api": "use scikit-learn in a function",
    "gramex.parse_command_line": "`gramex-twisted run` takes the options that Gramex took",
    "gramex.pptgen": "use the package python-pptx",
    "gramex.pptgen2": "use the package python-pptx",
    "gramex.pynode": "use ProcessHandler, or gramex.cache.Subprocess(['node', ...])",
    "gramex.scale": "use matplotlib's or seaborn's scales",
    "gramex.services.emailer": "write an email: service, and gramex.service.email['name'].mail(...)",
    "gramex.services.scheduler": "write a schedule: section; gramex.service.schedule['name'].run() runs it now",
    "gramex.services.ttlcache": "write a cache: section, or use functools.lru_cache",
    "gramex.services.urlcache": "write `cache:` in a route",
    "gramex.services.watcher": "write a watch: section",
    "gramex.setup_secrets": ".secrets.yaml is read before everything else",
    "gramex.sm_api": "use statsmodels in a function",
    "gramex.topcause": "copy gramex/topcause.py into your app: it needs nothing but pandas",
    "gramex.transformers": "use the transformers package in a function",
    "gramex.winservice": "run `twist gramex` by systemd or the service manager of your system",
}
"""Dotted name -> what to do."""
OTHERWISE: Mapping[str, str] = {
    "gramex.handlers": "README.md has the handlers that there are",
    "gramex.services": "write gramex.service, which has threadpool, url, schedule, alert, cache, email, sms, eventlog, "
    "storelocations and app.settings",
}
"""Module -> what to do where it has no such name."""


def text_of(name: str) -> str | None:
    """What an error says about the dotted ``name``; None where Gramex has no such name either, as far as is known."""
    found = name if name in INSTEAD else next((known for known in INSTEAD if name.startswith(f"{known}.")), None)
    return None if found is None else f"{name} is not part of gramex_twisted: {INSTEAD[found]}"


def reason_of(name: str) -> str | None:
    """The same about a name that is known not to be here."""
    advice = OTHERWISE.get(name.rpartition(".")[0]) if text_of(name) is None else None
    return text_of(name) if advice is None else f"{name} is not part of gramex_twisted: {advice}"


def refuse(module: str) -> Callable[[str], NoReturn]:
    """The ``__getattr__`` of a module that stands for ``module``, such as ``gramex.cache``."""

    def __getattr__(name: str) -> Any:  # noqa: N807
        text = reason_of(f"{module}.{name}") if not name.startswith("_") else None
        raise AttributeError(text or f"module {module!r} has no attribute {name!r}", name=name)

    return __getattr__
