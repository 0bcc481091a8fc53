"""The package as twist and pip see it. The slow half, a real wheel and a real editable install, is .ci/wheel."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

from twisted.trial.unittest import TestCase

from gramex_twisted import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


class PluginTests(TestCase):
    def test_twist_lists_gramex_from_the_checkout(self) -> None:
        run = subprocess.run(
            [sys.executable, "-m", "twisted", "--help"], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        self.assertRegex(run.stdout, r"(?m)^ +gramex +Serve what a gramex\.yaml describes$")

    def test_the_plugin_folder_is_no_package(self) -> None:
        """With an __init__.py it would hide Twisted's own plugins, and twisted itself."""
        found = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "twisted").rglob("*.py"))
        self.assertEqual(found, [os.path.join("twisted", "plugins", "gramex_plugin.py")])

    def test_asking_for_help_does_not_load_the_server(self) -> None:
        """`twist --help` imports every plugin: ours must cost nothing to people who run another."""
        code = "import sys, twisted.plugins.gramex_plugin; print(*(m for m in sys.modules if m.startswith('gramex_')))"
        run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
        self.assertEqual((run.stdout.strip(), run.stderr), ("", ""))


class MetadataTests(TestCase):
    def test_every_entry_point_can_be_loaded(self) -> None:
        group = "gramex_twisted.handlers"
        for name, target in PROJECT["entry-points"][group].items():
            self.assertIsInstance(EntryPoint(name, target, group).load(), type, f"{name} = {target}")

    def test_the_script_can_be_called(self) -> None:
        [(name, target)] = PROJECT["scripts"].items()
        module, _, attribute = target.partition(":")
        self.assertEqual(name, "gramex-twisted")
        self.assertTrue(callable(getattr(import_module(module), attribute)))

    def test_the_changelog_begins_with_this_version(self) -> None:
        headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
        self.assertEqual(headings[0], __version__)

    def test_extras_that_name_this_project_name_extras_that_exist(self) -> None:
        extras = PROJECT["optional-dependencies"]
        named = {
            part
            for requirements in extras.values()
            for requirement in requirements
            if (match := re.fullmatch(r"gramex-twisted\[(.*)\]", requirement))
            for part in match[1].split(",")
        }
        self.assertLessEqual(named, set(extras))
