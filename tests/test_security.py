"""docs/security.md: each claim has its test."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.python.reflect import namedAny
from twisted.trial.unittest import TestCase

from gramex_twisted.config.settings import Security

PAGE = (Path(__file__).parent.parent / "docs" / "security.md").read_text()


class SecurityPageTests(TestCase):
    def test_every_test_that_it_names_exists(self) -> None:
        names = re.findall(r"`((?:\w+\.)+test_\w+(?:\.\w+)*)`", PAGE)
        self.assertGreater(len(names), 30)
        for name in names:
            namedAny(f"tests.{name}")

    def test_every_claim_names_one(self) -> None:
        tables = re.findall(r"^\|(?: claim | what \|).*\n\| ---.*\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
        rows = [row for table in tables for row in table.splitlines()]
        self.assertGreater(len(rows), 25)
        self.assertEqual([row for row in rows if ".test_" not in row.rpartition(" | ")[2]], [])

    def test_it_tells_the_defaults_of_the_headers(self) -> None:
        for key, field in Security.model_fields.items():
            self.assertRegex(PAGE, rf"\| `{re.escape(str(field.default))}` \| `{key}` \|")
