"""The last lines of the log: which are kept, and no more than that."""

from __future__ import annotations

import io
import logging
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.logs import configure
from gramex_twisted.services.logtail import LogTail


def record(text: str, level: int = logging.INFO, **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("some.logger", level, "", 0, text, None, None)
    made.__dict__.update(extra)
    return made


def row(status: int, uri: str) -> tuple[object, ...]:
    return (status, "GET", uri, "127.0.0.1", 0.0012, "home", None, 1000.0, None)


class LogTailTests(SynchronousTestCase):
    def test_events_and_requests_are_kept_in_order(self) -> None:
        tail = LogTail()
        tail.handle(record("one", created=999.0))
        tail.handle(record("rows", rows=[row(200, "/a"), row(500, "/b")]))
        tail.handle(record("bad <script>\x1b[1m", logging.ERROR, created=1001.0))
        self.assertEqual(
            [(line.number, line.level, line.text) for line in tail.lines()],
            [
                (1, 20, "one"),
                (2, 20, "200 GET /a (127.0.0.1) 1.2ms home"),
                (3, 40, "500 GET /b (127.0.0.1) 1.2ms home"),
                (4, 40, "bad <script>\\x1b[1m"),
            ],
        )
        self.assertEqual(tail.lines()[1].time, 1000.0)
        self.assertEqual([line.number for line in tail.lines(logging.WARNING)], [3, 4])
        self.assertEqual([line.number for line in tail.lines(most=1)], [4])
        tail.clear()
        self.assertEqual(tail.lines(), [])

    def test_a_batch_of_the_access_log_is_bounded_too(self) -> None:
        tail = LogTail(lines=20)
        tail.handle(record("rows", rows=[row(200, f"/{n}") for n in range(1000)]))
        self.assertEqual([line.text.split()[2] for line in tail.lines()], [f"/{n}" for n in range(990, 1000)])

    def test_requests_take_no_room_from_other_events(self) -> None:
        tail = LogTail(lines=20)
        tail.handle(record("seen", created=1.0))
        for _ in range(100):
            tail.handle(record("rows", rows=[row(500, "/")]))
        lines = tail.lines()
        self.assertEqual((len(lines), lines[0].text, lines[1].text[:5]), (11, "seen", "500 G"))

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.integers(0, 300), max_size=60))
    def test_lines_and_characters_have_a_bound(self, sizes: list[int]) -> None:
        tail = LogTail(lines=20, size=1000, longest=200)
        for size in sizes:
            tail.handle(record("x" * size))
        lines = tail.lines()
        self.assertLessEqual(len(lines), 20)
        self.assertLessEqual(sum(len(line.text) for line in lines), 1000)
        self.assertTrue(all(len(line.text) <= 230 for line in lines))
        if sizes:
            self.assertEqual(lines[-1].number, len(sizes))

    def test_it_follows_a_log_section_until_it_is_told_not_to(self) -> None:
        section = {
            "handlers": {"console": {"class": "logging.StreamHandler"}},
            "loggers": {"mine.alone": {"level": "INFO", "propagate": False, "handlers": ["console"]}},
            "root": {"level": "INFO", "handlers": ["console"]},
        }
        tail, stream = LogTail(), io.StringIO()
        setup = configure(section, stream=stream)
        try:
            unfollow = setup.follow(tail)
            logging.getLogger("mine.alone").info("by itself")
            logging.getLogger("mine").warning("in %s", threading.current_thread().name)
            logging.getLogger("mine").debug("not of this level")
            unfollow()
            logging.getLogger("mine").warning("no more")
        finally:
            setup()
        texts = [line.text for line in tail.lines()]
        self.assertEqual(texts, ["by itself", "in MainThread"])
        self.assertEqual(stream.getvalue().count("\n"), 3)
