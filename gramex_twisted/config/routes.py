"""`url:` -> RouteConfigs. A route's errors stay with it: the others are served."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from pydantic import Field

from gramex_twisted.config.document import Document, RouteConfig, route_mark
from gramex_twisted.config.marks import KeyPath, Mark
from gramex_twisted.config.messages import shown
from gramex_twisted.config.model import Model
from gramex_twisted.config.problems import Problems, closest
from gramex_twisted.config.validate import Locate, Validator
from gramex_twisted.errors import ConfigError

PREFIX = "gramex.handlers."
BASE = "BaseHandler"
SYNTAX = frozenset("\\^$*+?{}[]|()")
GRAMEX = frozenset(
    {
        *("CaptureHandler", "ChatGPTHandler", "ComicHandler", "FacebookGraphHandler", "MLHandler", "MessageHandler"),
        *("ModelHandler", "OpenAPIHandler", "PPTXHandler", "QueryHandler", "TwitterRESTHandler"),
        *("FacebookAuth", "IntegratedAuth", "SAMLAuth", "SAMLAuth2", "SMSAuth", "TwitterAuth"),
    }
)
"""Handlers of Gramex 1.x. Those that are not installed are not meant to be others of nearly that name."""


class Handlers(Protocol):
    """The handlers that routes may name: ``gramex_twisted.registry.Registry``."""

    @property
    def aliases(self) -> Mapping[str, str]:
        """Other name -> name."""

    def __iter__(self) -> Iterator[str]: ...

    def __contains__(self, name: object) -> bool: ...

    def get(self, name: str) -> type[Model] | None:
        """The options model of a registered handler (or "BaseHandler"); may raise ConfigError."""


class Entry(Model):
    """One route: which paths it answers, and how."""

    pattern: str = Field(description="Regular expression for the whole path: `/page/(.*)`.")
    handler: str | None = Field(default=None, description="Name of a handler, or the dotted path of a Python class.")
    service: str | None = Field(default=None, description="The same as `handler`, and stronger when both are there.")
    kwargs: dict[Any, Any] = Field(default={}, description="Options of the handler.")
    priority: float = Field(default=0, description="Of routes that match, the highest priority answers.")
    cache: bool | dict[str, Any] | None = Field(default=None, description="How responses are cached.")


class RouteBuilder:
    """Builds the routes of one document. ``defaults`` are the kwargs under those of each handler's routes."""

    def __init__(self, document: Document, handlers: Handlers, defaults: Mapping[str, dict[str, Any]]) -> None:
        self.marks = document.marks
        self.handlers = handlers
        self.defaults = defaults
        self.warnings: list[ConfigError] = []

    def build(self, name: str, conf: Any) -> RouteConfig:
        """The route ``name``, with its errors if it has some."""
        problems = Problems()
        handler = self.handler_name(conf) if isinstance(conf, dict) else ""

        def locate(path: KeyPath) -> Mark:
            return route_mark(self.marks, name, handler, path[2:])

        validator = Validator(problems, locate)
        if isinstance(conf, dict):
            written = conf.get("kwargs")
            own = written if isinstance(written, dict) else {}
            kwargs = merged(self.defaults_of(handler), own)
            entry = validator.validate(Entry, conf, ("url", name))
            pattern = self.pattern(name, conf, problems, locate)
            options = self.options(name, handler, conf, kwargs, own, validator)
        else:
            problems.error(locate(("url", name)), f"url.{name}: must be a mapping, not {shown(conf)}")
            entry, options, pattern, kwargs, conf = None, None, "", {}, {}
        self.warnings.extend(problems.warnings)
        return RouteConfig(
            name=name,
            pattern=pattern,
            handler=handler,
            kwargs=kwargs,
            options=options if not problems.errors else None,
            priority=entry.priority if entry else 0,
            conf=conf,
            where=str(locate(("url", name))),
            errors=tuple(problems.errors),
            marks=self.marks,
        )

    def handler_name(self, conf: Mapping[Any, Any]) -> str:
        """The registered name or dotted path of a route's handler; "" when it names none."""
        name = conf.get("service") or conf.get("handler")
        if isinstance(name, int | float) and not isinstance(name, bool):
            name = str(name)  # Entry takes it for text too
        if not isinstance(name, str):
            return ""
        name = name.strip().removeprefix(PREFIX)
        return self.handlers.aliases.get(name, name)

    def defaults_of(self, handler: str) -> dict[str, Any]:
        """The kwargs that `handlers:` gives to ``handler``; a dotted path may be named by its class alone."""
        for name in (handler, handler.rpartition(".")[2]):
            if name in self.defaults:
                return self.defaults[name]
        return self.defaults.get(BASE, {})

    def pattern(self, name: str, conf: Mapping[Any, Any], problems: Problems, locate: Locate) -> str:
        """The route's pattern; "", with an error, when it is no regular expression."""
        written = str(conf.get("pattern") or "")
        pattern = normalize(written)
        if not SYNTAX.isdisjoint(pattern):
            try:
                re.compile(pattern)
            except (re.error, RecursionError, OverflowError) as error:
                where = locate(("url", name, "pattern"))
                problems.error(where, f"url.{name}.pattern: {shown(written)} is not a regular expression: {error}")
                return ""
        return pattern

    def options(
        self, name: str, handler: str, conf: dict[Any, Any], kwargs: dict[str, Any], own: Any, validator: Validator
    ) -> Model | None:
        """The kwargs as the model of a registered handler; None for a dotted path, or with errors."""
        problems = validator.problems
        key = "service" if conf.get("service") else "handler"
        where = validator.locate(("url", name, key))
        if not handler:
            written = conf.get(key)
            hinted = any("did you mean 'handler'" in error.message for error in problems.errors)
            if not hinted and (written is None or isinstance(written, str)):  # of other types Entry has said so
                problems.error(where, f"url.{name}: 'handler' is missing")
            return None
        if handler not in self.handlers:
            if "." not in handler:
                problems.error(where, f"url.{name}.{key}: {self.unknown_handler(handler)}")
            return None
        try:
            model = self.handlers.get(handler)
        except ConfigError as error:
            problems.error(where, f"url.{name}.{key}: {error.message}")
            return None
        return validator.validate(model, kwargs, ("url", name, "kwargs"), own) if model else None

    def unknown_handler(self, name: str) -> str:
        """What to say about a handler that is not there."""
        if name in self.handlers.aliases.values() or name in GRAMEX:
            return f"Gramex's {name} is not part of this server: this route answers 500, all others work"
        meant = closest(name, [*self.handlers, *self.handlers.aliases])
        if meant:
            return f"unknown handler '{name}'; did you mean '{meant}'?"
        return f"unknown handler '{name}'; write a handler's name or the dotted path of a class"


def bind(route: RouteConfig, model: type[Model]) -> RouteConfig:
    """``route``, whose handler is a dotted path, with its kwargs as ``model``: its ``options`` or more ``errors``."""
    problems = Problems()
    validator = Validator(problems, lambda path: route.mark(*path[2:]))
    own = route.conf.get("kwargs") or {}
    options = validator.validate(model, route.kwargs, ("url", route.name, "kwargs"), own)
    return replace(route, options=options, errors=(*route.errors, *problems.errors))


def normalize(pattern: str) -> str:
    """``pattern`` without `/./` and double slashes, which `/$YAMLURL/` leaves."""
    while "/./" in pattern or "//" in pattern:
        pattern = pattern.replace("/./", "/").replace("//", "/")
    return pattern[:-1] if pattern.endswith("/.") else pattern


def merged(base: Mapping[Any, Any], over: Mapping[Any, Any]) -> dict[Any, Any]:
    """``over`` on ``base``: mappings merge, null removes what ``base`` has, anything else replaces."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if value is None and key in result:
            del result[key]
        elif isinstance(below, dict) and isinstance(value, dict):
            result[key] = merged(below, value)
        else:
            result[key] = value
    return result
