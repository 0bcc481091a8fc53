"""The documentation tells the truth: its YAML loads, its Python compiles, its commands and links exist.

A page's snippets belong together: a YAML snippet may name the modules and files of the page's other snippets, which say
what they are called in a first line such as ``# hello.py`` or ``# data/sales.yaml``.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from twisted.trial.unittest import TestCase

from benchmarks.__main__ import parser as benchmarks_parser
from benchmarks.cases import CASES
from gramex_twisted import cli
from gramex_twisted.tap import Options

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), ROOT / "benchmarks" / "README.md"])
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"# ([\w./-]+\.\w+)\n")
CONSOLE = {"console", "sh", "bash", "shell"}


@dataclass(frozen=True)
class Snippet:
    """One fenced block. ``where`` is ``docs/page.md:12``."""

    where: str
    language: str
    text: str

    @property
    def name(self) -> str | None:
        """The file that its first line says it is."""
        match = NAME.match(self.text)
        return match[1] if match else None


def snippets(page: Path) -> Iterator[Snippet]:
    """The fenced blocks of a page, indentation removed."""
    content = page.read_text()
    for match in FENCE.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        indent = match["indent"]
        text = "".join(text.removeprefix(indent) for text in match["text"].splitlines(keepends=True))
        yield Snippet(f"{page.relative_to(ROOT)}:{line}", match["language"], text)


SNIPPETS = {page: list(snippets(page)) for page in PAGES}
EVERY = [snippet for found in SNIPPETS.values() for snippet in found]


class YamlTests(TestCase):
    def test_every_gramex_yaml_loads_without_an_error_or_a_warning(self) -> None:
        faults: list[str] = []
        for found in SNIPPETS.values():
            for snippet in found:
                if snippet.language == "yaml" and "url" in (yaml.safe_load(snippet.text) or {}):
                    faults += [f"{snippet.where}: {fault}" for fault in self.load(snippet, found)]
        self.assertEqual(faults, [])

    def test_every_other_yaml_parses(self) -> None:
        for snippet in EVERY:
            if snippet.language == "yaml":
                yaml.safe_load(snippet.text)

    def load(self, snippet: Snippet, page: list[Snippet]) -> list[str]:
        """What `gramex-twisted check` says of ``snippet`` as a gramex.yaml in a folder with the page's named files."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir(parents=True)
        for other in page:
            if other.name:
                (folder / other.name).parent.mkdir(parents=True, exist_ok=True)
                (folder / other.name).write_text(other.text)
        (folder / "gramex.yaml").write_text(snippet.text)
        self.addCleanup(forget_modules, folder)
        report = cli.inspect(str(folder / "gramex.yaml"))
        return [str(fault) for fault in (*report.errors, *report.warnings)]


def forget_modules(folder: Path) -> None:
    """Let the next page have modules of the same names."""
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(f"{folder}/"):
            del sys.modules[name]


class PythonTests(TestCase):
    def test_every_python_snippet_compiles(self) -> None:
        for snippet in EVERY:
            if snippet.language == "python":
                compile(snippet.text, snippet.where, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of the console snippets, with where it stands. Environment settings before it are dropped."""
    for snippet in EVERY:
        if snippet.language in CONSOLE:
            for line in snippet.text.replace("\\\n", " ").splitlines():
                if line.startswith("$ "):
                    words = shlex.split(line[2:], comments=True)
                    while words and re.match(r"\w+=", words[0]):
                        del words[0]
                    yield f"{snippet.where}: {line}", words


class CommandTests(TestCase):
    def test_options_given_to_twist_gramex_exist(self) -> None:
        options = Options()
        known = {f"--{name}" for name in options.longOpt} | {f"--{name.rstrip('=')}" for name in options.longOpt}
        unknown = [
            f"{where}: {word}"
            for where, words in commands()
            if words[:2] == ["twist", "gramex"]
            for word in words[2:]
            if word.startswith("--") and word.split("=")[0] not in known
        ]
        self.assertEqual(unknown, [])

    def test_gramex_twisted_has_every_command_that_is_named(self) -> None:
        named = {
            name
            for page in PAGES
            for match in re.finditer(r"`gramex-twisted ([a-z]+(?: \| [a-z]+)*)", page.read_text())
            for name in match[1].split(" | ")
        }
        for name in named:
            self.assertEqual(cli.parser().parse_args([name]).command, name)
        self.assertIn("check", named)

    def test_gramex_twisted_takes_every_command_line_that_is_shown(self) -> None:
        for where, words in commands():
            if words[0] == "gramex-twisted":
                try:
                    cli.parser().parse_args(words[1:])
                except SystemExit:
                    self.fail(where)

    def test_benchmark_commands_parse(self) -> None:
        for _where, words in commands():
            if words[:3] == ["python", "-m", "benchmarks"]:
                options = benchmarks_parser().parse_args(words[3:])
                self.assertLessEqual(set(options.names), set(CASES))

    def test_programs_of_the_checkout_exist(self) -> None:
        missing = [where for where, words in commands() if words[0].startswith(".") and words[0] != "."]
        self.assertEqual([where for where in missing if not (ROOT / shlex.split(where.split("$ ")[1])[0]).exists()], [])

    def test_modules_given_to_trial_exist(self) -> None:
        for where, words in commands():
            if words[0] == "trial":
                for word in words[1:]:
                    if not word.startswith("-"):
                        path = ROOT.joinpath(*word.split("."))
                        self.assertTrue(path.is_dir() or path.with_suffix(".py").is_file(), where)


class LinkTests(TestCase):
    def test_every_relative_link_leads_to_a_file(self) -> None:
        broken = [
            f"{page.relative_to(ROOT)}: {target}"
            for page in PAGES
            for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", FENCE.sub("", page.read_text()))
            if not re.match(r"\w+:", target) and not (page.parent / target).exists()
        ]
        self.assertEqual(broken, [])
