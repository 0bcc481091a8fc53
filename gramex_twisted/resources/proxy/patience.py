"""Patience: how long an upstream may be silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: A deadline is looked at this often within its time, and at least once a second.
LOOKS = 8


class Watch:
    """Looks after the requests of one route, so that none of them sets a timer of its own.

    :param seconds: that the upstream may be silent in each.
    """

    def __init__(self, reactor: Any, seconds: float) -> None:
        self.seconds = seconds
        self.reactor = reactor
        self._interval = min(1.0, seconds / LOOKS)
        self._waiting: set[Patience] = set()
        self._timer: Any = None

    def add(self, patience: Patience) -> None:
        """Look after ``patience`` too."""
        self._waiting.add(patience)
        if self._timer is None:
            self._timer = self.reactor.callLater(self._interval, self._look)

    def remove(self, patience: Patience) -> None:
        """It needs no looking after any more."""
        self._waiting.discard(patience)

    def _look(self) -> None:
        self._timer = None
        now = self.reactor.seconds()
        for patience in [patience for patience in self._waiting if patience.is_over(now)]:
            self._waiting.discard(patience)
            patience.end()
        if self._waiting:
            self._timer = self.reactor.callLater(self._interval, self._look)

    def stop(self) -> None:
        """The app ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Patience:
    """Calls ``give_up`` once nothing has been ``heard`` for the time of ``watch``, unless it is on ``hold``."""

    held = False
    ended = False

    def __init__(self, watch: Watch, give_up: Callable[[], object]) -> None:
        self.seconds = watch.seconds
        self._watch = watch
        self._give_up = give_up
        self._since: float = watch.reactor.seconds()
        watch.add(self)

    def heard(self) -> None:
        """The upstream has taken or sent something."""
        self._since = self._watch.reactor.seconds()

    def hold(self, held: bool) -> None:
        """Whether it is somebody else who is waited for."""
        self.held = held
        self.heard()

    def stop(self) -> None:
        """Nothing is waited for any more."""
        self._watch.remove(self)
        self._give_up = _nothing  # what it belongs to is freed at once, and not when the garbage is collected

    def is_over(self, now: float) -> bool:
        """Whether the time is up."""
        return not self.held and now - self._since >= self.seconds

    def end(self) -> None:
        """The time is up."""
        self.ended = True
        self._give_up()


def _nothing() -> None:
    """There is nobody to tell."""
