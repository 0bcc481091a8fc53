"""Delivery: some records on their way to a sink, tried several times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, TimeoutError

from gramex_twisted.config.analytics import Analytics
from gramex_twisted.services.analytics.sinks import Asking, Sink
from gramex_twisted.services.upstream.asking import Answer

#: Seconds that a pause lasts at most, whatever the server asks for.
LONGEST_PAUSE = 60.0

Post = Callable[[Asking], Deferred[Answer]]


@dataclass(frozen=True)
class Outcome:
    """What an attempt came to.

    ``left``: what was not taken, for ``reason``; ``pause``: seconds that the server wants to be left alone, None where
    trying again is in vain.
    """

    left: Sequence[bytes]
    reason: str = ""
    pause: float | None = None


class Delivery:
    """Sends ``records``. ``left`` are those that have not been taken, ``reason`` says why.

    :param post: sends a request; must not take for ever.
    """

    def __init__(
        self, reactor: Any, sink: Sink, settings: Analytics, post: Post, key: str, records: Sequence[bytes]
    ) -> None:
        self.key = key
        self.left = records
        self.reason = ""
        self._reactor = reactor
        self._sink = sink
        self._settings = settings
        self._post = post
        self._hurried = False
        self._handed_over = False
        self._waking: Deferred[None] | None = None

    def hurry(self) -> None:
        """The server stops: try once more at most, and now."""
        self._hurried = True
        self._wake()

    def give_back(self) -> None:
        """Do not try again: somebody else will."""
        self._handed_over = True
        self._wake()

    async def run(self) -> None:
        """Send them; comes back when all are taken, or there is nothing more to do. Can be cancelled at any time."""
        for attempt in range(self._settings.retries + 1):
            last = self._hurried
            outcome = await self._try()
            self.left, self.reason = outcome.left, outcome.reason
            if not self.left or last or outcome.pause is None or attempt == self._settings.retries:
                return
            if not self._hurried and not self._handed_over:
                pause = max(self._settings.backoff * 2**attempt, outcome.pause)
                await self._pause(min(pause, LONGEST_PAUSE))
            if self._handed_over:
                return

    async def _try(self) -> Outcome:
        records = self.left
        try:
            asking = self._sink.request(self.key, records, datetime.now(UTC))
            answer = await self._post(asking)
        except CancelledError:
            raise
        except TimeoutError:
            return Outcome(records, f"no answer within {self._settings.timeout:g} s", 0)
        except Exception as error:  # noqa: BLE001 - whatever keeps them from being sent may be over soon
            return Outcome(records, explained(error), 0)
        if not 200 <= answer.code < 300:
            reason = f"{answer.code} {answer.phrase}".rstrip()
            return Outcome(records, reason, wanted_pause(answer) if self._sink.may_pass(answer) else None)
        return Outcome(self._sink.left(records, answer), "not all were taken", 0)

    async def _pause(self, seconds: float) -> None:
        self._waking = Deferred()
        timer = self._reactor.callLater(seconds, self._wake)
        try:
            await self._waking
        finally:
            self._waking = None
            if timer.active():
                timer.cancel()

    def _wake(self) -> None:
        waking, self._waking = self._waking, None
        if waking is not None:
            waking.callback(None)


def wanted_pause(answer: Answer) -> float:
    """The seconds of a Retry-After header; 0 without one."""
    values = answer.headers.getRawHeaders(b"Retry-After") or []
    with suppress(ValueError, IndexError):
        return min(max(float(values[0]), 0.0), LONGEST_PAUSE)
    return 0.0


def explained(error: BaseException) -> str:
    """Why no answer came, in one line."""
    reasons = getattr(error, "reasons", None)  # of Twisted's HTTP client, which wraps what happened
    if reasons:
        error = reasons[0].value
    return " ".join((str(error) or type(error).__name__).split())[:200]
