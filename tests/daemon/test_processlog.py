"""The process's logging: what is in effect, and what a reload makes of it."""

from __future__ import annotations

import io
import json
import logging
from pathlib import Path
from textwrap import dedent

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.document import Config
from gramex_twisted.daemon.processlog import ProcessLog
from gramex_twisted.daemon.source import Source
from gramex_twisted.errors import ConfigError
from tests.processes import ProcessTestCase, short_folder


def to_file(name: str) -> str:
    """A ``log:`` section that writes messages into the file ``name``."""
    return f"""
    log:
      formatters: {{bare: {{format: "%(message)s"}}}}
      handlers: {{file: {{class: logging.FileHandler, filename: {name}, formatter: bare}}}}
      loggers: {{gramex.test: {{level: INFO, handlers: [file], propagate: false}}}}
    """


class ProcessLogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.stream = io.StringIO()
        self.log = ProcessLog("text", self.stream)
        self.addCleanup(self.log.close)

    def config(self, text: str) -> Config:
        path = self.folder / "gramex.yaml"
        path.write_text(dedent(text))
        return Source(path).load()

    def written(self, name: str) -> str:
        return Path(self.folder / name).read_text()

    def test_a_reload_moves_the_log_and_what_was_queued_is_written_first(self) -> None:
        logger = logging.getLogger("gramex.test")
        self.log.apply(self.config(to_file(f"{self.folder}/one")))
        logger.info("first")
        self.log.apply(self.config(to_file(f"{self.folder}/two")))
        logger.info("second")
        self.log.close()
        logger.info("nowhere")
        self.assertEqual((self.written("one"), self.written("two")), ("first\n", "second\n"))

    def test_a_section_that_cannot_be_used_is_placed_and_changes_nothing(self) -> None:
        self.log.apply(self.config(to_file(f"{self.folder}/one")))
        broken = to_file(f"{self.folder}/two").replace("[file]", "[files]")
        error = self.assertRaises(ConfigError, self.log.apply, self.config(broken))
        self.assertTrue(error.where.endswith("gramex.yaml:5:40"), error.where)
        logging.getLogger("gramex.test").info("still here")
        self.log.close()
        self.assertEqual(self.written("one"), "still here\n")

    def test_without_a_section_everything_goes_to_the_console(self) -> None:
        self.patch(logging.getLogger(), "handlers", [])
        config = self.config("url: {}")
        config.tree.pop("log", None)
        self.log.apply(config)
        logging.getLogger("gramex.test.other").info("hello")
        self.log.close()
        self.assertIn("gramex.test.other hello\n", self.stream.getvalue())


class FormatTests(ProcessTestCase):
    async def test_json_logs_are_one_object_a_line(self) -> None:
        self.write({"gramex.yaml": "url: {}\n"})
        server = self.spawn("--port", "0", "--log-format", "json")
        await server.line("serving ")
        server.signal(15)
        self.assertEqual(await server.exited(), 0)
        records = [json.loads(line) for line in server.output.splitlines()]
        self.assertIn("SIGTERM: stopping", [record["message"] for record in records])
        self.assertEqual({record["level"] for record in records}, {"info"})
