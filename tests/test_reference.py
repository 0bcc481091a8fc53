"""The reference pages are what the option models say."""

from __future__ import annotations

from twisted.trial.unittest import TestCase

from docs.build import FOLDER, PAGES, default, fields, kind
from gramex_twisted.config.settings import Listen, Session
from gramex_twisted.registry import Registry
from gramex_twisted.resources.base import Options


class ReferenceTests(TestCase):
    def test_the_pages_in_the_repository_are_up_to_date(self) -> None:
        for name, made in PAGES.items():
            told = f"docs/{name} is not what the models say: run python -m docs.build"
            self.assertEqual((FOLDER / name).read_text("utf-8"), made(), told)

    def test_every_option_of_every_handler_is_described(self) -> None:
        for made in PAGES.values():
            for line in made().splitlines():
                if line.startswith(("| `", "| [`")):
                    self.assertFalse(line.endswith("|  |"), line)

    def test_the_readme_has_a_row_for_every_handler(self) -> None:
        rows = "".join(
            line for line in (FOLDER.parent / "README.md").read_text("utf-8").splitlines() if line[:1] == "|"
        )
        self.assertEqual([name for name in Registry() if name not in rows], [])

    def test_types_are_told_in_words(self) -> None:
        self.assertEqual(kind(fields(Options)["methods"].annotation), "text or list of texts")
        self.assertEqual(kind(fields(Session)["samesite"].annotation), "`Lax`, `Strict`, `None`")
        self.assertEqual(kind(fields(Session)["expiry"].annotation), "number or `false`")

    def test_defaults_are_told_as_they_would_be_written(self) -> None:
        self.assertEqual(default(fields(Listen)["port"]), "`9988`")
        self.assertEqual(default(fields(Listen)["xheaders"]), "`true`")
        self.assertEqual(default(fields(Listen)["certfile"]), "")
