"""functions.importing: user modules that change the process, modules beside imported YAML files, two of one name."""

from __future__ import annotations

import fnmatch
import signal
from typing import Any

from twisted.logger import globalLogPublisher

from gramex_twisted.testing import AppTestCase
from tests.processes import Client, ProcessTestCase

CONFIG = """
import: {sub: sub/gramex.yaml, other: other/gramex.yaml}
url:
  mine: {pattern: /mine, handler: FunctionHandler, kwargs: {function: mine.fn(handler)}}
  path: {pattern: /path, handler: FunctionHandler, kwargs: {function: mine.path(handler)}}
  late: {pattern: /late, handler: FunctionHandler, kwargs: {function: mine.late(handler)}}
  moves: {pattern: /moves, handler: FunctionHandler, kwargs: {function: mine.moves(handler)}}
  file: {pattern: /file, handler: FileHandler, kwargs: {path: page.html, template: true}}
  table: {pattern: /table, handler: FormHandler, kwargs: {url: table.csv}}
"""
FILES = {
    "mine.py": """
        import os, sys
        os.chdir("/")
        sys.path[:] = [place for place in sys.path if "site-packages" not in place]
        import lib
        def fn(handler): return "mine " + lib.NAME
        def path(handler): return any("site-packages" in place for place in sys.path)
        def late(handler):
            import colorsys
            return "late"
        def moves(handler):
            os.chdir("/tmp")
            return os.getcwd()
    """,
    "page.html": "page",
    "table.csv": "a\n1\n",
    "sub/gramex.yaml": "url: {sub: {pattern: /sub, handler: FunctionHandler, kwargs: {function: subs.fn(handler)}}}",
    "sub/subs.py": "import lib\ndef fn(handler): return 'sub ' + lib.NAME\n",
    "sub/lib.py": "NAME = 'lib of sub'\n",
    "other/gramex.yaml": "url: {other: {pattern: /other, handler: FunctionHandler, kwargs: {function: lib.NAME}}}",
    "other/lib.py": "NAME = 'lib of other'\n",
}


class TwoAppsTests(AppTestCase):
    config = "url: {a: {pattern: /a, handler: FunctionHandler, kwargs: {function: twin_of_two.name()}}}"
    files = {"twin_of_two.py": "def name(): return 'first'\n", "fnmatch.py": "", "__init__.py": ""}

    def test_a_module_of_the_same_name_in_another_app_is_named(self) -> None:
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)
        globalLogPublisher.addObserver(self.observe)
        self.lines: list[str] = []
        first = self.folder
        self.folder = first / "second"
        self.write("twin_of_two.py", "def name(): return 'second'\n")
        self.app = self.make_app(self.config)
        self.assertEqual(self.get("/a").text, "first")
        line = next(line for line in self.lines if "twin" in line)
        self.assertEqual(
            line,
            f"there are two modules twin_of_two, and Python knows one of a name: {first}/twin_of_two.py is imported, "
            f"and {self.folder}/twin_of_two.py is not. Rename one",
        )
        self.folder = first
        self.make_app("url: {}")
        self.assertIn(f"two modules fnmatch, and Python knows one of a name: {fnmatch.__file__}", self.lines[-1])

    def observe(self, event: Any) -> None:
        if "two modules" in str(event.get("text")):
            self.lines.append(event["text"])


class ProcessTests(ProcessTestCase):
    async def ask(self, port: int, *paths: str) -> list[str]:
        answers = []
        for path in paths:
            client = await Client.connect(port)
            answers.append((await client.get(path)).body.decode())
            assert client.transport is not None
            client.transport.loseConnection()
        return answers

    async def test_the_server_lives_with_what_modules_do_to_the_process(self) -> None:
        self.write({"gramex.yaml": CONFIG, **FILES})
        server = await self.serve("--config", "gramex.yaml")
        paths = ("/mine", "/sub", "/other", "/path", "/late", "/moves", "/file", "/table")
        expected = ["mine lib of sub", "sub lib of sub", "lib of sub", "true", "late", "/tmp", "page", '[{"a":1}]']
        self.assertEqual(await self.ask(server.port, *paths), expected)
        for message in (
            r"mine takes \[.*site-packages.*\] out of sys\.path, and all other modules with it: it was put back",
            r"mine changes the working directory, of the whole process, to /\. Paths in YAML files stay",
            r"there are two modules lib, .*: \S+/sub/lib\.py is imported, and \S+/other/lib\.py is not\. Rename one",
        ):
            self.assertRegex(server.output, message)
        server.signal(signal.SIGHUP)
        await server.line(r"reloaded")
        self.assertEqual(await self.ask(server.port, *paths), expected)
