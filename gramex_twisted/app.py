"""Gramex: one app, built from a Config. It builds services and routes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, TimeoutError
from twisted.logger import Logger

from gramex_twisted.background import Background
from gramex_twisted.building import Builder
from gramex_twisted.config.document import Config, RouteConfig
from gramex_twisted.config.routes import bind
from gramex_twisted.current import running
from gramex_twisted.endpoint import Endpoint
from gramex_twisted.errors import ConfigError, HTTPError
from gramex_twisted.functions import alias
from gramex_twisted.functions.importing import twins
from gramex_twisted.registry import Registry, options_model
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.resources.failed import SetupFailedHandler
from gramex_twisted.resources.native import NativeResource, as_resource
from gramex_twisted.routing import Route, Router
from gramex_twisted.services.container import Services
from gramex_twisted.services.measures import Measures
from gramex_twisted.services.threads import Threads

log = Logger()

#: Seconds that open connections get to end in order when the app is stopped.
LAST_CLOSING = 10.0


class NotFound(Resource):
    """Answers the paths that no route matches."""

    async def on_GET(self, context: Any) -> None:
        """Always 404."""
        raise HTTPError(404)

    on_POST = on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_GET


class Gramex(MultiService):
    """The app of one Config: its services and its Router. It is never reconfigured; a reload makes another one.

    Building it imports the user modules and compiles their functions, but opens nothing. ``errors`` are those of the
    routes that could not be set up, which answer 500.

    :param threads: a pool to use instead of one of its own (tests).
    :param previous: the app that this one replaces: sessions and rate limits that it keeps in memory go on.
    :param measures: what counts its requests; None where nobody asks.
    :raises ExceptionGroup: of ConfigError, for mistakes outside the routes.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        registry: Registry | None = None,
        *,
        threads: Threads | None = None,
        previous: Gramex | None = None,
        measures: Measures | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.registry = registry or Registry()
        self.errors: list[ConfigError] = []
        inherited = None if previous is None else previous.shared
        self.shared: Services = Builder(config, reactor, self, threads, inherited, measures).build()
        with running(self.shared):  # user modules are imported now
            self._report(tuple(Background(config, self.shared, waits=previous is not None).errors))
            missing = RouteConfig("404", "", "", {}, Options(xsrf_cookies=False, **base_kwargs(config)), 0, {}, "")
            self.router = Router(self._routes(), self._endpoint(NotFound(Setup(missing, self.shared))))
        for text in twins(dict.fromkeys(file.parent.absolute() for file in config.files)):
            log.warn("{text}", text=text)

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self.shared.in_flight.count

    def idle(self) -> Deferred[None]:
        """Fires when no request is being answered."""
        return self.shared.in_flight.idle()

    async def ready(self) -> None:
        """Wait until every service can be used."""

    def startService(self) -> None:
        """See IService."""
        alias.started(self.shared)
        super().startService()

    def hand_over(self, successor: Gramex) -> None:
        """Give open WebSockets and the times of schedules to the app that has just taken over."""
        self.shared.hand_over(successor.shared)

    def drain(self) -> Deferred[None]:
        """Close what would not end by itself; fires when that is done and no request is being answered."""
        return self.shared.drain().addCallback(lambda _: self.idle())

    def stopService(self) -> Deferred[Any]:
        """Close connections in order, which may take ``LAST_CLOSING`` seconds; then stop every service."""
        alias.stopped(self.shared)
        closing = self.shared.drain()
        if closing.called:
            stopping: Deferred[Any] = super().stopService()
            return stopping  # begun at once, as tests in memory expect
        closing.addTimeout(LAST_CLOSING, self.shared.reactor).addErrback(lambda failure: failure.trap(TimeoutError))
        stopped: Deferred[Any] = closing.addCallback(lambda _: super(Gramex, self).stopService())
        return stopped

    # Routes -----------------------------------------------------------------------------------------------------------

    def _routes(self) -> Iterator[Route]:
        for order, route in enumerate(self.config.routes):
            if route.pattern:
                yield Route(route.pattern, route.priority, order, self._endpoint_of(route))
            else:
                self._report(route.errors)

    def _endpoint_of(self, route: RouteConfig) -> Endpoint:
        """What answers the route; SetupFailedHandler where it cannot be set up."""
        try:
            return self._endpoint(self._resource(route))
        except ConfigError as error:
            errors: tuple[ConfigError, ...] = (error,)
        except ExceptionGroup as group:
            errors = tuple(error for error in group.exceptions if isinstance(error, ConfigError))
        except Exception as error:  # noqa: BLE001 - a user's class may raise anything
            log.failure("url.{name}: the handler could not be made", name=route.name)
            errors = (ConfigError(route.where, f"url.{route.name}: {type(error).__name__}: {error}"),)
        self._report(errors)
        return self._endpoint(SetupFailedHandler(Setup(plain(route), self.shared), errors))

    def _report(self, errors: tuple[ConfigError, ...]) -> None:
        self.errors.extend(errors)
        for error in errors:
            log.error("{error}", error=str(error))

    def _resource(self, route: RouteConfig) -> Resource:
        if route.errors:
            raise ExceptionGroup("route", list(route.errors))
        where = str(route.mark("handler"))
        try:
            thing = self.registry.load(route.handler, where)
        except ConfigError as error:
            raise ConfigError(where, f"url.{route.name}: {error.message}") from error.__cause__
        thing = self._as_resource_class(thing, route, where)
        is_handler = isinstance(thing, type) and issubclass(thing, Resource)
        if route.options is None:
            route = bind(route, (options_model(thing) if is_handler else None) or Options)
            if route.errors:
                raise ExceptionGroup("route", list(route.errors))
        setup = Setup(route, self.shared)
        if is_handler:
            handler: Resource = thing(setup)
            return handler
        native = as_resource(thing)
        if native is None:
            what = "is no handler class, Twisted resource or Klein app"
            raise ConfigError(where, f"url.{route.name}: {route.handler} {what}")
        return NativeResource(setup, native)

    def _as_resource_class(self, thing: Any, route: RouteConfig, where: str) -> Any:
        """What serves ``thing``, where that is a class of an app that Gramex 1.x or Tornado would serve."""
        if any(base.__module__.startswith("tornado.") for base in getattr(thing, "__mro__", ())):
            from gramex_twisted.compat.handlers.foreign import adopted, is_foreign, refusal

            reason = refusal(thing)
            if reason is not None:
                raise ConfigError(where, f"url.{route.name}: {route.handler} {reason}")
            thing = adopted(thing) if is_foreign(thing) else thing
        return thing.resource_class() if hasattr(thing, "resource_class") else thing

    def _endpoint(self, resource: Resource) -> Endpoint:
        self.shared.resources[resource.name] = resource
        self.shared.endpoints[resource.name] = endpoint = Endpoint(resource.setup, resource)
        return endpoint


def plain(route: RouteConfig) -> RouteConfig:
    """``route`` without the options that could not be used."""
    options = Options(xsrf_cookies=False)  # a POST that changes nothing may learn why
    return RouteConfig(
        route.name, route.pattern, route.handler, route.kwargs, options, route.priority, route.conf, route.where
    )


def base_kwargs(config: Config) -> dict[str, Any]:
    """``handlers.BaseHandler``: what also holds for paths without a route."""
    handlers = config.tree.get("handlers") or {}
    base = handlers.get("BaseHandler") or {}
    return {key: base[key] for key in ("headers", "error") if base.get(key)}
