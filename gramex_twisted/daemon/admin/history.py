"""History: what the last ten minutes were like, in samples of five seconds."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from twisted.internet.task import LoopingCall

from gramex_twisted.services.measures import Measures, quantile

#: Seconds between samples, how many are kept, and over how many the reactor's delay and the rate are told.
EVERY, SAMPLES, RECENT = 5.0, 121, 12


@dataclass(frozen=True, slots=True)
class Sample:
    """What had been counted at a moment (the reactor's seconds), and by how many seconds this sample came late."""

    time: float
    classes: tuple[int, ...]
    failures: int
    late: float

    @property
    def count(self) -> int:
        """Requests."""
        return sum(self.classes)


class History:
    """Takes samples of ``measures`` while it runs."""

    def __init__(self, reactor: Any, measures: Measures) -> None:
        self.measures = measures
        self.samples: deque[Sample] = deque(maxlen=SAMPLES)
        self.reactor = reactor
        self._ticker = LoopingCall(self.take)
        self._ticker.clock = reactor
        self._due = 0.0

    def start(self) -> None:
        """Take samples from now on."""
        if not self._ticker.running:
            self.samples.clear()
            self._due = self.reactor.seconds()
            self._ticker.start(EVERY)

    def stop(self) -> None:
        """Take no more."""
        if self._ticker.running:
            self._ticker.stop()

    def take(self) -> None:
        """Take one."""
        now = self.reactor.seconds()
        late = max(0.0, now - self._due)
        self._due = now + EVERY - (now - self._due) % EVERY
        self.samples.append(Sample(now, tuple(self.measures.classes()), self.measures.failures, late))

    @property
    def delay(self) -> float:
        """By how many seconds the reactor was late at most in the last minute."""
        return max([sample.late for sample in list(self.samples)[-RECENT:]], default=0.0)

    def rates(self) -> list[float]:
        """Requests a second between samples, the oldest first."""
        samples = list(self.samples)
        # A reload that drops a route makes its requests uncounted.
        return [
            max(0.0, (after.count - before.count) / (after.time - before.time))
            for before, after in pairwise(samples)
            if after.time > before.time
        ]

    def rate(self) -> float:
        """Requests a second in the last minute, and since the last sample."""
        first, now, count = self._since()
        return max(0.0, (count - first.count) / (now - first.time)) if first is not None and now > first.time else 0.0

    def recent_quantile(self, share: float) -> float | None:
        """Seconds within which this share of the requests of the last minute were answered."""
        first, _, _ = self._since()
        classes = self.measures.classes()
        if first is None:
            return None
        recent = [max(0, after - before) for before, after in zip(first.classes, classes, strict=True)]
        return quantile(recent, share)

    def _since(self) -> tuple[Sample | None, float, int]:
        """The sample of a minute ago, now, and what has been counted until now."""
        samples = list(self.samples)[-RECENT:]
        return (samples[0] if samples else None), self.reactor.seconds(), self.measures.count
