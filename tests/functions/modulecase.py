"""A test case with a folder of user modules on sys.path."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from twisted.trial.unittest import TestCase

from gramex_twisted.errors import ConfigError
from gramex_twisted.functions import Function, ModuleSet, compile_function


class ModuleCase(TestCase):
    """`self.folder` is on sys.path; what is imported from it is gone after the test."""

    def setUp(self) -> None:
        self.folder = Path(os.path.realpath(self.mktemp()))
        self.folder.mkdir()
        sys.path.insert(0, str(self.folder))
        self.modules = ModuleSet([self.folder])
        self.addCleanup(sys.path.remove, str(self.folder))
        self.addCleanup(self.modules.forget)

    def write(self, name: str, source: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        importlib.invalidate_caches()
        return path

    def compile(self, spec: object, variables: Sequence[str] = ("handler",)) -> Function:
        return compile_function(spec, variables, "gramex.yaml:7:9", modules=self.modules)

    def message(self, spec: object, variables: Sequence[str] = ("handler",)) -> str:
        """The error that `spec` is refused with."""
        with self.assertRaises(ConfigError) as caught:
            self.compile(spec, variables)
        self.assertEqual(caught.exception.where, "gramex.yaml:7:9")
        return caught.exception.message
