"""User modules: which they are, and how they are imported afresh when their files change.

A module is a *user module* when its file lies in one of the app's folders and in no Python installation. A reload is
a transaction: :meth:`ModuleSet.forget` takes the user modules out of `sys.modules`, so that the new configuration
imports fresh copies; :meth:`ModuleSet.restore` puts the old ones back when that fails.
"""

from __future__ import annotations

import functools
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType

OURS = ("gramex_twisted", "twisted", "__main__")
"""Never forgotten, wherever they lie: they are running."""

Saved = Mapping[str, ModuleType]


class ModuleSet:
    """The user modules in `folders` (None: anywhere but in a Python installation)."""

    def __init__(self, folders: Iterable[str | os.PathLike[str]] | None = None) -> None:
        self.folders = None if folders is None else tuple(os.path.realpath(folder) for folder in folders)

    def is_user(self, module: ModuleType) -> bool:
        """Whether `module` belongs to the app. Compiled extensions don't: they cannot be imported twice."""
        if module.__name__.partition(".")[0] in OURS or isinstance(
            getattr(module, "__loader__", None), importlib.machinery.ExtensionFileLoader
        ):
            return False
        places = [os.path.realpath(place) for place in module_places(module)]
        return any(self.contains(place) and not is_installed(place) for place in places)

    def contains(self, place: str) -> bool:
        return self.folders is None or any(is_inside(place, folder) for folder in self.folders)

    def imported(self) -> dict[str, ModuleType]:
        """The user modules imported at present, by the names they have in `sys.modules`."""
        found = [(name, module) for name, module in list(sys.modules.items()) if isinstance(module, ModuleType)]
        return {name: module for name, module in found if name not in OURS and self.is_user(module)}

    def files(self) -> frozenset[Path]:
        """The source files of the user modules imported at present: what to watch for changes."""
        sources = (getattr(module, "__file__", None) for module in self.imported().values())
        return frozenset(Path(source) for source in sources if source)

    def forget(self) -> Saved:
        """Take the user modules out of `sys.modules`, so that the next import runs their files as they are now.

        Returns them for :meth:`restore`. Who already holds an old module goes on using it.
        """
        saved = self.imported()
        for name, module in saved.items():
            del sys.modules[name]
            discard_bytecode(getattr(module, "__file__", None))
        importlib.invalidate_caches()
        return saved

    def restore(self, saved: Saved) -> None:
        """Undo :meth:`forget`: drop the user modules imported since, and put the `saved` ones back."""
        self.forget()
        sys.modules.update(saved)
        for name, module in saved.items():
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                setattr(sys.modules[parent], child, module)


def module_places(module: ModuleType) -> Iterator[str]:
    """The file of a module, or the folders of a namespace package, which has no file."""
    if source := getattr(module, "__file__", None):
        yield source
    else:
        yield from (place for place in getattr(module, "__path__", ()) if isinstance(place, str))


def is_installed(place: str) -> bool:
    """Whether `place` lies in the standard library or in packages that are installed (also a venv inside the app)."""
    if {"site-packages", "dist-packages"}.intersection(Path(place).parts):
        return True
    return any(is_inside(place, folder) for folder in installation_folders())


@functools.cache
def installation_folders() -> tuple[str, ...]:
    """The folders of this Python's standard library and of what is installed for it."""
    paths = sysconfig.get_paths()
    return tuple({os.path.realpath(paths[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")})


def is_inside(place: str, folder: str) -> bool:
    return place == folder or place.startswith(folder.rstrip(os.sep) + os.sep)


def discard_bytecode(source: str | None) -> None:
    """Remove the cached bytecode of the file `source`.

    Python takes the cache for current when the source's size and mtime *in whole seconds* are those it was made from,
    so an edit within the second of the last import would not be seen.
    """
    if not source or not source.endswith(".py"):
        return
    cached = Path(importlib.util.cache_from_source(source))
    if os.access(cached.parent, os.W_OK):  # where it is not, this process did not write the cache
        cached.unlink(missing_ok=True)


def forget_failed_bytecode(error: BaseException) -> None:
    """After an import failed with `error`: discard the bytecode of every file it ran through.

    Those modules are in `sys.modules` no more, so the next reload's `forget` would miss them.
    """
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.endswith(".py") and not is_installed(os.path.realpath(frame.filename)):
            discard_bytecode(frame.filename)


def failure_location(error: BaseException) -> str:
    """`file:line` of the user's code where importing a module failed; "" when no module's code had begun to run."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno or 1}"
    own = os.path.dirname(os.path.realpath(__file__))
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_machinery(frame.filename, own)]
    frames = [frame for frame in frames if not is_installed(os.path.realpath(frame.filename))] or frames
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def is_machinery(filename: str, own: str) -> bool:
    """Whether `filename` is the import system or this package: not where a user's import failed."""
    return filename.startswith("<frozen importlib") or filename == importlib.__file__ or is_inside(filename, own)
