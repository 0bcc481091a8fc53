"""Something that is fetched when it is first needed, and again when it is old."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

T = TypeVar("T")


class Cached(Generic[T]):
    """What ``fetch`` gives, for ``seconds``. However many ask at once, it is fetched once.

    :param clock: the time, in seconds.
    """

    def __init__(self, fetch: Callable[[], Awaitable[T]], seconds: float, clock: Callable[[], float]) -> None:
        self.fetch = fetch
        self.seconds = seconds
        self.clock = clock
        self._kept: tuple[T, float] | None = None
        self._waiting: list[Deferred[T]] | None = None

    async def get(self, *, fresh: bool = False) -> T:
        """What is kept, or with ``fresh`` what there is now. Raises what ``fetch`` raises."""
        if self._kept is not None and not fresh and self.clock() - self._kept[1] < self.seconds:
            return self._kept[0]
        if self._waiting is not None:
            deferred: Deferred[T] = Deferred()
            self._waiting.append(deferred)
            return await deferred
        self._waiting = []
        try:
            value = await self.fetch()
        except BaseException:
            failure = Failure()
            for deferred in self._released():
                deferred.errback(failure)
            raise
        self._kept = value, self.clock()
        for deferred in self._released():
            deferred.callback(value)
        return value

    def _released(self) -> list[Deferred[T]]:
        waiting, self._waiting = self._waiting or [], None
        return waiting
