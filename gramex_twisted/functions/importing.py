"""What importing user modules does to the process: where they are found, and what they do to that themselves."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger("gramex_twisted")


def reach(folders: Iterable[Path]) -> None:
    """Let modules be imported from ``folders``: those of the app's YAML files, its own first."""
    for index, folder in enumerate(map(str, folders)):
        if folder not in sys.path:
            if index:
                sys.path.append(folder)
            else:
                sys.path.insert(0, folder)


@contextmanager
def watched(name: str) -> Iterator[None]:
    """While the module ``name`` is imported: what it takes out of sys.path is put back, and what else it does to all
    of the process is logged."""
    path, folder = list(sys.path), _folder()
    try:
        yield
    finally:
        gone = [place for place in path if place not in sys.path]
        if gone:
            sys.path.extend(gone)
            log.warning("%s takes %s out of sys.path, and all other modules with it: it was put back", name, gone)
        if _folder() != folder:
            log.warning(
                "%s changes the working directory, of the whole process, to %s. Paths in YAML files stay relative to "
                "gramex.yaml; in Python, use os.path.dirname(__file__)",
                name,
                _folder(),
            )


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


def twins(folders: Iterable[Path]) -> Iterator[str]:
    """What to say of modules in ``folders`` (an app's) whose name means another module in this process: one in another
    folder, of another app, or of Python."""
    for folder in folders:
        for path in sorted([*folder.glob("*.py"), *folder.glob("*/__init__.py")]):
            name = path.parent.name if path.name == "__init__.py" else path.stem
            source = getattr(sys.modules.get(name), "__file__", None)
            if source is not None and not name.startswith("__") and os.path.realpath(source) != os.path.realpath(path):
                yield (
                    f"there are two modules {name}, and Python knows one of a name: {source} is imported, and {path} "
                    "is not. Rename one"
                )
