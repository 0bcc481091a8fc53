"""Updates of one key of a store, made together.

A popular key would be a bottleneck, where each update waits for the answer to the one before. So those that come while
one is under way wait for it, and are then made as **one**.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import Change, Entry, Store

T = TypeVar("T")


class Refused(Exception):  # noqa: N818 - not an error, but an answer
    """What a change raises to leave the entry as it is. Others in its group are made all the same."""


class Waiting:
    """A change that waits for its turn, and who waits for its result."""

    def __init__(self, change: Change[Any]) -> None:
        self.change = change
        self.result: Deferred[Any] = Deferred()


class Unchanged(Exception):  # noqa: N818 - not an error, but an answer
    """Every change of a group was refused: there is nothing to write."""

    def __init__(self, results: list[Any]) -> None:
        super().__init__(results)
        self.results = results


class GroupedUpdates:
    """``update`` as ``store`` has it, grouped by key."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._waiting: dict[str, list[Waiting]] = {}  # of the keys that are being updated

    async def update(self, key: str, change: Change[T]) -> T:
        """See ``Store.update``. Of what ``change`` raises, Refused alone does not concern the others of its group."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            job = Waiting(change)
            waiting.append(job)
            result: T = await job.result
            return result
        self._waiting[key] = waiting = []
        try:
            return await self.store.update(key, change)
        finally:
            if waiting:
                Deferred.fromCoroutine(self._rest(key))
            else:
                del self._waiting[key]

    async def _rest(self, key: str) -> None:
        while jobs := self._waiting[key]:
            self._waiting[key] = []
            try:
                results = await self.store.update(key, partial(made, jobs))
            except Unchanged as unchanged:
                results = unchanged.results
            except Exception as error:  # noqa: BLE001 - it is told to all who wait
                results = [error] * len(jobs)
            for job, result in zip(jobs, results, strict=True):
                if isinstance(result, Exception):
                    job.result.errback(result)
                else:
                    job.result.callback(result)
        del self._waiting[key]


def made(jobs: Sequence[Waiting], entry: Entry | None) -> tuple[Entry | None, list[Any]]:
    """The changes of ``jobs``, one after the other, and the result of each, or what it was refused with.

    :raises Unchanged: when all of them were refused.
    """
    results: list[Any] = []
    for job in jobs:
        try:
            entry, result = job.change(entry)
        except Refused as refused:
            result = refused
        results.append(result)
    if all(isinstance(result, Refused) for result in results):
        raise Unchanged(results)
    return entry, results
