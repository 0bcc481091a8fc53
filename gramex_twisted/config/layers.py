"""Layers of a configuration: the package's defaults, the user's file, `--set` options. Later ones win."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gramex_twisted.config.marks import KeyPath, Mark
from gramex_twisted.config.problems import GiveUp, Problems
from gramex_twisted.config.yamltree import Node, load


@dataclass(frozen=True)
class Override:
    """One `--set path=value`."""

    path: tuple[str, ...]
    node: Node


def overlay(base: Node, over: Node) -> Node:
    """``over`` on ``base``: mappings merge, null removes a key that ``base`` has, anything else replaces."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return over
    merged = dict(base.value)
    for key, node in over.value.items():
        if key not in merged:
            merged[key] = node
        elif node.value is None:
            del merged[key]
        else:
            merged[key] = overlay(merged[key], node)
    return Node(merged, over.mark, over.at)


def parse_overrides(texts: Sequence[str], problems: Problems) -> list[Override]:
    """`app.listen.port=9000` and so on; the values are YAML."""
    overrides = []
    for text in texts:
        path, equals, value = text.partition("=")
        mark = Mark(f"--set {text}")
        keys = tuple(path.strip().split("."))
        if not equals or not all(keys):
            problems.error(mark, "write it as section.key=value")
            continue
        inner = Problems()
        try:
            node = load(value.encode("utf-8", "surrogatepass"), "", inner)
        except GiveUp:
            node = Node(None, mark, mark)
        for error in inner.errors:
            problems.error(mark, error.message)
        overrides.append(Override(keys, remark(node, mark)))
    return overrides


def remark(node: Node, mark: Mark) -> Node:
    """``node`` with ``mark`` on all that it holds."""
    value: Any = node.value
    if isinstance(value, dict):
        value = {key: remark(child, mark) for key, child in value.items()}
    elif isinstance(value, list):
        value = [remark(child, mark) for child in value]
    return Node(value, mark, mark)


def apply(root: Node, override: Override, problems: Problems) -> None:
    """Set, merge or (null) remove what ``override`` names in ``root``, a tree that no one else holds."""
    node, mark = root, override.node.mark
    for depth, key in enumerate(override.path):
        if not isinstance(node.value, dict) and not (isinstance(node.value, list) and key.isdecimal()):
            node.value = {}  # a later layer may make a mapping of anything
        container = node.value
        step = key_in(container, key)
        if step is None:
            problems.error(mark, f"{'.'.join(override.path[:depth])} has no item {key}")
            return
        present = isinstance(container, list) or step in container
        if depth < len(override.path) - 1:
            found = container[step] if present else Node({}, mark, mark)
            node = container[step] = Node(copied(found.value), found.mark, found.at)
        elif override.node.value is not None:
            container[step] = overlay(container[step], override.node) if present else override.node
        elif present:
            del container[step]


def key_in(container: dict[Any, Node] | list[Node], key: str) -> Any:
    """The key or index of ``container`` that is written ``key``; None for an index that is not there."""
    if isinstance(container, dict):
        return next((known for known in container if str(known) == key), key)
    return int(key) if int(key) < len(container) else None


def copied(value: Any) -> Any:
    """A copy of one level, so that what aliases share is changed in one place only."""
    return value.copy() if isinstance(value, dict | list) else value


def flatten(node: Node, path: KeyPath, marks: dict[KeyPath, Mark]) -> Any:
    """The plain data of ``node``; the marks of all it holds go to ``marks``, by key path."""
    marks[path] = node.mark
    value = node.value
    if isinstance(value, dict):
        return {key: flatten(child, (*path, key), marks) for key, child in value.items()}
    if isinstance(value, list):
        return [flatten(child, (*path, index), marks) for index, child in enumerate(value)]
    return value
