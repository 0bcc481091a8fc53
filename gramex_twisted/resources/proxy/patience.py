"""Patience: how long an upstream may be silent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Patience:
    """Calls ``give_up`` once nothing has been ``heard`` for ``seconds``, unless it is on ``hold``."""

    def __init__(self, reactor: Any, seconds: float, give_up: Callable[[], object]) -> None:
        self.seconds = seconds
        self._reactor = reactor
        self._give_up = give_up
        self._since: float = reactor.seconds()
        self.held = False
        self.ended = False
        self._timer = reactor.callLater(seconds, self._ring)

    def heard(self) -> None:
        """The upstream has taken or sent something."""
        self._since = self._reactor.seconds()

    def hold(self, held: bool) -> None:
        """Whether it is somebody else who is waited for."""
        self.held = held
        self.heard()

    def stop(self) -> None:
        """Nothing is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        left = self.seconds if self.held else self._since + self.seconds - self._reactor.seconds()
        if left > 0:
            self._timer = self._reactor.callLater(left, self._ring)
        else:
            self._timer = None
            self.ended = True
            self._give_up()
