"""What importing user modules does to the process: where they are found, and what they do to that themselves."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

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


def twins(modules: Mapping[str, ModuleType], folders: Iterable[Path]) -> Iterator[str]:
    """What to say of modules that have a name which a module in another one of ``folders`` has, too."""
    places = list(folders)
    for name, module in sorted(modules.items()):
        source = getattr(module, "__file__", None)
        if "." in name or source is None:
            continue
        own = Path(os.path.realpath(source))
        found = [path for folder in places for path in (folder / f"{name}.py", folder / name / "__init__.py")]
        for other in {Path(os.path.realpath(path)) for path in found if path.is_file()} - {own}:
            yield (
                f"there are two modules {name}, and Python knows one of a name: {own} is imported, and {other} is not. "
                "Rename one"
            )
