"""What code user functions are made of: the source of their modules and of the user modules that those import."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType


def sources_of(names: Iterable[str], modules: Mapping[str, ModuleType]) -> dict[str, str]:
    """Module name -> digest of its file, for the modules ``names`` and every one of ``modules`` that they import.

    :param modules: the user modules, as ``ModuleSet.imported`` gives them.
    """
    found: dict[str, str] = {}
    waiting = [name for given in names for name in _with_parents(given)]
    while waiting:
        name = waiting.pop()
        if name in found or name not in modules:
            continue
        source = _source(modules[name])
        found[name] = hashlib.blake2b(source, digest_size=16).hexdigest()
        waiting.extend(part for given in _imports(source, modules[name]) for part in _with_parents(given))
    return found


def _source(module: ModuleType) -> bytes:
    try:
        return Path(module.__file__ or "").read_bytes()
    except OSError:
        return b""  # a namespace package, or a file that is gone


def _imports(source: bytes, module: ModuleType) -> Iterator[str]:
    """Every name that ``module`` imports, also inside functions; ``from a import b`` may mean the module ``a.b``."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # broken since it was imported: another digest anyway
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module.__package__ or "")
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    above = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*above, *filter(None, [node.module])])


def _with_parents(name: str) -> Iterator[str]:
    parts = name.split(".")
    return (".".join(parts[:count]) for count in range(1, len(parts) + 1))
