"""``ratelimit:``: how often a route may be used."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from gramex_twisted.config.problems import closest
from gramex_twisted.errors import HTTPError
from gramex_twisted.guards.ratekeys import KINDS, OF_SESSION, PERIODS, getter_of, period
from gramex_twisted.services.ratelimits import Claim, Usage, key_of

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.guards.ratekeys import Getter
    from gramex_twisted.resources.base import Resource, Setup
    from gramex_twisted.web.context import Context

OPTIONS = ("keys", "limit", "pool")
KEY_OPTIONS = ("key", "function", "expiry")
#: Seconds for which a count without an expiry is kept: a hundred years.
FOREVER = 3155760000.0

Where = tuple[str | int, ...]


class RateLimitGuard:
    """Lets a request pass when there is a place under every limit of its route, else answers 429.

    The place is the Context's ``reservation``; the Endpoint gives it back when the response is an error.
    """

    def __init__(self, resource: Resource, option: Any) -> None:
        setup = resource.setup
        self.service = resource.services.ratelimits
        listed = isinstance(option, list)
        self.limits = [
            Limit(resource, item, ("ratelimit", index) if listed else ("ratelimit",))
            for index, item in enumerate(option if listed else [option])
        ]
        self.needs_session = any(limit.needs_session for limit in self.limits)
        seen: list[Any] = []
        for index, limit in enumerate(self.limits):
            if limit.what in seen:
                raise setup.error("counts what another limit counts; give it a pool of its own", "ratelimit", index)
            seen.append(limit.what)

    async def __call__(self, context: Context) -> None:
        """Claim a place, and tell the client how many are left; or raise 429."""
        if self.needs_session and context.has_session_cookie:
            await context.load_session()
        now = self.service.now()
        claims = [await limit.claim(context, now) for limit in self.limits]
        context.reservation = reservation = await self.service.reserve(claims)
        usage = reservation.scarcest
        if not math.isinf(usage.limit):
            context.keep_headers(headers_of(usage, reservation.full))
        if reservation.full:
            raise HTTPError(429, f"{usage.limit} requests are all that is allowed; try again in {usage.seconds} s")


def headers_of(usage: Usage, full: bool) -> dict[str, list[str]]:
    """The headers that tell a client where it stands."""
    seconds = [str(usage.seconds)]
    left = 0 if full else usage.free - 1
    headers = {
        "X-Ratelimit-Limit": [str(usage.limit)],
        "X-Ratelimit-Remaining": [str(max(left, 0))],
        "X-Ratelimit-Reset": seconds,
    }
    return headers | {"Retry-After": seconds} if full else headers


class Limit:
    """One limit of a route. ``what``: what it counts, as it was written."""

    def __init__(self, resource: Resource, option: Any, where: Where) -> None:
        self.setup = setup = resource.setup
        self.resource = resource
        self.where = where
        check_names(setup, option, OPTIONS, where)
        for name in ("keys", "limit"):
            if option.get(name) is None:
                raise setup.error(f"{name!r} is missing", *where)
        self.pool = str(option.get("pool") or setup.config.pattern)
        self.keys = [Key(resource, spec, place) for spec, place in listed(setup, option["keys"], (*where, "keys"))]
        self.limit = self._limit(option["limit"])
        self.what = (self.pool, [key.spec for key in self.keys])
        functions = [self.limit, *(key.function for key in self.keys), *(key.expiry for key in self.keys)]
        self.needs_session = any(key.of_session for key in self.keys) or any(
            reads_session(function) for function in functions
        )

    def _limit(self, option: Any) -> int | Function:
        if isinstance(option, Mapping):
            return self.setup.function(option, ["handler"], *self.where, "limit")
        number = as_number(option)
        if number is None or not math.isfinite(number):
            raise self.setup.error(f"must be a number or {{function: ...}}, not {option!r}", *self.where, "limit")
        return math.ceil(number)

    async def claim(self, context: Context, now: float) -> Claim:
        """What ``context`` asks for.

        :raises ConfigError: when a function of the configuration returns what cannot be used.
        """
        values: list[Any] = []
        end, sliding = math.inf, FOREVER
        for key in self.keys:
            until, seconds = await key.add(values, context, now)
            end, sliding = min(end, until), min(sliding, seconds)
        try:
            text = key_of(self.pool, values)
        except TypeError as error:
            raise self.setup.error(f"a key is not JSON: {error}", *self.where, "keys") from error
        limit = self.limit if isinstance(self.limit, int) else await self._number(context, self.limit)
        return Claim(text, limit, min(end, now + sliding), end <= now + sliding)

    async def _number(self, context: Context, function: Function) -> float:
        value = await self.resource.run(function, context, context)
        number = as_number(value)
        if number is None:
            raise self.setup.error(f"returned {value!r}, which is no number", *self.where, "limit")
        return number if math.isinf(number) else math.ceil(number)


class Key:
    """One of the ``keys`` of a limit: ``ip``, ``daily``, ``{function, expiry}`` or ``{key, expiry}``."""

    def __init__(self, resource: Resource, spec: Any, where: Where) -> None:
        self.setup = setup = resource.setup
        self.resource = resource
        self.where = where
        self.spec = spec
        self.period: str | None = None
        self.getter: Getter | None = None
        self.function: Function | None = None
        options = {"key": spec} if isinstance(spec, str) else spec
        check_names(setup, options, KEY_OPTIONS, where)
        key = str(options.get("key") or "")
        if ("function" in options) == bool(key):
            raise setup.error("needs either 'key' or 'function'", *where)
        if key in PERIODS:
            self.period = key
        elif key:
            self.getter = self._getter(key, where if isinstance(spec, str) else (*where, "key"))
        else:
            parts = {name: value for name, value in options.items() if name in ("function", "args", "kwargs")}
            self.function = setup.function(parts, ["handler"], *where)
        self.expiry = self._expiry(options.get("expiry"))
        self.of_session = key.partition(".")[0] in OF_SESSION

    def _getter(self, key: str, where: Where) -> Getter:
        found = getter_of(key)
        if found is None:
            meant = closest(key, KINDS) or closest_prefix(key)
            hint = f"did you mean {meant!r}?" if meant else f"use some of: {', '.join(KINDS)}"
            raise self.setup.error(f"unknown key {key!r}; {hint}", *where)
        return found

    def _expiry(self, option: Any) -> float | Function | None:
        if option is None:
            return None
        number = as_number(option)
        if number is None and isinstance(option, (str, Mapping)):
            return self.setup.function(option, ["handler"], *self.where, "expiry")
        if number is None or not 0 < number < math.inf:
            raise self.setup.error(f"must be seconds, more than 0, not {option!r}", *self.where, "expiry")
        return number

    async def add(self, values: list[Any], context: Context, now: float) -> tuple[float, float]:
        """Add the key's value to ``values``; when its period ends (inf: never), and for how many seconds it counts."""
        end = math.inf
        if self.period is not None:
            value, end = period(self.period, now)
        elif self.getter is not None:
            value = self.getter(context)
        else:
            assert self.function is not None
            value = await self.resource.run(self.function, context, context)
        values.append(value)
        return end, await self._seconds(context)

    async def _seconds(self, context: Context) -> float:
        if self.expiry is None:
            return FOREVER
        if isinstance(self.expiry, float):
            return self.expiry
        value = await self.resource.run(self.expiry, context, context)
        number = as_number(value)
        if number is None or not number > 0:
            raise self.setup.error(f"returned {value!r}, which is no number of seconds", *self.where, "expiry")
        return min(number, FOREVER)


