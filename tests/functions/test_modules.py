"""User modules: which they are, and that an edit is seen at the next import, however quick."""

import json
import os
import sys
from pathlib import Path

from gramex_twisted.functions import ModuleSet
from gramex_twisted.functions.modules import is_installed
from tests.functions.modulecase import ModuleCase


class UserModules(ModuleCase):
    def test_they_are_those_in_the_folders(self) -> None:
        self.write("mine.py", "import json\n")
        self.write("space/inner.py", "x = 1\n")
        self.compile("[mine.json, space.inner.x]")
        self.assertEqual(set(self.modules.imported()), {"mine", "space", "space.inner"})
        self.assertEqual(self.modules.files(), {self.folder / "mine.py", self.folder / "space" / "inner.py"})
        self.assertEqual(set(ModuleSet([self.folder / "elsewhere"]).imported()), set())

    def test_what_is_installed_or_running_is_not_theirs(self) -> None:
        anywhere = ModuleSet()
        for name in ("json", "hypothesis", "twisted.internet.defer", "gramex_twisted.functions", "__main__", "sys"):
            self.assertEqual((name, anywhere.is_user(sys.modules[name])), (name, False))
        self.assertTrue(anywhere.is_user(sys.modules[__name__]))
        self.assertNotIn("gramex_twisted", ModuleSet([Path(__file__).parents[2]]).imported())

    def test_a_virtual_environment_inside_the_app_is_not_theirs(self) -> None:
        inside = self.write("venv/lib/python3.11/site-packages/vendored.py", "x = 1\n")
        self.assertTrue(is_installed(str(inside)))
        self.assertTrue(is_installed(json.__file__))
        self.assertFalse(is_installed(str(self.folder / "mine.py")))

    def test_a_folder_by_a_symlink_is_the_same_folder(self) -> None:
        self.write("mine.py", "")
        link = self.folder.with_name("link")
        os.symlink(self.folder, link)
        self.compile("mine")
        self.assertEqual(set(ModuleSet([link]).imported()), {"mine"})
        self.assertEqual(set(ModuleSet([str(self.folder)[:-1]]).imported()), set())


class Reload(ModuleCase):
    def test_an_edit_in_the_same_second_and_size_is_seen(self) -> None:
        source = self.write("mine.py", "x = 1\n")
        os.utime(source, (1000, 1000))
        self.assertEqual(self.compile("mine.x")(None), 1)
        source.write_text("x = 2\n")
        os.utime(source, (1000, 1000))
        self.modules.forget()
        self.assertEqual(self.compile("mine.x")(None), 2)

    def test_a_mend_of_a_module_that_failed_is_seen_in_the_same_second(self) -> None:
        source = self.write("mine.py", "x = 1/0\n")
        self.write("other.py", "from mine import x\n")
        os.utime(source, (1000, 1000))
        self.assertIn("ZeroDivisionError", self.message("other.x"))
        source.write_text("x = 1/1\n")
        os.utime(source, (1000, 1000))
        self.assertEqual(self.compile("other.x")(None), 1.0)

    def test_a_new_file_is_seen(self) -> None:
        self.assertIn("no module named", self.message("fresh.x"))
        (self.folder / "fresh.py").write_text("x = 1\n")
        self.modules.forget()
        self.assertEqual(self.compile("fresh.x")(None), 1)

    def test_restoring_puts_the_old_modules_back_and_drops_the_new(self) -> None:
        self.write("pkg/__init__.py", "from . import part\n")
        self.write("pkg/part.py", "x = 1\n")
        self.compile("pkg.part.x")
        old = dict(self.modules.imported())
        saved = self.modules.forget()
        self.assertEqual(self.modules.imported(), {})
        self.write("pkg/part.py", "x = 2\n")
        self.write("late.py", "")
        self.assertEqual(self.compile("[late, pkg.part.x]")(None)[1], 2)
        self.modules.restore(saved)
        self.assertEqual(self.modules.imported(), old)
        self.assertIs(sys.modules["pkg"].part, old["pkg.part"])
        self.assertEqual(self.compile("pkg.part.x")(None), 1)

    def test_restoring_mends_a_parent_that_stayed(self) -> None:
        self.write("far/__init__.py", "import os\n__path__.append(os.path.dirname(__file__) + '/../near')\n")
        self.write("near/part.py", "x = 1\n")
        self.compile("far.part.x")
        near = ModuleSet([self.folder / "near"])
        old = sys.modules["far.part"]
        saved = near.forget()
        self.assertEqual(set(saved), {"far.part"})
        del sys.modules["far"].part
        self.compile("far.part.x")
        self.assertIsNot(sys.modules["far"].part, old)
        near.restore(saved)
        self.assertIs(sys.modules["far"].part, old)

    def test_who_holds_an_old_function_keeps_it(self) -> None:
        self.write("mine.py", "def f(): return 'old'\n")
        function = self.compile("mine.f()")
        self.modules.forget()
        self.write("mine.py", "def f(): return 'new'\n")
        self.assertEqual((function(None), self.compile("mine.f()")(None)), ("old", "new"))

    def test_a_cache_that_cannot_be_written_is_left(self) -> None:
        self.write("mine.py", "x = 1\n")
        self.patch(sys, "dont_write_bytecode", True)
        self.compile("mine.x")
        self.modules.forget()
        self.assertFalse((self.folder / "__pycache__").exists())


class FailureLocation(ModuleCase):
    def test_is_the_user_code_below_which_a_library_failed(self) -> None:
        source = self.write("mine.py", "\nimport json\njson.loads('[')\n")
        self.assertIn(f"({source}:3)", self.message("mine.x"))
