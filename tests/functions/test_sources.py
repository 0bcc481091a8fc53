"""What code user functions are made of."""

from __future__ import annotations

import importlib

from gramex_twisted.functions.sources import sources_of
from tests.functions.modulecase import ModuleCase


class SourcesTests(ModuleCase):
    def sources(self, *names: str) -> dict[str, str]:
        """The sources of user modules, which are imported."""
        for name in names:
            importlib.import_module(name)
        return sources_of(names, self.modules.imported())

    def test_it_follows_every_kind_of_import_and_no_other(self) -> None:
        self.write(
            "main.py", "import plain\nfrom package import inner as x\nimport os\n\ndef f():\n    from deep import g\n"
        )
        self.write("plain.py", "from nowhere_else import value\n")
        self.write("nowhere_else.py", "import main\nvalue = 1\n")
        self.write("deep.py", "g = 1\n")
        self.write("unused.py", "")
        self.write("package/__init__.py", "")
        self.write("package/inner.py", "from . import sibling\nfrom .other.leaf import x\n")
        self.write("package/sibling.py", "")
        self.write("package/other/__init__.py", "from .. import sibling\n")
        self.write("package/other/leaf.py", "x = 1\n")
        for name in ("deep", "unused"):
            importlib.import_module(name)
        self.assertEqual(
            sorted(self.sources("main")),
            [
                "deep",
                "main",
                "nowhere_else",
                "package",
                "package.inner",
                "package.other",
                "package.other.leaf",
                "package.sibling",
                "plain",
            ],
        )
        self.assertEqual(sorted(self.sources("plain")), sorted(self.sources("main")), "they import each other")
        self.assertEqual(sorted(self.sources("package.sibling")), ["package", "package.sibling"])

    def test_the_digest_is_that_of_the_content(self) -> None:
        path = self.write("one.py", "x = 1\n")
        before = self.sources("one")
        path.touch()
        self.assertEqual(self.sources("one"), before)
        path.write_text("x = 2\n")
        self.assertNotEqual(self.sources("one"), before)

    def test_modules_that_are_not_the_users_and_files_that_are_gone_or_broken_are_no_trouble(self) -> None:
        path = self.write("one.py", "import json, two\n")
        two = self.write("two.py", "")
        self.assertEqual(sorted(self.sources("one", "json")), ["one", "two"])
        path.write_text("def broken(:\n")
        self.assertEqual(sorted(self.sources("one")), ["one"])
        two.unlink()
        self.assertEqual(sorted(self.sources("two")), ["two"])