def listed(setup: Setup, keys: Any, where: Where) -> Iterable[tuple[Any, Where]]:
    """Each of ``keys:`` (a list, one mapping, or text with commas) with its place.

    :raises ConfigError: for anything else.
    """
    if isinstance(keys, str):
        return [(key.strip(), where) for key in keys.split(",") if key.strip()]
    if isinstance(keys, Mapping):
        return [(keys, where)]
    if not isinstance(keys, list):
        raise setup.error(f"must be a list such as [daily, user], not {keys!r}", *where)
    return [(key, (*where, index)) for index, key in enumerate(keys)]


def check_names(setup: Setup, option: Any, known: tuple[str, ...], where: Where) -> None:
    """ConfigError unless ``option`` is a mapping with ``known`` keys only."""
    if not isinstance(option, Mapping):
        raise setup.error(f"must be a mapping with {', '.join(known)}, not {option!r}", *where)
    for name in option:
        if name not in known and not (name in ("args", "kwargs") and "function" in option):
            meant = closest(name, known)
            hint = f"did you mean {meant!r}?" if meant else f"use {', '.join(known)}"
            raise setup.error(f"unknown key {name!r}; {hint}", *where, name)


def closest_prefix(key: str) -> str | None:
    """``arg.x`` -> ``args.x``."""
    prefix, dot, name = key.partition(".")
    meant = closest(prefix, [kind.partition(".")[0] for kind in KINDS if kind.endswith(".<name>")]) if dot else None
    return f"{meant}.{name}" if meant else None


def reads_session(function: object) -> bool:
    """Whether a function runs on the reactor and may touch the session there, where it must have been fetched."""
    mode = getattr(function, "mode", "thread")
    return mode == "async" or (mode == "reactor" and "handler" in getattr(function, "source", ""))


def as_number(value: Any) -> float | None:
    """A number, also one written as text; None for anything else, NaN included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return None if math.isnan(number) else number
