"""services.logs: a log: section in effect and undone, its formats, its queue, and Twisted's events in it."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import sys
import threading
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.logger import Logger, LoggingFile
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

import gramex_twisted.config
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.accesslog import AccessLog
from gramex_twisted.services.logformat import JsonFormatter, TextFormatter
from gramex_twisted.services.logobserver import StdlibObserver
from gramex_twisted.services.logqueue import HandlerErrors, LogQueue, QueueHandler
from gramex_twisted.services.logs import LogSetup, configure

ROW = (404, "GET", "/x?é=1", "127.0.0.1", 0.0015, "home", "not there", 1_500_000_000.25, None)
CONSOLE = {"handlers": {"console": {"class": "logging.StreamHandler"}}}


def default_log() -> dict[str, Any]:
    text = Path(gramex_twisted.config.__file__).with_name("defaults.yaml").read_text(encoding="utf-8")
    section: dict[str, Any] = yaml.safe_load(text)["log"]
    return section


def record(message: str = "hello", level: int = logging.INFO, **attributes: Any) -> logging.LogRecord:
    made = logging.LogRecord("gramex_twisted.app", level, "", 0, message, (), attributes.pop("exc_info", None))
    made.created = 1_500_000_000.25
    vars(made).update(attributes)
    return made


class Blocking(logging.Handler):
    """Stands in its first record until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.entered = threading.Event()
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.entered.set()
        self.go.wait(30)
        self.messages.append(record.getMessage())


class LogsTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.stream = io.StringIO()

    def configure(self, config: dict[str, Any], **options: Any) -> LogSetup:
        setup = configure(config, **({"stream": self.stream} | options))
        self.addCleanup(setup)
        return setup

    def test_the_default_section_writes_console_lines_and_the_csv_file(self) -> None:
        data = Path(self.mktemp())
        setup = self.configure(default_log(), data_dir=data)
        access_log = AccessLog(None, threaded=False)
        access_log.append((*ROW[:8], ("ann",)))
        logging.getLogger("myapp").info("hello %s", "there")
        setup()
        first, second = self.stream.getvalue().splitlines()
        self.assertRegex(first, r"^W 14-Jul \d\d:40:00 404 GET /x\?é=1 \(127\.0\.0\.1\) 1\.5ms home \[not there\]$")
        self.assertRegex(second, r"^I \d\d-\w+ \d\d:\d\d:\d\d myapp hello there$")
        written = (data / "logs" / "requests.csv").read_text(encoding="utf-8")
        self.assertEqual(written, "1500000000250,127.0.0.1,ann,404,1.5,GET,/x?é=1,not there\n")

    def test_the_csv_file_rotates_weekly(self) -> None:
        setup = self.configure(default_log(), data_dir=self.mktemp())
        handler = setup.handlers["requests"]
        assert isinstance(handler, logging.handlers.TimedRotatingFileHandler)
        self.assertEqual((handler.when, handler.dayOfWeek, handler.backupCount), ("W0", 0, 52))

    def test_json_makes_every_console_line_an_object(self) -> None:
        setup = self.configure(default_log(), data_dir=self.mktemp(), format="json")
        AccessLog(None, threaded=False).append(ROW)
        try:
            raise ValueError("no")
        except ValueError:
            logging.getLogger("myapp").exception("failed")
        setup()
        request, failure = map(json.loads, self.stream.getvalue().splitlines())
        self.assertEqual(
            request,
            {
                "time": "2017-07-14T02:40:00.250+00:00",
                "level": "warning",
                "logger": "gramex.access",
                "status": 404,
                "method": "GET",
                "uri": "/x?é=1",
                "ip": "127.0.0.1",
                "duration": 1.5,
                "route": "home",
                "error": "not there",
            },
        )
        self.assertEqual((failure["level"], failure["logger"], failure["message"]), ("error", "myapp", "failed"))
        self.assertIn("ValueError: no", failure["exception"])

    def test_a_formatter_of_the_users_own_sees_the_lines_as_the_message(self) -> None:
        setup = self.configure(
            {
                "formatters": {"mine": {"format": "<%(levelname)s %(message)s>"}},
                "handlers": {"c": {"class": "logging.StreamHandler", "formatter": "mine"}},
                "loggers": {"gramex.access": {"level": "INFO", "propagate": False, "handlers": ["c"]}},
            }
        )
        AccessLog(None, threaded=False).append(ROW)
        setup()
        self.assertEqual(
            self.stream.getvalue(), "<WARNING 404 GET /x?é=1 (127.0.0.1) 1.5ms home [not there]>\n"
        )  # fmt: skip

    def test_undoing_puts_every_logger_back_and_leaves_others_alone(self) -> None:
        names = None, "gramex.access", "gramex.requests", "bystander"

        def state() -> list[Any]:
            loggers = [logging.getLogger(name) for name in names]
            return [(x.level, x.propagate, x.disabled, x.handlers[:], x.filters[:]) for x in loggers]

        before = state()
        setup = self.configure(default_log(), data_dir=self.mktemp())
        self.assertEqual(state()[3], before[3])
        self.assertNotEqual(state(), before)
        setup()
        self.assertEqual(state(), before)

    def test_a_replacement_takes_over_the_stream_and_a_wrong_one_changes_nothing(self) -> None:
        root = {"level": "INFO", "handlers": ["console"]}
        first = self.configure({**CONSOLE, "root": root})
        with self.assertRaises(ConfigError):
            configure({**CONSOLE, "root": {"level": "LOUD"}}, replaces=first)
        logging.getLogger("myapp").info("one")
        second = configure({**CONSOLE, "root": {**root, "level": "WARNING"}}, replaces=first)
        self.addCleanup(second)
        logging.getLogger("myapp").info("unseen")
        logging.getLogger("myapp").warning("two")
        second()
        self.assertEqual([line.split()[-1] for line in self.stream.getvalue().splitlines()], ["one", "two"])

    def test_each_mistake_is_named_with_its_place(self) -> None:
        blocked = Path(self.mktemp())
        blocked.write_text("a file")
        stream = {"class": "logging.StreamHandler"}
        for config, where, message in [
            ({"handlers": {"x": {"class": "no.such.Handler"}}}, "log.handlers.x", "Cannot resolve 'no.such.Handler'"),
            ({"handlers": {"x": {"level": "INFO"}}}, "log.handlers.x", "it needs a class:"),
            ({"handlers": {"x": {**stream, "colour": 1}}}, "log.handlers.x", "unexpected keyword argument 'colour'"),
            ({"handlers": {"x": {**stream, "level": "LOUD"}}}, "log.handlers.x", "Unknown level: 'LOUD'"),
            ({"handlers": {"x": {**stream, "formatter": "f"}}}, "log.handlers.x", "Unable to set formatter 'f'"),
            ({"handlers": ["x"]}, "log.handlers", "it must be a mapping of names"),
            ({"formatters": {"f": {"()": "no.such.formatter"}}}, "log.formatters.f", "No module named 'no'"),
            ({**CONSOLE, "root": {"handlers": ["cnsole"]}}, "log.root.handlers", "there are: console"),
            ({"loggers": {"a.b": {"level": 1.5}}}, "log.loggers.a.b.level", "Level not an integer"),
            ({"loggers": {"a": ["x"]}}, "log.loggers.a", "it must be a mapping with level: and handlers:"),
            (
                {"handlers": {"x": {"class": "logging.FileHandler", "filename": f"{blocked}/x.log", "delay": True}}},
                "log.handlers.x.filename",
                str(blocked),
            ),
            (
                {"handlers": {"x": {"class": "logging.FileHandler", "filename": str(blocked.parent)}}},
                "log.handlers.x.filename",
                "cannot write to",
            ),
        ]:
            with self.assertRaises(ConfigError) as caught:
                configure(config)
            self.assertEqual(caught.exception.where, where)
            self.assertIn(message, caught.exception.message)

    def test_a_mistake_is_placed_in_the_file_where_its_mark_is_known(self) -> None:
        marks = {("log", "handlers", "x"): "gramex.yaml:3:5"}
        with self.assertRaises(ConfigError) as caught:
            configure({"handlers": {"x": {"class": "no.such.Handler"}}}, marks=marks)
        self.assertTrue(str(caught.exception).startswith("gramex.yaml:3:5: log.handlers.x: "), caught.exception)

    def test_the_section_itself_is_not_changed(self) -> None:
        section = default_log()
        self.configure(section, data_dir=self.mktemp())
        self.assertEqual(section, default_log())

    def test_handlers_that_wrap_others_are_made_after_them(self) -> None:
        memory = {"class": "logging.handlers.MemoryHandler", "capacity": 1, "target": "z", "flushLevel": "INFO"}
        setup = self.configure(
            {
                "handlers": {"a": memory, "z": {"class": "logging.StreamHandler"}},
                "loggers": {"myapp": {"level": "INFO", "handlers": ["a"], "propagate": False}},
            }
        )
        logging.getLogger("myapp").info("through both")
        setup()
        self.assertIn("myapp through both", self.stream.getvalue())

    def test_twists_file_becomes_the_consoles_stream(self) -> None:
        setup = self.configure({**CONSOLE, "root": {"level": "INFO", "handlers": ["console"]}})
        out_file = io.StringIO()
        observer = setup.observer(out_file)
        Logger("my.namespace", observer=observer).warn("{what} happened", what="it")
        setup()
        self.assertEqual(self.stream.getvalue(), "")
        self.assertRegex(out_file.getvalue(), r"^W \S+ \S+ my\.namespace it happened\n$")

    def test_a_redirected_stderr_is_never_a_console(self) -> None:
        self.patch(sys, "stderr", LoggingFile(Logger("stderr")))
        console = {"class": "logging.StreamHandler", "stream": "ext://sys.stderr"}
        setup = self.configure({"handlers": {"console": console}})
        handler = setup.handlers["console"]
        assert isinstance(handler, logging.StreamHandler)
        self.assertIs(handler.stream, self.stream)


class ObserverTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.records: list[logging.LogRecord] = []
        logger = logging.getLogger("test.observer")
        handler = logging.Handler()
        handler.emit = self.records.append  # type: ignore[method-assign]
        before = logger.level, logger.propagate
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False

        def restore() -> None:
            logger.removeHandler(handler)
            logger.setLevel(before[0])
            logger.propagate = before[1]

        self.addCleanup(restore)
        self.log = Logger("test.observer", observer=StdlibObserver())

    def test_levels_names_and_messages_are_kept(self) -> None:
        self.log.debug("below the logger's level")
        self.log.info("{n} things", n=3)
        self.log.critical("100% {not_there!r}", not_there="x")
        self.assertEqual(
            [(r.name, r.levelname, r.getMessage()) for r in self.records],
            [("test.observer", "INFO", "3 things"), ("test.observer", "CRITICAL", "100% 'x'")],
        )
        self.assertEqual(self.records[0].module, "observer")

    def test_a_failure_becomes_exc_info_with_its_traceback(self) -> None:
        def divide() -> float:
            return 1 / 0

        try:
            divide()
        except ZeroDivisionError:
            self.log.failure("while dividing")
        self.log.failure("cleaned", Failure(LookupError("bare")))
        text = TextFormatter().format(self.records[0])
        self.assertIn("while dividing\n    Traceback (most recent call last):", text)
        self.assertIn("in divide", text)
        self.assertIn("ZeroDivisionError: division by zero", text)
        self.assertIn("LookupError: bare", TextFormatter().format(self.records[1]))


