"""User code that was written for Gramex imports its names."""

from __future__ import annotations

import importlib
import logging
import sys
import types
from pathlib import Path
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

import gramex_twisted.cache
import gramex_twisted.data
from gramex_twisted.compat.proxy import Proxy
from gramex_twisted.functions import alias
from gramex_twisted.transforms import handler


class AliasTests(SynchronousTestCase):
    def setUp(self) -> None:
        alias.remove()
        self.addCleanup(alias.remove)
        alias.install()
        alias.install()

    def test_names_are_ours(self) -> None:
        names: dict[str, Any] = {}
        code = (
            "import gramex.cache\nimport gramex.data as data\nfrom gramex.transforms import handler\n"
            "from gramex.config import app_log\nimport gramex\ncache = gramex.cache\n"
        )
        exec(code, names)
        self.assertIs(names["cache"].open, gramex_twisted.cache.open)
        self.assertIs(names["cache"].open_callback, gramex_twisted.cache.open_callback)
        self.assertIs(names["data"].filter, gramex_twisted.data.filter)
        self.assertIs(names["handler"], handler)
        self.assertEqual(names["app_log"].logger.name, "gramex")
        self.assertIs(importlib.import_module("gramex.cache"), importlib.import_module("gramex_twisted.compat.cache"))

    def test_a_mere_import_has_them_too(self) -> None:
        gramex: Any = importlib.import_module("gramex")
        self.assertIs(gramex.data.filter, gramex_twisted.data.filter)
        self.assertEqual(gramex.http.NOT_FOUND, 404)
        self.assertEqual(gramex.__version__, "1.94.5")
        with self.assertRaisesRegex(AttributeError, "module 'gramex' has no attribute 'nothing'"):
            _ = gramex.nothing

    def test_what_is_not_here_says_what_to_write_instead(self) -> None:
        expected = {
            "import gramex.ml": "gramex.ml is not part of gramex_twisted: use scikit-learn",
            "import gramex.services.emailer": r"gramex.services.emailer is not .*: .*gramex.service.email\['name'\]",
            "from gramex.install import init": "gramex.install is not .*gramex-twisted init",
            "from gramex.cache import HDF5Store": "gramex.cache.HDF5Store is not .*use gramex.cache.SQLiteStore",
            "from gramex.handlers import AuthHandler": "gramex.handlers.AuthHandler is not .*derive it from gramex",
            "from gramex.handlers import CaptureHandler": "README.md has the handlers",
            "from gramex.services import create_mail": "gramex.services.create_mail is not .*write gramex.service",
            "from gramex import init": "gramex.init is not .*SIGHUP reloads",
        }
        for code, message in expected.items():
            with self.assertRaisesRegex(ImportError, message):
                exec(code, {})
        with self.assertRaisesRegex(AttributeError, "use gramex.cache.SQLiteStore"):
            exec("import gramex.cache\ngramex.cache.HDF5Store", {})
        with self.assertRaisesRegex(ImportError, "cannot import name 'nothing'"):
            exec("from gramex.config import nothing", {})
        with self.assertRaisesRegex(ModuleNotFoundError, "No module named 'gramex.nothing'"):
            exec("import gramex.nothing", {})

    def test_asking_for_names_that_are_not_there_is_no_error(self) -> None:
        cache = importlib.import_module("gramex.cache")
        self.assertFalse(hasattr(cache, "HDF5Store"))
        self.assertIsNone(importlib.util.find_spec("gramex.nothing"))

    def test_orderedattrdict_comes_along(self) -> None:
        found: Any = importlib.import_module("orderedattrdict")
        made = found.DefaultAttrDict(list)
        made.x.append(1)
        self.assertEqual((dict(made), found.AttrDict(a=1).a), ({"x": [1]}, 1))

    def test_yaml_from_and_to_attrdicts(self) -> None:
        utils: Any = importlib.import_module("orderedattrdict.yamlutils")
        text = "b:\n- c: 1\na: {}\n"
        found = yaml.load(text, Loader=utils.AttrDictYAMLLoader)
        self.assertEqual((type(found).__name__, found.b[0].c), ("AttrDict", 1))
        stands_for_it = Proxy(lambda: found)
        for written in (found, stands_for_it):
            self.assertEqual((yaml.dump(written), yaml.safe_dump(written)), (text, text))
        with self.assertRaises(yaml.YAMLError):
            yaml.load("!!python/object/apply:os.getcwd []", Loader=utils.AttrDictYAMLLoader)

    def test_gramex_itself_comes_first_with_a_warning(self) -> None:
        self.package("gramex", "real = True\n")
        records: list[str] = []
        listener = logging.Handler()
        listener.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("gramex_twisted").addHandler(listener)
        self.addCleanup(logging.getLogger("gramex_twisted").removeHandler, listener)
        gramex = importlib.import_module("gramex")
        assert isinstance(gramex, types.ModuleType)
        self.assertTrue(gramex.real)
        with self.assertRaises(ModuleNotFoundError):
            importlib.import_module("gramex.cache")
        self.assertEqual(len(records), 1)
        self.assertIn("Gramex itself is installed", records[0])
        self.addCleanup(sys.modules.pop, "gramex")

    def test_a_mere_folder_of_that_name_is_no_gramex(self) -> None:
        self.package("gramex", None)
        self.assertEqual(importlib.import_module("gramex.http").OK, 200)

    def test_nothing_is_found_once_it_is_removed(self) -> None:
        importlib.import_module("gramex.cache")
        alias.remove()
        with self.assertRaises(ModuleNotFoundError):
            importlib.import_module("gramex")

    def package(self, name: str, source: str | None) -> None:
        path = Path(self.mktemp(), name)
        path.mkdir(parents=True)
        if source is not None:
            (path / "__init__.py").write_text(source)
        sys.path.insert(0, str(path.parent))
        self.addCleanup(sys.path.remove, str(path.parent))
        importlib.invalidate_caches()
