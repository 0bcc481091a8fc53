"""A channel whose sink is down, slow or refuses: what it holds, sends again and drops, and what it never does."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred, TimeoutError, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.logger import LogEvent, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from gramex_twisted.config.analytics import Analytics, Webhook
from gramex_twisted.services.analytics.about import About
from gramex_twisted.services.analytics.channel import AT_ONCE, Channel
from gramex_twisted.services.analytics.sinks import MOST, Asking, Sink
from gramex_twisted.services.upstream.asking import Answer

ABOUT = About("route", "GET", 200, "http://h/p", "p", "", 0.0, "192.0.2.1", "Firefox")


class PlainSink(Sink):
    """Sends texts, those of one first letter together."""

    def records(self, event: Mapping[str, Any], about: About, client: str) -> Iterator[tuple[str, bytes]]:
        text = event["text"]
        yield text[:1], text.encode()

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        return Asking("", {}, b" ".join(records))

    def left(self, records: Sequence[bytes], answer: Answer) -> Sequence[bytes]:
        return [record for record in records if record in answer.body.split()]


def answer(code: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(code, "", Headers({name.replace("_", "-"): [value] for name, value in headers.items()}), body)


def told(events: Sequence[LogEvent]) -> list[str]:
    """The lines about the channel."""
    return [line for event in events if "analytics.test" in (line := formatEvent(event))]


class ChannelCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.waiting: list[Deferred[Answer]] = []
        self.answers: Any = None
        self.channel = self.make()

    def make(self, **settings: Any) -> Channel:
        sink = PlainSink(Webhook(url="http://h/"))
        return Channel("analytics.test", sink, Analytics.model_validate(settings), self.clock, self.post)

    def post(self, asking: Asking) -> Deferred[Answer]:
        self.sent.append(asking.body)
        if self.answers is not None:
            return self.answers()
        self.waiting.append(Deferred())
        return self.waiting[-1]

    def offer(self, *texts: str, channel: Channel | None = None) -> None:
        for text in texts:
            (channel or self.channel).offer({"text": text}, ABOUT, "")


class BatchTests(ChannelCase):
    def test_events_wait_for_others_for_the_interval(self) -> None:
        self.offer("a1", "a2")
        self.clock.advance(4.9)
        self.assertEqual(self.sent, [])
        self.clock.advance(0.2)
        self.assertEqual(self.sent, [b"a1 a2"])
        self.waiting.pop().callback(answer(204))
        self.assertEqual((self.channel.count, self.channel.losses.total, self.clock.getDelayedCalls()), (0, 0, []))

    def test_a_full_request_is_sent_at_once_and_only_equal_keys_share_one(self) -> None:
        self.offer("b", *["a"] * (MOST + 1))
        self.assertEqual(self.sent, [b" ".join([b"a"] * MOST)])
        self.clock.advance(5)
        self.assertEqual(self.sent[1:], [b"b", b"a"])

    def test_a_few_requests_are_sent_at_a_time_and_the_next_when_one_has_ended(self) -> None:
        self.offer(*"abcdefgh")
        self.clock.advance(5)
        self.assertEqual(len(self.sent), AT_ONCE)
        self.waiting[0].callback(answer(200))
        self.assertEqual(self.sent[-1], b"e")

    def test_many_requests_that_end_at_once_do_not_nest(self) -> None:
        self.answers = lambda: succeed(answer(200))
        channel = self.make(queue=50_000)
        self.offer(*(chr(0x4E00 + number) for number in range(5000)), channel=channel)
        self.clock.advance(5)
        self.assertEqual((len(self.sent), channel.count), (5000, 0))


class FailureTests(ChannelCase):
    def test_a_sink_that_is_down_is_tried_again_with_pauses_then_the_events_are_dropped_with_one_line(self) -> None:
        self.answers = lambda: fail(ConnectionRefusedError(111, "Connection refused"))
        with capturedLogs() as events:
            self.offer("a1", "a2")
            self.clock.advance(5)
            tries = [len(self.sent)]
            for seconds in (1, 2, 4, 8):
                self.clock.advance(seconds)
                tries.append(len(self.sent))
        self.assertEqual(tries, [1, 2, 3, 4, 4])
        lines = told(events)
        self.assertEqual(len(lines), 1, lines)
        self.assertIn("analytics.test: 2 events dropped: Connection was refused", lines[0])
        self.assertEqual((self.channel.count, self.channel.losses.total), (0, 2))

    def test_a_sink_that_fails_inside_is_tried_again(self) -> None:
        answers = iter([answer(500), answer(429), answer(200)])
        self.answers = lambda: succeed(next(answers))
        self.offer("a")
        for seconds in (5, 1, 2):
            self.clock.advance(seconds)
        self.assertEqual((self.sent, self.channel.count, self.channel.losses.total), ([b"a"] * 3, 0, 0))

    def test_a_sink_that_says_when_is_left_alone_until_then_and_no_longer_than_a_minute(self) -> None:
        answers = iter([answer(503, Retry_After="7"), answer(503, Retry_After="86400"), answer(200)])
        self.answers = lambda: succeed(next(answers))
        self.offer("a")
        self.clock.advance(5)
        self.clock.advance(6.9)
        self.assertEqual(len(self.sent), 1)
        self.clock.advance(0.2)
        self.assertEqual(len(self.sent), 2)
        self.clock.advance(60)
        self.assertEqual((len(self.sent), self.channel.losses.total), (3, 0))

    def test_what_is_refused_is_not_sent_again(self) -> None:
        for code in (301, 400, 401, 403, 404, 413):
            self.answers = lambda code=code: succeed(answer(code))
            self.offer("a")
            self.clock.advance(5)
        self.assertEqual((len(self.sent), self.channel.losses.total, self.channel.count), (6, 6, 0))

    def test_what_of_a_request_was_not_taken_is_sent_again_alone(self) -> None:
        answers = iter([answer(200, b"a2"), answer(200)])
        self.answers = lambda: succeed(next(answers))
        self.offer("a1", "a2", "a3")
        self.clock.advance(5)
        self.clock.advance(1)
        self.assertEqual((self.sent, self.channel.losses.total), ([b"a1 a2 a3", b"a2"], 0))

    def test_a_dead_sink_is_told_of_once_a_minute_with_the_count(self) -> None:
        self.answers = lambda: fail(TimeoutError())
        channel = self.make(retries=0)
        with capturedLogs() as events:
            for _ in range(13):
                self.offer("a", channel=channel)
                self.clock.advance(5)
        self.assertEqual(
            [line.partition("analytics.test: ")[2] for line in told(events)],
            ["1 events dropped: no answer within 10 s", "12 events dropped: no answer within 10 s"],
        )

    def test_what_cannot_be_told_is_dropped_and_fails_nobody(self) -> None:
        self.channel.offer({}, ABOUT, "")
        self.channel.offer({"text": "x" * 10_000}, ABOUT, "")
        self.assertEqual((self.channel.losses.total, self.channel.count, self.sent), (2, 0, []))


class MemoryTests(ChannelCase):
    def test_a_sink_that_never_answers_has_no_more_than_the_queue_in_memory(self) -> None:
        channel = self.make(queue=200)
        self.offer(*["a"] * 1000, channel=channel)
        self.clock.advance(5)
        self.offer(*["b"] * 1000, channel=channel)
        self.assertEqual((channel.count, channel.losses.total), (200, 1800))
        self.assertEqual(len(self.waiting), AT_ONCE)

    def test_nothing_is_kept_of_what_has_been_sent_or_dropped(self) -> None:
        codes = iter([200, 403])
        self.answers = lambda: succeed(answer(next(codes)))
        for _ in range(2):
            self.offer("a")
            self.clock.advance(5)
        known = weakref.ref(self.channel)
        self.assertEqual((self.channel._groups, self.channel._sending, len(self.channel._due)), ({}, {}, 0))
        self.assertEqual((self.channel.count, self.clock.getDelayedCalls()), (0, []))
        del self.channel
        self.assertIsNone(known())


class StopTests(ChannelCase):
    def test_stopping_sends_what_waits_and_waits_for_it(self) -> None:
        self.offer("a", "b")
        stopping = self.channel.stop()
        self.assertEqual(self.sent, [b"a", b"b"])
        self.assertNoResult(stopping)
        for waiting in self.waiting:
            waiting.callback(answer(200))
        self.successResultOf(stopping)
        self.assertEqual((self.channel.losses.total, self.clock.getDelayedCalls()), (0, []))

    def test_stopping_does_not_wait_for_a_sink_that_does_not_answer(self) -> None:
        self.offer(*"abcdef")
        stopping = self.channel.stop()
        self.clock.advance(2.9)
        self.assertNoResult(stopping)
        self.clock.advance(0.2)
        self.successResultOf(stopping)
        self.assertEqual((self.channel.count, self.channel.losses.total, self.clock.getDelayedCalls()), (0, 6, []))

    def test_stopping_tries_what_pauses_once_more_and_only_once(self) -> None:
        self.answers = lambda: fail(ConnectionRefusedError())
        self.offer("a")
        self.clock.advance(5)
        self.successResultOf(self.channel.stop())
        self.assertEqual((len(self.sent), self.channel.losses.total), (2, 1))

    def test_what_comes_afterwards_is_dropped(self) -> None:
        self.successResultOf(self.channel.stop())
        self.offer("a")
        self.assertEqual((self.sent, self.channel.losses.total, self.clock.getDelayedCalls()), ([], 1, []))


class HandOverTests(ChannelCase):
    def test_what_waits_and_what_comes_yet_is_the_heirs(self) -> None:
        heir = self.make()
        self.offer("a1", "b1")
        self.channel.hand_over(heir)
        self.offer("a2")
        self.assertEqual((self.channel.count, heir.count), (0, 3))
        self.successResultOf(self.channel.stop())
        self.clock.advance(5)
        self.assertEqual(self.sent, [b"a1 a2", b"b1"])

    def test_what_is_on_its_way_is_the_heirs_when_it_fails(self) -> None:
        heir = self.make()
        self.offer("a", "b")
        self.clock.advance(5)
        self.waiting[0].callback(answer(500))  # now it pauses
        self.channel.hand_over(heir)
        self.waiting[1].callback(answer(500))
        self.assertEqual((self.channel.count, heir.count, self.channel.losses.total), (0, 2, 0))
        self.clock.advance(5)
        self.assertEqual(self.sent, [b"a", b"b"] * 2)

    def test_the_heir_holds_no_more_than_its_queue(self) -> None:
        heir = self.make(queue=3)
        self.offer("a", "b", "c", "d", "e")
        self.channel.hand_over(heir)
        self.assertEqual((heir.count, heir.losses.total), (3, 2))