class FormatTest(SynchronousTestCase):
    def test_a_text_line_is_level_time_logger_message(self) -> None:
        line = TextFormatter().format(record())
        self.assertRegex(line, r"^I 14-Jul \d\d:40:00 gramex_twisted\.app hello$")

    @settings(deadline=None, max_examples=100)
    @given(st.text(), st.text())
    def test_no_message_forges_a_line_or_drives_the_terminal(self, message: str, uri: str) -> None:
        line = TextFormatter().format(record(message))
        head, *rest = line.split("\n")
        self.assertTrue(head.startswith("I "))
        self.assertEqual([text[:4] for text in rest], ["    "] * len(rest))
        self.assertNotRegex(line, r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
        fields = json.loads(JsonFormatter().format(record(message)))
        self.assertEqual(fields["logger"], "gramex_twisted.app")
        self.assertNotIn("\n", JsonFormatter().format(record(message)))

    def test_two_rows_are_two_lines_with_their_own_times(self) -> None:
        later = (200, "GET", "/y", "::1", 2.0, "other", None, 1_500_000_001.0, None)
        lines = TextFormatter().format(record("ignored", rows=[ROW, later])).split("\n")
        self.assertRegex(lines[0], r"^I \S+ \d\d:40:00 404 GET ")
        self.assertRegex(lines[1], r"^I \S+ \d\d:40:01 200 GET /y \(::1\) 2000\.0ms other$")


class QueueTest(SynchronousTestCase):
    def setUp(self) -> None:
        self.handler = Blocking()
        self.queue = LogQueue(limit=5)
        self.addCleanup(self.queue.stop)
        self.addCleanup(self.handler.go.set)

    def test_a_blocked_handler_blocks_nobody_and_the_loss_is_counted(self) -> None:
        handler = QueueHandler(self.queue, [self.handler])
        for n in range(9):
            handler.handle(record(str(n)))
        self.assertEqual(self.handler.messages, [])
        self.handler.go.set()
        self.assertTrue(self.queue.flush())
        lost = "4 lines are missing from this log: writing it was too slow"
        self.assertEqual(self.handler.messages, ["0", lost, "1", "2", "3", "4"])

    def test_rows_count_as_lines(self) -> None:
        for _ in range(3):
            self.queue.put(record(rows=[ROW, ROW]), [self.handler])
        self.handler.go.set()
        self.queue.flush()
        self.assertEqual(len(self.handler.messages), 3)
        self.assertIn("2 lines are missing", self.handler.messages[1])

    def test_the_message_is_made_when_it_is_logged(self) -> None:
        things = ["now"]
        made = record("%s")
        made.args = (things,)
        QueueHandler(self.queue, [self.handler]).handle(made)
        things.append("later")
        self.handler.go.set()
        self.queue.flush()
        self.assertEqual(self.handler.messages, ["['now']"])

    def test_stopping_writes_what_is_queued_and_drops_what_comes_later(self) -> None:
        self.handler.go.set()
        for n in range(3):
            self.queue.put(record(str(n)), [self.handler])
        self.queue.stop()
        self.queue.put(record("late"), [self.handler])
        self.assertEqual(self.handler.messages, ["0", "1", "2"])

    def test_stopping_does_not_wait_for_ever(self) -> None:
        self.queue.put(record(), [self.handler])
        self.assertTrue(self.handler.entered.wait(10))
        self.queue.stop(timeout=0.01)
        self.assertEqual(self.handler.messages, [])

    def test_handlers_get_records_of_their_level_only(self) -> None:
        self.handler.go.set()
        self.handler.setLevel(logging.WARNING)
        for level in (logging.INFO, logging.ERROR):
            self.queue.put(record(str(level), level), [self.handler])
        self.queue.flush()
        self.assertEqual(self.handler.messages, ["40"])

    def test_a_handler_that_cannot_write_is_reported_once_on_the_real_stderr(self) -> None:
        class Full(logging.StreamHandler):  # type: ignore[type-arg]
            def flush(self) -> None:
                raise OSError(28, "No space left on device")

        real = io.StringIO()
        self.patch(sys, "__stderr__", real)
        handler = Full(io.StringIO())
        handler.set_name("disk")
        HandlerErrors().watch(handler)
        for _ in range(3):
            handler.handle(record())
        self.assertEqual(
            real.getvalue(), "log handler disk cannot write: OSError: [Errno 28] No space left on device\n"
        )
        handler.flush = lambda: None  # type: ignore[method-assign]
