"""services.logs: a log: section in effect, wrong, replaced and undone."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import sys
from pathlib import Path
from typing import Any

import yaml
from twisted.logger import Logger, LoggingFile
from twisted.trial.unittest import SynchronousTestCase

import gramex_twisted.config
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.accesslog import AccessLog
from gramex_twisted.services.logs import LogSetup, configure
from tests.services.support import ROW

CONSOLE = {"handlers": {"console": {"class": "logging.StreamHandler"}}}


def default_log() -> dict[str, Any]:
    text = Path(gramex_twisted.config.__file__).with_name("defaults.yaml").read_text(encoding="utf-8")
    section: dict[str, Any] = yaml.safe_load(text)["log"]
    return section


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

    def test_handlers_and_formatters_of_gramex_1_are_there_by_name(self) -> None:
        data = Path(self.mktemp())
        section = {
            "handlers": {
                "access-log": {"filename": "$GRAMEXDATA/own.csv"},
                "mine": {
                    "class": "gramex.config.TimedRotatingCSVHandler",
                    "filename": "$GRAMEXDATA/m",
                    "formatter": "message",
                },
            },
            "loggers": {
                "gramex": {"level": "INFO", "handlers": ["gramex-console", "gramex-logfile"], "propagate": False},
                "mine": {"level": "INFO", "handlers": ["mine"], "propagate": False},
            },
            "root": {"level": "INFO", "handlers": ["access-log"]},
        }
        setup = self.configure(section, data_dir=data)
        logging.getLogger("gramex").info("one")
        logging.getLogger("mine").info("two")
        logging.getLogger("other").info("three")
        setup()
        self.assertRegex(self.stream.getvalue(), r"^I \d\d-\w+ \d\d:\d\d:\d\d gramex one\n$")
        self.assertRegex((data / "logs" / "gramex.log").read_text(), r"^I .* gramex:test_logs one\n$")
        self.assertRegex((data / "own.csv").read_text(), r'^I,.*,other:test_logs,\d+,"three"\n$')
        self.assertEqual((data / "m").read_text(), "two\n")

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
