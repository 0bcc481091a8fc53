"""What an `import:` names, and how imported keys join the importer's."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gramex_twisted.config.marks import Mark
from gramex_twisted.config.problems import Problems
from gramex_twisted.config.variables import PACKAGE
from gramex_twisted.config.yamltree import Node, plain

INSTEAD = {
    "admin": "app.admin has an admin on a port of its own: docs/admin.md",
    "admin2": "app.admin has an admin on a port of its own: docs/admin.md",
    "logviewer": "the requests are in $GRAMEXDATA/logs/requests.csv",
}
"""App of Gramex 1.x -> what there is in its place."""


@dataclass(frozen=True)
class Import:
    """One wanted file or glob."""

    name: str
    path: str
    mark: Mark
    namespaces: tuple[str, ...] = ()
    """Sections whose keys get a prefix; "*" is the top level."""
    variables: dict[str, Any] = field(default_factory=dict)


def parse_imports(node: Node, problems: Problems, name: str = "import") -> Iterator[Import]:
    """What the value of `import:` (already substituted) asks for."""
    value = node.value
    if value is None or value == "":
        return
    if isinstance(value, str):
        yield Import(name, value, node.mark)
    elif isinstance(value, list):
        for item in value:
            yield from parse_imports(item, problems, name)
    elif not isinstance(value, dict):
        problems.error(node.mark, f"import takes a path, a list of paths or `name: path` pairs, not {value!r}")
    elif is_spec(value):
        yield from parse_spec(node, problems, name)
    else:
        for key, child in value.items():
            if isinstance(child.value, dict) and "path" not in child.value:
                problems.error(child.mark, f"import: '{key}' has no path")
            else:
                yield from parse_imports(child, problems, str(key))


def is_spec(value: dict[Any, Node]) -> bool:
    """Whether a mapping is `{path, namespace, VARIABLE: value}` and not `name: path` pairs."""
    path = value.get("path")
    if path is None or not isinstance(path.value, str | list):
        return False
    others = [key for key in value if key not in ("path", "namespace")]
    return "namespace" in value or all(isinstance(key, str) and key.isupper() for key in others)


def parse_spec(node: Node, problems: Problems, name: str) -> Iterator[Import]:
    """`{path, namespace, VARIABLE: value}`."""
    value = plain(node)
    paths = value.pop("path")
    wanted = value.pop("namespace", None)
    namespaces = [] if wanted in (None, False, "") else wanted if isinstance(wanted, list) else [wanted]
    for path in paths if isinstance(paths, list) else [paths]:
        if isinstance(path, str):
            names = tuple("*" if section is True else str(section) for section in namespaces)
            yield Import(name, path, node.value["path"].mark, names, {str(key): value[key] for key in value})
        else:
            problems.error(node.value["path"].mark, f"import: a path is text, not {path!r}")


def import_nodes(wanted: Import, importer: Path, problems: Problems) -> list[Path]:
    """The files that ``wanted`` names, absolute and sorted. A glob may match none, and never its own importer."""
    path = Path(os.path.abspath(importer.parent / wanted.path))
    try:
        if path.is_file():
            return [path]
        if glob.has_magic(wanted.path):
            matches = sorted(glob.glob(str(path), recursive=True))
            files = [Path(match) for match in matches if os.path.isfile(match)]
            return [file for file in files if file != importer]
        if path.is_relative_to(PACKAGE):
            problems.warn(wanted.mark, f"import {wanted.name}: {_not_here(path)}")
            return []
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
    except (ValueError, OSError) as error:  # a NUL, a name too long
        what = f"is not a path: {error}"
    problems.error(wanted.mark, f"import: {display(path)} {what}")
    return []


def _not_here(path: Path) -> str:
    """What to say of a file that Gramex 1.x brought along."""
    parts = path.relative_to(PACKAGE).parts
    if parts[0] != "apps" or len(parts) < 2:
        return f"Gramex's {'/'.join(parts)} is not part of this server: nothing is imported"
    instead = INSTEAD.get(parts[1])
    return f"Gramex's app {parts[1]} is not part of this server: its addresses answer 404" + (
        f". Instead, {instead}" if instead else ""
    )


def namespaced(tree: Node, wanted: Import, path: Path, folder: Path) -> Node:
    """``tree`` with `name:path:` before the keys of the wanted sections; ``path`` relative to ``folder``."""
    prefix = f"{wanted.name}:{os.path.relpath(path, folder).replace(os.sep, '/')}:"
    for section in wanted.namespaces:
        node: Node | None = tree
        for part in [] if section == "*" else section.split("."):
            node = node.value.get(part) if node and isinstance(node.value, dict) else None
        if node and isinstance(node.value, dict):
            node.value = {f"{prefix}{key}": child for key, child in node.value.items()}
    return tree


def merge_under(target: dict[Any, Node], source: dict[Any, Node]) -> None:
    """Add what ``target`` has not; what it has stays, save that mappings are merged."""
    for key, node in source.items():
        mine = target.get(key)
        if mine is None:
            target[key] = node
        elif isinstance(mine.value, dict) and isinstance(node.value, dict):
            merged = dict(mine.value)
            merge_under(merged, node.value)
            target[key] = Node(merged, mine.mark, mine.at)


def display(path: Path) -> str:
    """How messages name a file: relative to the working folder when it is inside, else in full."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)
