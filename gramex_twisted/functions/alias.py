"""`import gramex.cache`, `gramex.data` and `gramex.transforms` in user code that was written for Gramex.

They are our modules of the same names. Where Gramex itself is installed, they are Gramex's: the finder comes last.
"""

from __future__ import annotations

import importlib
import logging
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

OURS = {
    "gramex.cache": "gramex_twisted.cache",
    "gramex.data": "gramex_twisted.data",
    "gramex.transforms": "gramex_twisted.transforms",
}
"""What is imported -> what that is."""
MADE = ("gramex", "gramex.config")


class Alias(MetaPathFinder, Loader):
    """Finds our modules by the names that they have in Gramex."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See MetaPathFinder."""
        if fullname not in OURS and fullname not in MADE:
            return None
        return ModuleSpec(fullname, self, origin=__name__, is_package=fullname == "gramex")

    def exec_module(self, module: ModuleType) -> None:
        """See Loader."""
        name = module.__name__
        if name in OURS:
            sys.modules[name] = importlib.import_module(OURS[name])
        elif name == "gramex.config":
            module.__dict__["app_log"] = logging.getLogger("gramex")
        else:
            module.__dict__["__getattr__"] = _child


def install() -> None:
    """Have the names found, from now on, in this process. Doing it twice is harmless."""
    if not any(isinstance(finder, Alias) for finder in sys.meta_path):
        sys.meta_path.append(Alias())


def remove() -> None:
    """Undo `install`, as tests do."""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, Alias)]
    for name in (*OURS, *MADE):
        sys.modules.pop(name, None)


def _child(name: str) -> ModuleType:
    """`gramex.cache` after a mere `import gramex`."""
    full = f"gramex.{name}"
    if full not in OURS and full not in MADE:
        raise AttributeError(f"module 'gramex' has no attribute {name!r}: this is Gramex on Twisted")
    return importlib.import_module(full)
