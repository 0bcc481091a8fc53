"""A configuration on its way: ``Document`` as it was read, ``Config`` as it was validated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramex_twisted.config.alerts import Alert
from gramex_twisted.config.gramexlogs import GramexLogApp
from gramex_twisted.config.marks import KeyPath, Mark, Marks, nearest
from gramex_twisted.config.model import Model
from gramex_twisted.config.schedules import Schedule
from gramex_twisted.config.settings import App, CacheStore, ThreadPool
from gramex_twisted.config.watches import EventLog, Watch
from gramex_twisted.errors import ConfigError


@dataclass(frozen=True)
class Document:
    """A gramex.yaml with its imports, variables and overrides resolved, not yet checked against any model."""

    tree: dict[Any, Any]
    """Plain Python data: what user code sees as ``conf``."""
    marks: Marks
    """Where each key of the tree was written."""
    variables: dict[str, Any]
    """Every variable at the end of the main file: environment, secrets, predefined and the files' own."""
    files: tuple[Path, ...]
    """Every YAML file that was read, the main one first; the package's own defaults are not among them."""
    warnings: tuple[ConfigError, ...] = ()
    secrets: frozenset[str] = frozenset()
    """Names of the variables that come from ``.secrets.yaml``."""


@dataclass(frozen=True)
class RouteConfig:
    """One entry of ``url:``. With ``errors`` it is not served: its URL answers 500 through SetupFailedHandler."""

    name: str
    pattern: str
    """Regular expression, without anchors; ``/./`` and double slashes are gone. "" when it is missing or wrong."""
    handler: str
    """A registered name (aliases and the ``gramex.handlers.`` prefix resolved) or a dotted path; "" when missing."""
    kwargs: dict[str, Any]
    """The route's kwargs over ``handlers.<Handler>`` over ``handlers.BaseHandler``."""
    options: Model | None
    """The kwargs as the handler's model; None for dotted paths (see ``schema.bind``) and for routes with errors."""
    priority: float
    conf: dict[str, Any]
    """The entry as it was written."""
    where: str
    errors: tuple[ConfigError, ...] = ()
    marks: Marks = field(default_factory=dict, repr=False)
    """The document's marks. ``mark()`` reads them."""

    def mark(self, *path: str | int) -> Mark:
        """Where ``path`` was written: ``mark("pattern")``, ``mark("kwargs", "function")``. Kwargs that come from
        ``handlers:`` are found there; what was written nowhere is placed at its closest parent."""
        return route_mark(self.marks, self.name, self.handler, path)


def route_mark(marks: Marks, name: str, handler: str, path: KeyPath) -> Mark:
    """Where ``path`` of the route ``name`` was written: there, else in `handlers:`, else its closest parent."""
    keys: KeyPath = ("url", name, *path)
    if len(path) > 1 and path[0] == "kwargs" and keys[:4] not in marks:
        for owner in (handler, handler.rpartition(".")[2], "BaseHandler"):
            inherited: KeyPath = ("handlers", owner, *path[1:])
            if inherited[:3] in marks:
                return nearest(marks, inherited)
    return nearest(marks, keys)


@dataclass(frozen=True)
class Config:
    """The validated, immutable form of one gramex.yaml and what it imports."""

    tree: dict[Any, Any]
    app: App
    routes: tuple[RouteConfig, ...]
    """In file order."""
    variables: dict[str, Any]
    files: tuple[Path, ...]
    warnings: tuple[ConfigError, ...]
    marks: Marks = field(repr=False)
    threadpool: ThreadPool = field(default_factory=ThreadPool)
    caches: Mapping[str, CacheStore] = field(default_factory=dict)
    """Named caches; ``memory`` is always there."""
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    watches: Mapping[str, Watch] = field(default_factory=dict)
    gramexlog: Mapping[str, GramexLogApp | float] = field(default_factory=dict)
    eventlog: EventLog = field(default_factory=EventLog)
    mime: Mapping[str, str] = field(default_factory=dict)
    """File extension with its dot -> MIME type."""
    secrets: frozenset[str] = frozenset()
    compat: bool = True
    """Whether `import gramex` finds the names of Gramex 1.x."""

    def mark(self, *path: str | int) -> Mark:
        """Where ``path`` of the tree was written, or its closest parent."""
        return nearest(self.marks, path)

    @property
    def errors(self) -> tuple[ConfigError, ...]:
        """The errors of every route."""
        return tuple(error for route in self.routes for error in route.errors)
