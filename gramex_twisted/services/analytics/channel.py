"""Channel: what waits for one sink, and what is on its way there. It delays and fails nobody else.

Records wait until there is a request full of them, or ``interval`` seconds. A request that fails is sent again after a
pause; after ``retries`` of that its records are dropped. Not more than ``queue`` records are held, sent ones included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.config.analytics import Analytics
from gramex_twisted.services.analytics.about import About
from gramex_twisted.services.analytics.delivery import Delivery, Post
from gramex_twisted.services.analytics.losses import Losses
from gramex_twisted.services.analytics.sinks import LONGEST, MOST, Sink

log = Logger()

#: Requests of one channel at a time.
AT_ONCE = 4


class Channel:
    """Sends events to ``sink``. ``count``: records that it holds; ``losses``: those that it has dropped.

    :param post: sends a request, and fails when there is no answer within ``settings.timeout`` seconds.
    """

    def __init__(self, name: str, sink: Sink, settings: Analytics, reactor: Any, post: Post) -> None:
        self.name = name
        self.sink = sink
        self.settings = settings
        self.count = 0
        self.losses = Losses(name, reactor)
        self._reactor = reactor
        self._post = post
        self._groups: dict[str, list[bytes]] = {}
        self._due: deque[tuple[str, Sequence[bytes]]] = deque()
        self._sending: dict[Delivery, Deferred[None]] = {}
        self._timer: Any = None
        self._heir: Channel | None = None
        self._stopped: Deferred[None] | None = None
        self._pumping = False
        self._failing = False

    def offer(self, event: Mapping[str, Any], about: About, client: str) -> None:
        """Send what there is to tell of one request, soon. Never fails."""
        try:
            records = list(self.sink.records(event, about, client))
        except Exception as error:  # noqa: BLE001 - it is made of whatever user code has put into the event
            self.losses.add(1, f"{about.route}: an event that cannot be told: {type(error).__name__}: {error}")
            return
        for key, record in records:
            if len(record) > LONGEST:
                self.losses.add(1, f"{about.route}: an event of {len(record)} bytes, which is over {LONGEST}")
            else:
                self.take(key, record)

    def take(self, key: str, record: bytes) -> None:
        """Send one record."""
        if self._heir is not None:
            self._heir.take(key, record)
        elif self._stopped is not None:
            self.losses.add(1, "the server stops")
        elif self.count >= self.settings.queue:
            self.losses.add(1, f"{self.count} wait already")
        else:
            self.count += 1
            group = self._groups.setdefault(key, [])
            group.append(record)
            if len(group) >= MOST:
                self._due.append((key, self._groups.pop(key)))
                self._pump()
            elif self._timer is None:
                self._timer = self._reactor.callLater(self.settings.interval, self.flush)

    def flush(self) -> None:
        """Send what there is."""
        self._cancel_timer()
        groups, self._groups = self._groups, {}
        self._due.extend(groups.items())
        self._pump()

    def _cancel_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()

    # On their way -----------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        if self._pumping:
            return  # a request that has ended at once: the loop below goes on
        self._pumping = True
        try:
            while self._due and len(self._sending) < AT_ONCE:
                self._send(*self._due.popleft())
        finally:
            self._pumping = False

    def _send(self, key: str, records: Sequence[bytes]) -> None:
        delivery = Delivery(self._reactor, self.sink, self.settings, self._post, key, records)
        if self._stopped is not None:
            delivery.hurry()
        running: Deferred[None] = Deferred.fromCoroutine(delivery.run())
        self._sending[delivery] = running
        running.addBoth(self._ended, delivery, len(records))

    def _ended(self, result: Any, delivery: Delivery, count: int) -> None:
        del self._sending[delivery]
        self.count -= count
        left = delivery.left
        if isinstance(result, Failure):
            self.losses.add(len(left), delivery.reason or f"given up: {result.getErrorMessage()}")
        elif left and self._heir is not None:
            for record in left:
                self._heir.take(delivery.key, record)
        elif left:
            self._failing = True
            self.losses.add(len(left), delivery.reason)
        elif self._failing:
            self._failing = False
            self.losses.tell()
            log.info("{name}: events are taken again", name=self.name)
        self._pump()
        if self._stopped is not None and not self._sending and not self._stopped.called:
            self._stopped.callback(None)

    # The end ----------------------------------------------------------------------------------------------------------

    def hand_over(self, heir: Channel) -> None:
        """Give what waits, and what comes yet, to another channel of the same sink."""
        self._heir = heir
        self._cancel_timer()
        groups, self._groups = self._groups, {}
        due, self._due = self._due, deque()
        for key, records in (*due, *groups.items()):
            self.count -= len(records)
            for record in records:
                heir.take(key, record)
        for delivery in list(self._sending):
            delivery.give_back()

    def stop(self) -> Deferred[None]:
        """Send what there is, and take no more. Fires when that is done, or after ``stop_timeout`` seconds."""
        if self._stopped is not None:
            return succeed(None)
        stopped: Deferred[None] = Deferred()
        self._stopped = stopped
        self.flush()
        for delivery in list(self._sending):
            delivery.hurry()
        if not self._sending:
            if not stopped.called:
                stopped.callback(None)
        else:
            timer = self._reactor.callLater(self.settings.stop_timeout, self._give_up)
            stopped.addCallback(lambda _: timer.cancel() if timer.active() else None)
        return stopped.addCallback(lambda _: self.losses.tell())

    def _give_up(self) -> None:
        due, self._due = self._due, deque()
        for _, records in due:
            self.count -= len(records)
            self.losses.add(len(records), "the server stops")
        for running in list(self._sending.values()):
            running.cancel()
