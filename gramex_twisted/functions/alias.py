"""`import gramex` in user code that was written for Gramex 1.x: a finder that gives it the modules of `compat`.

Nothing of `compat` is imported before user code asks for it. Where Gramex itself is installed, that is what is
imported, with a warning: it knows nothing of the app that is served.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

COMPAT = "gramex_twisted.compat"
ROOT = f"{COMPAT}.root"
OURS = {
    "gramex.cache": f"{COMPAT}.cache",
    "gramex.config": f"{COMPAT}.config",
    "gramex.data": f"{COMPAT}.data",
    "gramex.handlers": f"{COMPAT}.handlers",
    "gramex.handlers.basehandler": f"{COMPAT}.handlers.base",
    "gramex.http": f"{COMPAT}.http",
    "gramex.services": f"{COMPAT}.services",
    "gramex.transforms": f"{COMPAT}.transforms",
    "gramex.transforms.auth": f"{COMPAT}.transforms",
    "gramex.transforms.template": f"{COMPAT}.transforms",
    "gramex.transforms.transforms": f"{COMPAT}.transforms",
    "orderedattrdict": f"{COMPAT}.orderedattrdict",
    "orderedattrdict.yamlutils": f"{COMPAT}.yamlutils",
    **{
        f"gramex.handlers.{name}handler": f"{COMPAT}.handlers"
        for name in (
            *("auth", "drive", "file", "filter", "form", "function", "json", "process", "proxy", "upload", "websocket"),
        )
    },
}
"""What is imported -> what that is."""
PACKAGES = ("gramex", "orderedattrdict")
"""What may be installed itself, and then is what is imported."""
NESTED = ("gramex", "gramex.handlers", "orderedattrdict")
"""What has modules of its own."""


class Alias(MetaPathFinder, Loader):
    """Finds our modules by the names that they have in Gramex.

    It comes first, since any folder named `gramex` would else be taken for a package.
    """

    def __init__(self) -> None:
        self.apps: list[Any] = []
        """The Services of the apps that run in this process, the newest last."""
        self.installed: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See MetaPathFinder. Raises ImportError, which says what to write instead, for what is not here."""
        if not fullname.startswith(("gramex", "orderedattrdict")):
            return None
        if fullname.startswith(f"{COMPAT}."):
            self._missing_name(fullname)
            return None
        package = fullname.partition(".")[0]
        if package not in PACKAGES or self._real(package):
            return None
        if fullname == "gramex" or fullname in OURS:
            return ModuleSpec(fullname, self, origin=__name__, is_package=fullname in NESTED)
        if package == "gramex":
            self._refuse(fullname)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """See Loader."""
        name = module.__name__
        if name in OURS:
            sys.modules[name] = importlib.import_module(OURS[name])
        else:
            module.__dict__["__getattr__"] = _member
            module.__dict__["__doc__"] = "The names of Gramex 1.x, as gramex_twisted has them."

    def _real(self, package: str) -> ModuleSpec | None:
        """The installed package, if there is one; it is warned of once."""
        if package not in self.installed:
            found = PathFinder.find_spec(package)
            self.installed[package] = real = found if found is not None and found.loader and found.origin else None
            if real is not None and package == "gramex":
                logging.getLogger("gramex_twisted").warning(
                    "Gramex itself is installed, and `import gramex` is %s: it knows nothing of this server. "
                    "Uninstall it, so that user code finds the names that work here.",
                    real.origin,
                )
        return self.installed[package]

    def _missing_name(self, fullname: str) -> None:
        """`from gramex.cache import x` tries the module `gramex_twisted.compat.cache.x` where there is no x."""
        parent, _, name = fullname.rpartition(".")
        known = next((theirs for theirs, ours in OURS.items() if ours == parent), None)
        places = getattr(sys.modules.get(parent), "__path__", [])
        if known is not None and PathFinder.find_spec(fullname, places) is None:
            self._refuse(f"{known}.{name}")

    def _refuse(self, name: str) -> None:
        missing = importlib.import_module(f"{COMPAT}.missing")
        text = missing.reason_of(name)
        if text is not None:
            raise ImportError(text, name=name)


def install() -> Alias:
    """Have the names found, from now on, in this process. Doing it twice is harmless."""
    finder = installed()
    if finder is None:
        finder = Alias()
        sys.meta_path.insert(0, finder)
    return finder


def installed() -> Alias | None:
    """The finder of this process."""
    return next((finder for finder in sys.meta_path if isinstance(finder, Alias)), None)


def remove() -> None:
    """Undo `install`."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Alias)]
    for name in ("gramex", *OURS):
        module = sys.modules.get(name)
        if module is not None and (name in OURS or getattr(module, "__getattr__", None) is _member):
            del sys.modules[name]


def started(app: Any) -> None:
    """``app`` (its Services) runs from now on: it is what code in threads of its own is taken to belong to."""
    finder = installed()
    if finder is not None and not any(other is app for other in finder.apps):
        finder.apps.append(app)


def stopped(app: Any) -> None:
    """``app`` does not run any more."""
    finder = installed()
    if finder is not None:
        finder.apps[:] = [other for other in finder.apps if other is not app]


def _member(name: str) -> Any:
    """`gramex.cache` after a mere `import gramex`, and what is in `gramex` itself."""
    if f"gramex.{name}" in OURS:
        return importlib.import_module(f"gramex.{name}")
    return getattr(importlib.import_module(ROOT), name)
