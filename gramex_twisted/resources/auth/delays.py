"""Failed attempts cost time: ``delay: [1, 1, 5]`` seconds after the first, second, third and further failures.

Failures are counted by user and by address, for an hour after the last. The longer of the two delays counts from the
moment that the request came in, so that it also hides how long the answer took to find. Somebody who tries many
passwords at once would wait only once, so few attempts of one kind may wait at a time; others are refused unread.
Nobody is ever locked out by what others do from elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from twisted.internet.task import deferLater

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.records import Record, Records, record_key

#: Seconds that a failure is remembered.
MEMORY = 3600.0
#: Attempts that may wait at once for one user from one address, and from one address altogether.
MOST_OF_USER, MOST_OF_ADDRESS = 5, 50


class Delays:
    """The delays of one route.

    :param seconds: after the first failure, the second ...; the last holds for all further ones.
    :param name: failures of routes with one name count together.
    """

    def __init__(self, reactor: Any, records: Records, seconds: Sequence[float], name: str = "log-in") -> None:
        self.reactor = reactor
        self.records = records
        self.seconds = tuple(seconds) or (0.0,)
        self.name = name
        self._of_user: Counter[Any] = Counter()
        self._of_address: Counter[Any] = Counter()

    def admit(self, user: str, address: str) -> None:
        """Refuse an attempt while too many of its kind wait.

        :raises HTTPError: 429.
        """
        if self._of_user[user, address] >= MOST_OF_USER or self._of_address[address] >= MOST_OF_ADDRESS:
            wait = str(max(1, round(self.seconds[-1])))
            message = "too many failed attempts at once: wait a moment, then try again"
            raise HTTPError(429, message, headers={"Retry-After": wait})

    async def failed(self, user: str, address: str, elapsed: float = 0.0) -> None:
        """Count a failure, and return when its time is over.

        :param elapsed: seconds since the request came in.
        """
        counters = ((self._of_user, (user, address)), (self._of_address, address))
        for counter, kind in counters:
            counter[kind] += 1
        try:
            of_user = await self.records.change(self._user(user), _count, MEMORY)
            of_address = await self.records.change(self._address(address), _count, MEMORY)
            seconds = max(self.after(of_user), self.after(of_address)) - elapsed
            if seconds > 0:
                await deferLater(self.reactor, seconds)
        finally:
            for counter, kind in counters:
                counter[kind] -= 1
                if not counter[kind]:
                    del counter[kind]

    def after(self, failures: int) -> float:
        """Seconds that the failure number ``failures``, from 1, costs."""
        return self.seconds[min(failures, len(self.seconds)) - 1]

    async def succeeded(self, user: str) -> None:
        """Forget the failures of a user. Those of the address stay: anybody may have one account to sign in with."""
        if await self.records.get(self._user(user)):
            await self.records.drop(self._user(user))

    def _user(self, user: str) -> str:
        return record_key("failed", self.name, "user", user)

    def _address(self, address: str) -> str:
        return record_key("failed", self.name, "address", address)


def _count(record: Record) -> int:
    record["n"] = failures = int(record.get("n", 0)) + 1
    return failures
