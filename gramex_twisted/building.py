"""The services of an app, built from its Config."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService

from gramex_twisted.config.document import Config
from gramex_twisted.config.settings import CacheStore
from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import ModuleSet
from gramex_twisted.services.accesslog import AccessLog
from gramex_twisted.services.caches import Caches
from gramex_twisted.services.compilers import Compilers
from gramex_twisted.services.container import Services, trust
from gramex_twisted.services.logkeys import DEFAULT_KEYS
from gramex_twisted.services.measures import Measures
from gramex_twisted.services.otps import Otps, otp_mistake
from gramex_twisted.services.ratelimits import RateLimits
from gramex_twisted.services.rooms import Rooms, open_bus
from gramex_twisted.services.sessions import Sessions
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.memory import Entries, MemoryStore
from gramex_twisted.services.stores.open import open_cache, open_store
from gramex_twisted.services.templates import Templates
from gramex_twisted.services.threads import Threads
from gramex_twisted.web.compress import Compressors
from gramex_twisted.web.mime import mime_types

#: Threads that ask for one-time passwords and API keys.
OTP_WORKERS = 4
#: Threads that hash passwords, which leave half of the cores to others; and how many passwords may wait for one.
HASH_WORKERS, HASH_QUEUE = max(1, (os.cpu_count() or 2) // 2), 200


class Builder:
    """Builds the services of ``parent``, which starts and stops them.

    :param threads: the pool to use for everything, in step with the reactor; None for pools of real threads.
    :param previous: the services of the app that this one replaces: what it holds in memory alone goes on.
    :param measures: what counts the requests; None where nobody asks.
    """

    def __init__(
        self,
        config: Config,
        reactor: Any,
        parent: MultiService,
        threads: Threads | None,
        previous: Services | None,
        measures: Measures | None = None,
    ) -> None:
        self.config = config
        self.reactor = reactor
        self.parent = parent
        self.threaded = threads is None
        self.threads = threads or Threads(reactor, config.threadpool.workers)
        self.kept = entries_of(previous)
        self.measures = measures
        self.data_dir = Path(config.variables["GRAMEXDATA"])
        self.root = (config.files[0].parent if config.files else Path.cwd()).absolute()

    def build(self) -> Services:
        """The services, not started.

        :raises ExceptionGroup: of ConfigError.
        """
        app, settings = self.config.app, self.config.app.settings
        self.threads.setServiceParent(self.parent)
        return Services(
            reactor=self.reactor,
            root=self.root,
            data_dir=self.data_dir,
            conf=self.config.tree,
            variables=self.config.variables,
            settings=settings,
            threads=self.threads,
            templates=Templates(whitespace=settings.template_whitespace, autoescape=settings.autoescape or None),
            access_log=self._access_log(),
            compressors=Compressors() if settings.compress_response else None,
            mimetypes=mime_types(self.config.mime),
            trusts=self._trusted(),
            modules=ModuleSet(dict.fromkeys([self.root, *(file.parent for file in self.config.files)])),
            sessions=self._sessions(),
            ratelimits=self._ratelimits(),
            otps=self._otps(),
            hashing=self._hashing(),
            security=app.security,
            caches=self._caches(),
            compilers=self._compilers(),
            rooms=self._rooms(),
            measures=self.measures,
            parent=self.parent,
        )

    def _access_log(self) -> AccessLog:
        handlers = (self.config.tree.get("log") or {}).get("handlers") or {}
        keys = (handlers.get("requests") or {}).get("keys") or DEFAULT_KEYS
        try:
            log = AccessLog(self.reactor, keys, threaded=self.threaded)
        except ConfigError as error:
            raise self._mistake(error.message, "log", "handlers", "requests", "keys") from error
        log.setServiceParent(self.parent)
        return log

    def _compilers(self) -> Compilers:
        debug = self.config.app.settings.debug
        compilers = Compilers(self.reactor, self.root, self.threads, debug=debug)
        compilers.setServiceParent(self.parent)
        return compilers

    def _trusted(self) -> Callable[[str], bool]:
        proxies = self.config.app.trusted_proxies if self.config.app.listen.xheaders else ()
        try:
            return trust(proxies)
        except ValueError as error:
            raise self._mistake(f"app.trusted_proxies: {error}", "app", "trusted_proxies") from error

    def _rooms(self) -> Rooms:
        options = self.config.app.broadcast
        bus = None
        if options.type == "redis":
            try:
                bus = open_bus(self.reactor, options)
            except ValueError as error:
                raise self._mistake(f"app.broadcast: {error}", "app", "broadcast") from error
            bus.setServiceParent(self.parent)
        return Rooms(bus)

    # Stores -----------------------------------------------------------------------------------------------------------

    def _sessions(self) -> Sessions:
        options = self.config.app.session
        store = self._store("session", options)
        return Sessions(store, Signer(self.config.app.settings.cookie_secret, self.data_dir), options)

    def _ratelimits(self) -> RateLimits:
        return RateLimits(self._store("ratelimit", self.config.app.ratelimit))

    def _store(self, name: str, options: Any) -> Store:
        store = open_store(
            name,
            options,
            self.reactor,
            self.data_dir,
            where=str(self.config.mark("app", name)),
            entries=self.kept.get(name),
            threaded=self.threaded,
        )
        store.setServiceParent(self.parent)
        return store

    def _otps(self) -> Otps:
        options = (self.config.tree.get("storelocations") or {}).get("otp") or {}
        mistake = otp_mistake(options)
        if mistake:
            raise self._mistake(f"storelocations.otp: {mistake}", "storelocations", "otp")
        threads = self.threads
        if self.threaded:
            # Not the pool of user functions: one that waits for its password must not keep the answer from coming.
            threads = Threads(self.reactor, OTP_WORKERS)
            threads.setName("otp threads")
            threads.setServiceParent(self.parent)
        otps = Otps(self.reactor, options, self.data_dir, threads)
        otps.setServiceParent(self.parent)
        return otps

    def _hashing(self) -> Threads:
        if not self.threaded:
            return self.threads
        threads = Threads(self.reactor, HASH_WORKERS, max_queue=HASH_QUEUE)
        threads.setName("hashing threads")
        threads.setServiceParent(self.parent)
        return threads

    def _caches(self) -> Caches:
        caches = {"memory": CacheStore(), **self.config.caches}
        default = next((name for name, options in caches.items() if options.default), "memory")
        return Caches(lambda name: self._cache(name, caches[name]), tuple(caches), default)

    def _cache(self, name: str, options: CacheStore) -> Store:
        store = open_cache(
            name,
            options.type,
            self.reactor,
            self.data_dir,
            size=options.size,
            path=options.path,
            url=options.url,
            where=str(self.config.mark("cache", name)),
            entries=Entries(options.size) if options.type == "memory" else None,
            threaded=self.threaded,
        )
        store.setServiceParent(self.parent)
        return store

    def _mistake(self, message: str, *path: str) -> ExceptionGroup[ConfigError]:
        return ExceptionGroup(path[0], [ConfigError(str(self.config.mark(*path)), message)])


def entries_of(previous: Services | None) -> dict[str, Entries]:
    """What the stores of ``previous`` hold in memory, by store; nothing else of it, or no app would ever be freed."""
    if previous is None:
        return {}
    stores = {"session": previous.sessions.store, "ratelimit": previous.ratelimits.store}
    return {name: store.entries for name, store in stores.items() if isinstance(store, MemoryStore)}
