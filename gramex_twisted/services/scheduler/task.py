"""Task: one thing that runs at given times, and its timer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.schedules import Times

log = Logger()
#: Seconds after which a timer looks at the clock again, since clocks are set, and machines sleep.
LONGEST_SLEEP = 60.0


@dataclass(frozen=True)
class Run:
    """A run that has ended: when it began (seconds since 1970), how long it took, and what it raised."""

    began: float
    seconds: float
    error: str = ""


class Task:
    """Runs ``work()`` at its ``times``.

    :param name: ``schedule.report``.
    :param identity: equal where a task of the configuration before is the same: it then keeps its next time.
    :param work: what it does; its errors are logged.
    """

    def __init__(
        self, reactor: Any, name: str, times: Times, identity: object, work: Callable[[], Awaitable[Any]]
    ) -> None:
        self.name = name
        self.times = times
        self.identity = identity
        self.work = work
        self.next: float | None = None
        """When it runs next, in seconds since 1970; None: never again, or it has not been started."""
        self.last: Run | None = None
        self.began: float | None = None
        """When the run began that is going on."""
        self.before: Task | None = None
        """The task of the configuration before, while it still runs."""
        self._reactor = reactor
        self._timer: Any = None
        self.failed: Callable[[BaseException], object] | None = None  # called with what a run has raised
        self._cut = False
        self._going: Deferred[None] | None = None
        self._waiting: list[Deferred[None]] = []

    @property
    def running(self) -> float | None:
        """Since when it runs, also where it was begun before a reload; None where it does not."""
        if self.began is None and self.before is not None:
            return self.before.running
        return self.began

    def start(self, due: Callable[[Task], object], before: Task | None = None) -> None:
        """Call ``due(self)`` at each of its times from now on, going on where ``before`` has stopped."""
        now = self._reactor.seconds()
        self.before = before if before is not None and before.running is not None else None
        self.last = None if before is None else before.last
        same = before is not None and before.identity == self.identity
        self.next = before.next if same and before is not None else self._after(now)
        self._due = due
        if self.times.both:
            log.warn("{name}: minutes:, hours: and so on have no effect beside every:", name=self.name)
        if self.next is not None:
            log.info("{name}: next run {when}", name=self.name, when=self.shown(self.next))
        elif self.times.timed and not self.times.startup:
            log.warn("{name}: never runs again: its years are over", name=self.name)
        self._sleep()

    def stop(self) -> None:
        """Run no more by itself. ``next`` stays, for the task that goes on in its place."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None

    def cancel(self) -> None:
        """End the run that is going on, where it waits for something on the reactor."""
        if self._going is not None:
            self._cut = True
            self._going.cancel()

    def run(self) -> Deferred[None]:
        """Run it now; fires when it has ended, however it did."""
        self.began = self._reactor.seconds()
        self._going = Deferred.fromCoroutine(self._run())
        return self._going

    def ended(self) -> Deferred[None]:
        """Fires when the run that is going on has ended, or nobody wants to wait any longer."""
        waiting: Deferred[None] = Deferred(lambda cancelled: cancelled.callback(None))
        if self.began is None:
            waiting.callback(None)
        else:
            self._waiting.append(waiting)
        return waiting

    async def _run(self) -> None:
        began, error = self.began or 0.0, ""
        try:
            await self.work()
        except (Exception, SystemExit, asyncio.CancelledError) as raised:  # noqa: BLE001 - a user's function
            error = f"{type(raised).__name__}: {raised}".rstrip(": ")
            if self._cut:
                log.warn("{name}: cut short, since the server stops", name=self.name)
            else:
                log.failure("{name}: {error}", Failure(), name=self.name, error=error)
                if self.failed is not None:
                    self.failed(raised)
        seconds = self._reactor.seconds() - began
        self.last, self.began, self._going = Run(began, seconds, error), None, None
        if not error:
            quick = self.times.every is not None and self.times.every < LONGEST_SLEEP
            tell = log.debug if quick else log.info
            tell("{name}: done in {seconds:.1f} s", name=self.name, seconds=seconds)
        waiting, self._waiting = self._waiting, []
        for deferred in waiting:
            if not deferred.called:
                deferred.callback(None)

    def advance(self) -> None:
        """Sleep until the time after the one that has come."""
        now = self._reactor.seconds()
        if self.next is not None and self.times.every:
            behind = max(0.0, now - self.next)
            self.next += self.times.every * (behind // self.times.every + 1)
        else:
            self.next = self._after(now)
        if self.next is None:
            log.info("{name}: no more runs", name=self.name)
        self._sleep()

    def again(self, seconds: float) -> None:
        """The time that has come could not be used: try again in so many seconds."""
        self._timer = self._reactor.callLater(seconds, self._wake)

    def shown(self, moment: float) -> str:
        """A moment as the log shows it."""
        zone = UTC if self.times.utc else None
        return datetime.fromtimestamp(moment, UTC).astimezone(zone).isoformat(" ", "seconds")

    def _after(self, now: float) -> float | None:
        if self.times.every:
            return now + self.times.every
        return self.times.cron.next(now) if self.times.cron else None

    def _sleep(self) -> None:
        self.stop()
        if self.next is not None:
            left = max(0.0, self.next - self._reactor.seconds())
            self._timer = self._reactor.callLater(min(left, LONGEST_SLEEP), self._wake)

    def _wake(self) -> None:
        now = self._reactor.seconds()
        if self.next is not None and self.times.every and self.next - now > self.times.every:
            self.next = now + self.times.every  # the clock was put back
        if self.next is not None and self.next <= now:
            self._due(self)
        else:
            self._sleep()
