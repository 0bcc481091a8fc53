"""User code that was written for Gramex imports its names."""

from __future__ import annotations

import importlib
import sys
import types

from twisted.trial.unittest import SynchronousTestCase

import gramex_twisted.cache
import gramex_twisted.data
from gramex_twisted.functions import alias
from gramex_twisted.transforms import handler


class AliasTests(SynchronousTestCase):
    def setUp(self) -> None:
        alias.remove()
        self.addCleanup(alias.remove)
        alias.install()
        alias.install()

    def test_names_are_ours(self) -> None:
        names: dict[str, object] = {}
        code = (
            "import gramex.cache\nimport gramex.data as data\nfrom gramex.transforms import handler\n"
            "from gramex.config import app_log\nimport gramex\ncache = gramex.cache\n"
        )
        exec(code, names)
        self.assertIs(names["cache"], gramex_twisted.cache)
        self.assertIs(names["data"], gramex_twisted.data)
        self.assertIs(names["handler"], handler)
        self.assertEqual(names["app_log"].name, "gramex")  # type: ignore[attr-defined]
        self.assertEqual(gramex_twisted.cache.__name__, "gramex_twisted.cache")
        spec = gramex_twisted.cache.__spec__
        assert spec is not None
        self.assertEqual(spec.name, "gramex_twisted.cache")

    def test_a_mere_import_has_them_too(self) -> None:
        gramex = importlib.import_module("gramex")
        self.assertIs(gramex.data, gramex_twisted.data)
        with self.assertRaisesRegex(AttributeError, "no attribute 'service'"):
            _ = gramex.service
        with self.assertRaises(ImportError):
            importlib.import_module("gramex.ml")

    def test_gramex_itself_comes_first(self) -> None:
        path = self.mktemp()
        importlib.import_module("pathlib").Path(path, "gramex").mkdir(parents=True)
        importlib.import_module("pathlib").Path(path, "gramex", "__init__.py").write_text("real = True\n")
        sys.path.insert(0, path)
        self.addCleanup(sys.path.remove, path)
        gramex = importlib.import_module("gramex")
        assert isinstance(gramex, types.ModuleType)
        self.assertTrue(gramex.real)
