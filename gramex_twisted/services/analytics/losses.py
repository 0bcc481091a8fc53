"""Losses: events that could not be sent, told in few lines."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

log = Logger()

#: Seconds between two lines of one channel.
PAUSE = 60.0
#: Characters of a reason.
LONGEST = 300


class Losses:
    """Counts the events that the channel ``name`` has lost, and tells of them: at once, then once a minute at most."""

    def __init__(self, name: str, reactor: Any) -> None:
        self.name = name
        self.total = 0
        self._untold = 0
        self._reason = ""
        self._quiet_until = float("-inf")
        self._reactor = reactor

    def add(self, count: int, reason: str) -> None:
        """``count`` more."""
        self.total += count
        self._untold += count
        self._reason = " ".join(reason.split())[:LONGEST]
        if self._reactor.seconds() >= self._quiet_until:
            self.tell()

    def tell(self) -> None:
        """Tell of those that have not been told of."""
        if self._untold:
            untold, self._untold = self._untold, 0
            self._quiet_until = self._reactor.seconds() + PAUSE
            log.warn("{name}: {count} events dropped: {reason}", name=self.name, count=untold, reason=self._reason)
