"""Document -> Config: every section against its model, all errors at once."""

from __future__ import annotations

import os
from typing import Any

from pydantic import Field

from gramex_twisted.config.alerts import Alert
from gramex_twisted.config.analytics import Analytics
from gramex_twisted.config.apis import ApiSettings
from gramex_twisted.config.document import Config, Document
from gramex_twisted.config.gramexlogs import GramexLogSection
from gramex_twisted.config.marks import nearest
from gramex_twisted.config.messages import shown
from gramex_twisted.config.messengers import Email, Sms
from gramex_twisted.config.model import Model
from gramex_twisted.config.problems import Problems, closest, flatten
from gramex_twisted.config.reader import read_into
from gramex_twisted.config.routes import BASE, PREFIX, Handlers, RouteBuilder, bind, merged
from gramex_twisted.config.schedules import Schedule
from gramex_twisted.config.sentry import Sentry
from gramex_twisted.config.settings import App, CacheStore, ThreadPool
from gramex_twisted.config.validate import Validator
from gramex_twisted.config.watches import EventLog, Watch
from gramex_twisted.errors import ConfigError

__all__ = ["Handlers", "Sections", "bind", "build", "load"]


class Sections(Model):
    """A gramex.yaml. Other keys are the app's own data, which user code reads as ``conf.<key>``."""

    version: float | str = Field(default=1.0, description="Version of the format: 1.0.")
    app: App = Field(default=App(), description="The server: ports, limits, cookies, sessions.")
    url: dict[str, Any] = Field(default={}, description="The routes, by name.")
    handlers: dict[str, Any] = Field(
        default={}, description="Default kwargs by handler name; those of BaseHandler are for all handlers."
    )
    variables: dict[str, Any] = Field(
        default={}, description="`NAME: value`, `NAME: {default: value}` or `NAME: {function: expression}`."
    )
    threadpool: ThreadPool = Field(default=ThreadPool(), description="The threads that run user functions.")
    compat: bool = Field(
        default=True, description="Whether `import gramex` in Python modules finds the names of Gramex 1.x."
    )
    mime: dict[str, str] = Field(default={}, description="File extension -> MIME type: `.md: text/markdown`.")
    api: ApiSettings = Field(default=ApiSettings(), description="What all APIs share, and options of each by name.")
    analytics: Analytics = Field(
        default=Analytics(), description="Who is told how APIs are used. See [analytics.md](analytics.md)."
    )
    sentry: Sentry = Field(default=Sentry(), description="Where unexpected errors are reported.")
    log: dict[str, Any] = Field(default={}, description="Console log and access log.")
    cache: dict[str, CacheStore] = Field(default={}, description="Named caches: `name: {type, size, path, default}`.")
    schedule: dict[str, Schedule] = Field(default={}, description="Functions that run at given times.")
    alert: dict[str, Alert] = Field(default={}, description="Reports that are mailed.")
    email: dict[str, Email] = Field(default={}, description="Mail services.")
    sms: dict[str, Sms] = Field(default={}, description="SMS services.")
    watch: dict[str, Watch] = Field(default={}, description="Functions that run when files change.")
    storelocations: dict[str, Any] = Field(default={}, description="Databases of the server's own tables.")
    gramexlog: GramexLogSection = Field(
        default={}, description="Elasticsearch, for `gramex.log(...)`; `flush` is how often that is sent, in seconds."
    )
    eventlog: EventLog = Field(default=EventLog(), description="The log of starts and stops.")


def build(document: Document, handlers: Handlers) -> Config:
    """Validate ``document``. Errors in a route stay in its RouteConfig; all others are raised as an ExceptionGroup."""
    return Builder(document, handlers).build()


def load(path: str | os.PathLike[str], handlers: Handlers, **options: Any) -> Config:
    """Read (``reader.read`` has the ``options``) and validate. Raises an ExceptionGroup of ConfigError: mistakes of
    reading and those in options are told together."""
    problems = Problems()
    document = read_into(problems, path, **options)
    config = None
    if document is not None:
        try:
            config = build(document, handlers)
        except ExceptionGroup as group:
            problems.errors.extend(flatten(group))
    if config is not None and problems.errors:
        problems.errors.extend(config.errors)
    problems.raise_errors(f"{path} has errors")
    assert config is not None
    return config


