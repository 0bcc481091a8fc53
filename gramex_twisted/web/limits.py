"""How far a request's rate limits are used. Methods of the Context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from gramex_twisted.attrdict import AttrDict

if TYPE_CHECKING:
    from gramex_twisted.services.ratelimits import Reservation


class Limited:
    """Rate limit methods of the Context. ``route.services.ratelimits`` has the app's RateLimits."""

    route: Any
    reservation: Reservation | None = None
    """The request's place under the limits of its route; None where there are none."""

    def get_ratelimit(self) -> AttrDict | None:
        """The limit of this route that has the fewest requests left; None on a route without ``ratelimit:``.

        Its keys: ``limit``; ``usage``, before this request; ``remaining``, after it; ``expiry``, the seconds until the
        limit begins anew.
        """
        if self.reservation is None:
            return None
        usage = self.reservation.scarcest
        return AttrDict(limit=usage.limit, usage=usage.usage, remaining=max(usage.free - 1, 0), expiry=usage.seconds)

    def reset_ratelimit(self, pool: str, keys: Sequence[Any], value: int = 0) -> Any:
        """Set how often a limit has been used; False, and nothing is done, where it has not been used yet.

        In a thread it returns the bool. On the reactor it returns a Deferred: await it.

        :param pool: the limit's ``pool:``, by default its route's ``pattern:``.
        :param keys: the values of its ``keys:``, such as ``["2026-01-31", "ann"]`` for ``[daily, user.id]``.
        """
        services = self.route.services

        def reset() -> Deferred[bool]:
            return Deferred.fromCoroutine(services.ratelimits.reset(pool, keys, value))

        return reset() if isInIOThread() else services.threads.call_in_reactor(reset)
