"""`gramex-twisted run` takes the overrides of Gramex's command line."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from urllib.request import urlopen

from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted import cli
from gramex_twisted.runner import twist_arguments

ROOT = Path(__file__).parent.parent


class ArgumentTests(SynchronousTestCase):
    def test_what_gramex_takes(self) -> None:
        expected = {
            "": [],
            "app": ["--config", "app"],
            "--listen.port=8001": ["--set", "app.listen.port=8001"],
            "--listen.port 8001": ["--set", "app.listen.port=8001"],
            "--app.browser=true": ["--set", "app.browser=true"],
            "--settings.debug": ["--set", "app.settings.debug=true"],
            "--settings.debug --watch=false": ["--set", "app.settings.debug=true", "--set", "app.watch=false"],
            "--log.level=debug": ["--set", "log.loggers.gramex.level=DEBUG", "--set", "log.root.level=DEBUG"],
            "--set=url.x=1 --strict app": ["--set", "url.x=1", "--strict", "--config", "app"],
            "--config a.yaml -p 0": ["--config", "a.yaml", "--port", "0"],
            "--session.expiry=a=b": ["--set", "app.session.expiry=a=b"],
        }
        self.assertEqual({text: twist_arguments(text.split())[1:] for text in expected}, expected)

    def test_mistakes(self) -> None:
        self.assertRaisesRegex(ValueError, "there is a file or folder to serve already", twist_arguments, ["a", "b"])
        self.assertRaisesRegex(ValueError, "--config needs a value", twist_arguments, ["--config"])
        self.patch(sys, "stderr", io.StringIO())
        error = self.assertRaises(SystemExit, cli.main, ["check", "--listen.port=1"])
        self.assertEqual(error.code, 2)


class RunTests(TestCase):
    def test_options_that_are_none_say_so_and_serve_nothing(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "gramex.yaml").write_text("url: {}\n")
        for option, message in {
            "--listen.prot=1": "app.listen: unknown key 'prot'; did you mean 'port'?",
            "--listen.port=x": "app.listen.port: ",
            "--browser.now=1": "app.browser: ",
            "other": "other: there is a file or folder to serve already",
        }.items():
            command = [sys.executable, "-m", "gramex_twisted.cli", "run", str(folder), option]
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRAMEXDATA": str(folder / "data")}
            done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, env=environment, text=True, timeout=60)
            self.assertIn(message, done.stdout)
            self.assertIn(done.returncode, (2, 64), done.stdout)
            self.assertNotIn("Traceback", done.stdout)

    def test_it_serves(self) -> None:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "gramex.yaml").write_text(
            "url: {a: {pattern: /a, handler: FunctionHandler, kwargs: {function: str(1)}}}"
        )
        opened = folder / "opened"
        os.mkfifo(opened)
        browser = folder / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
        browser.chmod(0o755)
        options = ["--listen.port=0", "--listen.address=127.0.0.1", "--app.browser=/a", "--settings.debug"]
        command = [sys.executable, "-m", "gramex_twisted.cli", "run", str(folder), *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "GRAMEXDATA": str(folder / "data")}
        environment["BROWSER"] = f"{browser} %s"
        with Popen(command, stdout=PIPE, stderr=STDOUT, env=environment, text=True) as process:
            self.addCleanup(process.kill)
            assert process.stdout is not None
            line = next(line for line in process.stdout if "serving" in line)
            with urlopen(line.split()[-1].rstrip("/") + "/a", timeout=60) as response:
                self.assertEqual(response.read(), b"1")
            self.assertEqual(opened.read_text().strip(), line.split()[-1].rstrip("/") + "/a")
            process.terminate()
            process.stdout.read()
        self.assertEqual(process.returncode, 0)
