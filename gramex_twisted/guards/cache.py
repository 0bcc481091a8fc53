"""``cache:``: responses that are computed once and given out again.

What is one visitor's alone is never given to another: a request with a user, or with something in its session, passes
the cache by unless the key holds the user or the session. So does one with credentials of its own (Authorization), and
an answer that depends on those or on cookies (Vary) is not kept, unless the key holds them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import Field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from gramex_twisted.config.model import Model, Seconds
from gramex_twisted.guards.ratekeys import KINDS, getter_of
from gramex_twisted.services.caches import SingleFlight
from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.web.recording import Recorded, Recorder, replay

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.resources.base import Resource, Setup
    from gramex_twisted.web.context import Context

log = Logger()

#: Bytes of the longest response that is kept.
LONGEST = 32 << 20

Compute = Callable[["Context"], Awaitable[Any]]


class Expiry(Model):
    """How long a response is kept."""

    duration: Seconds | dict[str, Any] = Field(
        description="Seconds, or `{function: expression}` of `handler` that gives them."
    )


class CacheOptions(Model):
    """Which responses are kept, where and for how long."""

    key: str | dict[str, Any] | list[str | dict[str, Any]] = Field(
        default="request.uri",
        description="What makes two requests alike: one or a list of `request.uri`, `user.id`, `args.x`, `headers.X`, "
        "`cookies.x`, `session`, `{function: expression}` ...",
    )
    expiry: Expiry | Seconds | None = Field(
        default=None, description="`{duration: seconds}`; default: until there is no more room."
    )
    status: list[int] = Field(default=[200, 304], description="Responses of these statuses are kept.")
    store: str | None = Field(default=None, description="The name of the cache in `cache:`; default: the default one.")


class RouteCache:
    """Keeps the GET responses of one route."""

    def __init__(self, resource: Resource, options: CacheOptions) -> None:
        setup = resource.setup
        caches = setup.services.caches
        if options.store is not None and options.store not in caches.names:
            raise setup.error(f"no cache {options.store!r}; use {', '.join(caches.names)}", "cache", "store")
        self.resource = resource
        self.caches = caches
        self.name = options.store
        self.statuses = frozenset(options.status)
        keys = options.key if isinstance(options.key, list) else [options.key]
        self.getters = [self._getter(key, setup) for key in keys]
        self.personal = any(isinstance(key, str) and key.split(".")[0] in ("user", "session") for key in keys)
        self.unkeyed = frozenset() if self.personal else _unkeyed(keys)
        self.duration = self._duration(options.expiry, setup)
        self.flights: SingleFlight[Recorded] = SingleFlight()
        self.hits = self.misses = 0

    def _getter(self, key: str | Mapping[str, Any], setup: Setup) -> Any:
        if isinstance(key, Mapping):
            return setup.function(key.get("function"), ["handler"], "cache", "key")
        found = getter_of(key)
        if found is None:
            raise setup.error(f"unknown key {key!r}; use {', '.join(KINDS)}", "cache", "key")
        return found

    def _duration(self, expiry: Expiry | float | None, setup: Setup) -> float | Function | None:
        duration = expiry.duration if isinstance(expiry, Expiry) else expiry
        if isinstance(duration, Mapping):
            return setup.function(duration, ["handler"], "cache", "expiry", "duration")
        return duration

    async def answer(self, context: Context, compute: Compute) -> Any:
        """The kept response, or that of ``compute``, which is then kept."""
        if context.method not in ("GET", "HEAD") or await self._is_private(context):
            return await compute(context)
        key = await self._key(context)
        while True:
            kept = await self._kept(key)
            if kept is None:
                waiting = self.flights.join(key)
                if waiting is None:
                    break
                kept = await waiting
            if kept is not None:
                self.hits += 1
                return replay(context, kept)
        self.misses += 1
        context.recorder = Recorder(LONGEST, lambda recorded: self._done(key, context, recorded))
        return await compute(context)

    async def _is_private(self, context: Context) -> bool:
        if context.has_session_cookie:
            await context.load_session()
        if "authorization" in self.unkeyed and b"Authorization" in context.native.requestHeaders._rawHeaders:
            return True
        return not self.personal and self._belongs_to_one(context)

    def _belongs_to_one(self, context: Context) -> bool:
        session = context._session
        return bool(context.current_user) or (session is not None and not session.empty)

    async def _key(self, context: Context) -> str:
        # The host is in every key, or a request with a forged one could plant its links in everybody's page.
        request = context.request
        values = [context.name, request.protocol, request.host, self.resource.variant(context)]
        for getter in self.getters:
            plain = not hasattr(getter, "mode")
            values.append(getter(context) if plain else await self.resource.run(getter, context, context))
        return orjson.dumps(values, default=str).decode()

    async def _kept(self, key: str) -> Recorded | None:
        try:
            entry = await self.caches.store(self.name).get(key)
            return None if entry is None else Recorded.unpack(entry.value)
        except (StoreError, ValueError) as error:
            log.warn("{route}: the cache cannot be read: {error}", route=self.resource.name, error=str(error))
            return None

    # Keeping ----------------------------------------------------------------------------------------------------------

    def _done(self, key: str, context: Context, recorded: Recorded | None) -> None:
        if recorded is not None and not self._may_keep(context, recorded):
            recorded = None
        if recorded is None:
            self.flights.done(key, None)
        else:
            for name in context._kept or ():  # a guard decides them for each request, such as CORS
                recorded.headers.pop(name, None)
            keeping = Deferred.fromCoroutine(self._keep(key, context, recorded))
            keeping.addErrback(lambda failure: log.failure("{route}: the cache failed", failure, route=context.name))
            keeping.addBoth(lambda _: self.flights.done(key, recorded))

    def _may_keep(self, context: Context, recorded: Recorded) -> bool:
        control = ",".join(recorded.headers.get("Cache-Control", ())).lower()
        if recorded.status not in self.statuses or "no-store" in control or context.shows_xsrf:
            return False
        varies = {name.strip() for name in ",".join(recorded.headers.get("Vary", ())).lower().split(",")}
        if "*" in varies or not self.unkeyed.isdisjoint(varies):
            return False
        return self.personal or not ("private" in control or self._belongs_to_one(context))

    async def _keep(self, key: str, context: Context, recorded: Recorded) -> None:
        store = self.caches.store(self.name)
        seconds = self.duration
        if seconds is not None and not isinstance(seconds, (int, float)):
            seconds = float(await self.resource.run(seconds, context, context))
        expires = None if seconds is None else store.clock() + seconds
        try:
            await store.put(key, recorded.pack(), expires)
        except StoreError as error:
            log.warn("{route}: the cache cannot be written: {error}", route=self.resource.name, error=str(error))


def _unkeyed(keys: list[Any]) -> frozenset[str]:
    """Which headers that say who asks are not part of a key. What a function makes of them, nobody knows."""
    if any(isinstance(key, Mapping) for key in keys):
        return frozenset()
    names = {key.lower() for key in keys}
    if any(name.startswith("cookies.") for name in names):
        names.add("headers.cookie")
    return frozenset(name for name in ("authorization", "cookie") if f"headers.{name}" not in names)


def cache_of(resource: Resource) -> RouteCache | None:
    """The cache of a route, where its ``cache:`` asks for one."""
    option = getattr(resource.options, "cache", None)
    if not option or (isinstance(option, int) and option is not True):
        return None  # a number is what an API tells clients of their own caches
    return RouteCache(resource, CacheOptions() if option is True else option)
