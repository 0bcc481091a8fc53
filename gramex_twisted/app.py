"""Gramex: one app, built from a Config. It builds services and routes, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.config.document import Config, RouteConfig
from gramex_twisted.config.marks import nearest
from gramex_twisted.config.routes import bind
from gramex_twisted.config.settings import CacheStore
from gramex_twisted.endpoint import Endpoint
from gramex_twisted.errors import ConfigError, HTTPError
from gramex_twisted.functions import ModuleSet
from gramex_twisted.registry import Registry, options_model
from gramex_twisted.resources.base import Options, Resource, Setup
from gramex_twisted.resources.failed import SetupFailedHandler
from gramex_twisted.resources.native import NativeResource, as_resource
from gramex_twisted.routing import Route, Router
from gramex_twisted.services.accesslog import AccessLog
from gramex_twisted.services.caches import Caches
from gramex_twisted.services.compilers import Compilers
from gramex_twisted.services.container import Services, trust
from gramex_twisted.services.logkeys import DEFAULT_KEYS
from gramex_twisted.services.otps import Otps, otp_mistake
from gramex_twisted.services.ratelimits import RateLimits
from gramex_twisted.services.sessions import Sessions
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.open import open_cache, open_store
from gramex_twisted.services.templates import Templates
from gramex_twisted.services.threads import Threads
from gramex_twisted.web.compress import Compressors
from gramex_twisted.web.mime import mime_types

log = Logger()
#: Threads that ask for one-time passwords and API keys.
OTP_WORKERS = 4


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
    :raises ExceptionGroup: of ConfigError, for mistakes outside the routes.
    """

    def __init__(
        self, config: Config, reactor: Any, registry: Registry | None = None, *, threads: Threads | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.registry = registry or Registry()
        self.errors: list[ConfigError] = []
        self.shared = self._services(config, reactor, threads)
        for service in (self.shared.threads, self.shared.access_log, self.shared.compilers):
            service.setServiceParent(self)
        missing = RouteConfig("404", "", "", {}, Options(xsrf_cookies=False, **base_kwargs(config)), 0, {}, "")
        self.router = Router(self._routes(), self._endpoint(NotFound(Setup(missing, self.shared))))

    @property
    def in_flight(self) -> int:
        """How many requests are being answered."""
        return self.shared.in_flight.count

    def idle(self) -> Deferred[None]:
        """Fires when no request is being answered."""
        return self.shared.in_flight.idle()

    async def ready(self) -> None:
        """Wait until every service can be used."""

    # Services ---------------------------------------------------------------------------------------------------------

    def _services(self, config: Config, reactor: Any, threads: Threads | None) -> Services:
        settings = config.app.settings
        data_dir = Path(config.variables["GRAMEXDATA"])
        threaded, threads = threads is None, threads or Threads(reactor, config.threadpool.workers)
        root = (config.files[0].parent if config.files else Path.cwd()).absolute()
        return Services(
            reactor=reactor,
            root=root,
            data_dir=data_dir,
            conf=config.tree,
            settings=settings,
            threads=threads,
            templates=Templates(whitespace=settings.template_whitespace, autoescape=settings.autoescape or None),
            access_log=self._access_log(config, reactor, threaded=threaded),
            compressors=Compressors() if settings.compress_response else None,
            mimetypes=mime_types(config.mime),
            trusts=trusted(config),
            modules=ModuleSet([root]),
            sessions=self._sessions(config, reactor, data_dir, threaded=threaded),
            ratelimits=self._ratelimits(config, reactor, data_dir, threaded=threaded),
            otps=self._otps(config, reactor, data_dir, None if threaded else threads),
            security=config.app.security,
            caches=self._caches(config, reactor, data_dir, threaded=threaded),
            compilers=Compilers(reactor, root, threads, debug=settings.debug),
        )

    def _sessions(self, config: Config, reactor: Any, data_dir: Path, *, threaded: bool) -> Any:
        store = open_store("session", config.app.session, reactor, data_dir, threaded=threaded)
        store.setServiceParent(self)
        return Sessions(store, Signer(config.app.settings.cookie_secret, data_dir), config.app.session)

    def _ratelimits(self, config: Config, reactor: Any, data_dir: Path, *, threaded: bool) -> RateLimits:
        where = str(config.mark("app", "ratelimit"))
        store = open_store("ratelimit", config.app.ratelimit, reactor, data_dir, where=where, threaded=threaded)
        store.setServiceParent(self)
        return RateLimits(store)

    def _otps(self, config: Config, reactor: Any, data_dir: Path, threads: Threads | None) -> Otps:
        options = (config.tree.get("storelocations") or {}).get("otp") or {}
        mistake = otp_mistake(options)
        if mistake:
            where = str(config.mark("storelocations", "otp"))
            raise ExceptionGroup("storelocations", [ConfigError(where, f"storelocations.otp: {mistake}")])
        if threads is None:
            threads = Threads(reactor, OTP_WORKERS)
            threads.setName("otp threads")
            threads.setServiceParent(self)
        otps = Otps(reactor, options, data_dir, threads)
        otps.setServiceParent(self)
        return otps

    def _caches(self, config: Config, reactor: Any, data_dir: Path, *, threaded: bool) -> Caches:
        caches = {"memory": CacheStore(), **config.caches}

        def opened(name: str) -> Store:
            options = caches[name]
            where = str(config.mark("cache", name))
            store = open_cache(
                name,
                options.type,
                reactor,
                data_dir,
                size=options.size,
                path=options.path,
                url=options.url,
                where=where,
                threaded=threaded,
            )
            store.setServiceParent(self)
            return store

        default = next((name for name, options in caches.items() if options.default), "memory")
        return Caches(opened, tuple(caches), default)

    def _access_log(self, config: Config, reactor: Any, *, threaded: bool) -> AccessLog:
        handlers = (config.tree.get("log") or {}).get("handlers") or {}
        keys = (handlers.get("requests") or {}).get("keys") or DEFAULT_KEYS
        try:
            return AccessLog(reactor, keys, threaded=threaded)
        except ConfigError as error:
            where = nearest(config.marks, ("log", "handlers", "requests", "keys"))
            raise ExceptionGroup("log", [ConfigError(str(where), error.message)]) from error

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
            raise ConfigError(
                where, f"url.{route.name}: {route.handler} is no handler class, Twisted resource or Klein app"
            )
        return NativeResource(setup, native)

    def _endpoint(self, resource: Resource) -> Endpoint:
        return Endpoint(resource.setup, resource)


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


def trusted(config: Config) -> Any:
    """The predicate of ``app.trusted_proxies``; nobody where ``app.listen.xheaders`` is off."""
    proxies = config.app.trusted_proxies if config.app.listen.xheaders else ()
    try:
        return trust(proxies)
    except ValueError as error:
        where = str(nearest(config.marks, ("app", "trusted_proxies")))
        raise ExceptionGroup("app", [ConfigError(where, f"app.trusted_proxies: {error}")]) from error
