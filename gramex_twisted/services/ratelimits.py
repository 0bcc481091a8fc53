"""Rate limits: how often something has been done, counted in a store that processes may share.

A request claims its place *before* it is answered, in one atomic step, and gives it back when it fails. So a limit of
ten lets exactly ten requests through, however many arrive at once and in however many processes.

The keys and the ``n`` of what is stored are those of Gramex 1.x: ``["/api","2022-01-01","ann"] -> {"n": 3}``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from twisted.logger import Logger

from gramex_twisted.services.grouping import GroupedUpdates, Refused
from gramex_twisted.services.stores.base import Entry, Store, StoreError

log = Logger()
#: Characters above which a key is stored as its hash: a client may choose what it holds.
LONGEST_KEY = 500
#: Seconds that a period's count is kept after the period: a request that came in its last moment is counted later.
GRACE = 60.0


class Claim(NamedTuple):
    """One more use of ``key``, of which there may be ``limit`` until ``expires`` (seconds since the epoch).

    ``periodic``: another period has another key, so that the count need not end with the period to the millisecond.
    """

    key: str
    limit: float
    expires: float
    periodic: bool = False


class Usage(NamedTuple):
    """How far a limit is used. ``usage`` does not count the request that asks; ``seconds`` until it is all free."""

    limit: float
    usage: int
    seconds: int

    @property
    def free(self) -> float:
        """How many more requests would be let through, the one that asks included."""
        return self.limit - self.usage


class Place(NamedTuple):
    """What has been claimed of one key, so that it can be given back."""

    key: str
    usage: int
    started: float
    before: float | None
    after: float


class Full(Refused):
    """A limit has been reached. Raised within ``Store.update``, so that nothing is written."""

    def __init__(self, usage: int, expires: float | None) -> None:
        super().__init__(usage, expires)
        self.usage = usage
        self.expires = expires


class Reservation:
    """A request's place under every limit of its route, or under none of them.

    ``usages``: of the limits that were asked. ``full``: a limit has been reached, and nothing was claimed.
    """

    def __init__(self, limits: RateLimits, usages: list[Usage], places: list[Place], *, full: bool) -> None:
        self.usages = usages
        self.full = full
        self._limits = limits
        self._places = places

    @property
    def scarcest(self) -> Usage:
        """The limit under which the fewest requests are free."""
        return min(self.usages, key=lambda usage: usage.free)

    async def give_back(self) -> None:
        """Do not count the request after all. Further calls do nothing."""
        places, self._places = self._places, []
        await self._limits.give_back(places)


class RateLimits:
    """The rate limits of one app."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._counts = GroupedUpdates(store)

    def now(self) -> float:
        """The store's time, in seconds since the epoch."""
        return self.store.clock()

    async def reserve(self, claims: Sequence[Claim]) -> Reservation:
        """A place under every one of ``claims``, or under none.

        The lowest limit is claimed first: most often it is the one that refuses, and then nobody else is refused by a
        higher one for the sake of a place that is about to be given back.

        :raises StoreError: when nothing can be counted now.
        """
        if len(claims) > 1:
            claims = sorted(claims, key=lambda claim: claim.limit)
            # What one limit refuses must not take a place under another, not even for a moment.
            usages = [await self._look(claim) for claim in claims]
            if not all(usage.free > 0 for usage in usages):
                return Reservation(self, usages, [], full=True)
        usages, places = [], list[Place]()
        for claim in claims:
            try:
                place = await self._counts.update(claim.key, partial(claimed, claim, self.now))
            except Full as full:
                await self.give_back(places)
                usages.append(self._usage(claim, full.usage, full.expires))
                return Reservation(self, usages, [], full=True)
            except StoreError:
                await self.give_back(places)
                raise
            places.append(place)
            usages.append(self._usage(claim, place.usage))
        return Reservation(self, usages, places, full=False)

    async def _look(self, claim: Claim) -> Usage:
        entry = await self.store.get(claim.key)
        usage, _ = counted(entry)
        return self._usage(claim, usage, entry.expires if entry and not usage < claim.limit else None)

    def _usage(self, claim: Claim, usage: int, expires: float | None = None) -> Usage:
        expires = claim.expires if claim.periodic or expires is None else expires
        return Usage(claim.limit, usage, max(1, math.ceil(expires - self.now())))

    async def give_back(self, places: Sequence[Place]) -> None:
        """Undo ``reserve``. A store that fails now is logged: the request stays counted."""
        for place in places:
            try:
                await self._counts.update(place.key, partial(returned, place))
            except StoreError as error:
                log.warn("A request that failed stays counted against its rate limit: {error}", error=error)

    async def reset(self, pool: str, keys: Sequence[Any], value: int = 0) -> bool:
        """Set the count of ``keys`` in ``pool``; False, and nothing is done, when there is no such count.

        :raises StoreError: when it cannot be set now.
        """

        def change(entry: Entry | None) -> tuple[Entry | None, bool]:
            if entry is None:
                return None, False
            _, started = counted(entry)
            return Entry(encoded(value, started), entry.expires), True

        return await self._counts.update(key_of(pool, keys), change)


def claimed(claim: Claim, clock: Callable[[], float], entry: Entry | None) -> tuple[Entry, Place]:
    """``entry`` with one more use, and what was claimed.

    :raises Full: when there is no place.
    """
    usage, started = counted(entry)
    if not usage < claim.limit:
        raise Full(usage, entry.expires if entry else None)
    started = clock() if entry is None else started
    expires = claim.expires + GRACE if claim.periodic else claim.expires
    place = Place(claim.key, usage, started, entry.expires if entry else None, expires)
    return Entry(encoded(usage + 1, started), expires), place


def returned(place: Place, entry: Entry | None) -> tuple[Entry | None, None]:
    """``entry`` without the use that ``place`` was. One that was counted anew since then stays as it is."""
    usage, started = counted(entry)
    if entry is None or started != place.started:
        return entry, None
    if usage <= 1:
        return None, None
    extended = entry.expires is not None and abs(entry.expires - place.after) < 0.01
    return Entry(encoded(usage - 1, started), place.before if extended else entry.expires), None


def counted(entry: Entry | None) -> tuple[int, float]:
    """The uses that ``entry`` counts, and when the first of them was (0: not known)."""
    if entry is None:
        return 0, 0.0
    try:
        values = orjson.loads(entry.value)
        return int(values["n"]), float(values.get("s") or 0)
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0, 0.0


def encoded(usage: int, started: float) -> bytes:
    """What is stored."""
    return orjson.dumps({"n": usage, "s": started})


def key_of(pool: str, keys: Sequence[Any]) -> str:
    """The store's key for the values ``keys`` of a limit in ``pool``. Equal values give equal keys.

    :raises TypeError: for a value that is not JSON.
    """
    text = _ENCODER.encode([pool, *keys])
    if len(text) > LONGEST_KEY:
        text = json.dumps(["sha256", sha256(text.encode()).hexdigest()])
    return text


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(map(str, value))
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode("latin-1")
    return str(value)


_ENCODER = json.JSONEncoder(sort_keys=True, default=_plain)