class Builder:
    """Builds one Config."""

    def __init__(self, document: Document, handlers: Handlers) -> None:
        self.document = document
        self.handlers = handlers
        self.problems = Problems()
        self.validator = Validator(self.problems, lambda path: nearest(document.marks, path))

    def build(self) -> Config:
        """The Config; raises an ExceptionGroup of ConfigError."""
        document, tree = self.document, self.document.tree
        self.check_names()
        sections = {key: self.section(key) for key in Sections.model_fields if key in tree}
        app = self.validator.validate(App, sections.get("app", {}), ("app",))
        threadpool = self.validator.validate(ThreadPool, sections.get("threadpool", {}), ("threadpool",))
        rest = {key: value for key, value in sections.items() if key not in ("app", "threadpool", "url", "handlers")}
        checked = self.validator.validate(Sections, rest, ())
        self.check_sms(checked.sms if checked else {})
        defaults = self.defaults(sections.get("handlers", {}))
        builder = RouteBuilder(document, self.handlers, defaults)
        routes = tuple(builder.build(str(name), conf) for name, conf in sections.get("url", {}).items())
        if self.problems.errors:  # then those of the routes are told with them
            self.problems.errors.extend(error for route in routes for error in route.errors)
        self.problems.raise_errors(f"{document.files[0].name if document.files else 'configuration'} has errors")
        assert app is not None
        assert threadpool is not None
        assert checked is not None
        return Config(
            tree=tree,
            app=app,
            routes=routes,
            variables=document.variables,
            files=document.files,
            warnings=(*document.warnings, *self.problems.warnings, *builder.warnings),
            marks=document.marks,
            threadpool=threadpool,
            mime=checked.mime,
            caches=checked.cache,
            schedules=checked.schedule,
            alerts=checked.alert,
            watches=checked.watch,
            eventlog=checked.eventlog,
            gramexlog=checked.gramexlog,
            secrets=document.secrets,
            compat=checked.compat,
        )

    def check_names(self) -> None:
        """Point at top-level keys that look like a known one. Only a warning: they may be the app's own data."""
        for key in self.document.tree:
            meant = None if key in Sections.model_fields else closest(key, Sections.model_fields)
            if meant:
                where = nearest(self.document.marks, (key,))
                self.problems.warn(where, f"unknown key '{key}' is taken as the app's own; did you mean '{meant}'?")

    def check_sms(self, services: dict[str, Sms]) -> None:
        """Tell which SMS services cannot send."""
        for name, service in services.items():
            if service.missing:
                where = nearest(self.document.marks, ("sms", name))
                needs = ", ".join(service.missing)
                self.problems.warn(where, f"sms.{name}: cannot send: {service.type} needs {needs}")

    def section(self, key: str) -> Any:
        """A section of the tree: {} when nothing is written under it."""
        value = self.document.tree[key]
        if value is None:
            return {}
        if key in ("url", "handlers") and not isinstance(value, dict):
            where = nearest(self.document.marks, (key,))
            self.problems.error(where, f"{key}: must be a mapping, not {shown(value)}")
            return {}
        return self.watches(value) if key == "watch" and isinstance(value, dict) else value

    def watches(self, section: dict[Any, Any]) -> dict[Any, Any]:
        """The entries of `watch:` that are some; Gramex passes over others, such as `watch: {paths: [...]}`."""
        for name, value in section.items():
            if value is not None and not isinstance(value, dict):
                where = nearest(self.document.marks, ("watch", name))
                self.problems.warn(where, f"watch.{name}: is no `{{paths, on_modified}}`: nothing is watched for it")
        return {name: value for name, value in section.items() if isinstance(value, dict)}

    def defaults(self, section: dict[Any, Any]) -> dict[str, dict[str, Any]]:
        """`handlers:` by registered name, each over BaseHandler's."""
        own: dict[str, dict[str, Any]] = {}
        for key, value in section.items():
            name = str(key).removeprefix(PREFIX)
            name = self.handlers.aliases.get(name, name)
            if isinstance(value, dict):
                self.check_defaults(key, name, value)
                own[name] = merged(own.get(name, {}), value)
            elif value is not None:
                where = nearest(self.document.marks, ("handlers", key))
                self.problems.error(where, f"handlers.{key}: must be a mapping, not {shown(value)}")
        base = own.get(BASE, {})
        return {BASE: base, **{name: merged(base, kwargs) for name, kwargs in own.items() if name != BASE}}

    def check_defaults(self, key: Any, name: str, kwargs: dict[str, Any]) -> None:
        """The default kwargs of one handler against its model."""
        where = nearest(self.document.marks, ("handlers", key))
        if name != BASE and name not in self.handlers:
            meant = closest(name, [BASE, *self.handlers]) if name not in self.handlers.aliases.values() else None
            if meant:
                self.problems.error(where, f"handlers: unknown handler '{key}'; did you mean '{meant}'?")
            return
        try:
            model = self.handlers.get(name)
        except ConfigError as error:
            self.problems.warn(where, f"handlers.{key}: {error.message}")
            return
        if model is not None:
            self.validator.values(model, kwargs, ("handlers", key))
