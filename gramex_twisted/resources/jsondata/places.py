"""Places in a JSON tree: reading them, and new trees in which one of them is another. Pure.

A change copies what lies on the way to its place and shares all else, so that the tree that others read stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.jsontree import DEEPEST

Keys = Sequence[str]


class Missing:
    """What is at a place that does not exist."""


MISSING = Missing()


def keys_of(path: str) -> list[str]:
    r"""The keys of ``a/b\/c``: between slashes, where a backslash makes one part of a key. ``""`` is the whole tree.

    :raises HTTPError: 400 for more keys than a tree has levels.
    """
    if not path:
        return []
    keys = [key.replace("\0", "/") for key in path.replace("\0", "").replace("\\/", "\0").split("/")]
    if len(keys) > DEEPEST:
        raise HTTPError(400, f"the path has more than {DEEPEST} keys")
    return keys


def get(tree: Any, keys: Keys) -> Any:
    """What is at ``keys``; MISSING where there is nothing."""
    for key in keys:
        if isinstance(tree, dict) and key in tree:
            tree = tree[key]
        elif isinstance(tree, list) and (index := _index(key)) is not None and index < len(tree):
            tree = tree[index]
        else:
            return MISSING
    return tree


def put(tree: Any, keys: Keys, value: Any) -> Any:
    """A tree with ``value`` at ``keys``. What is missing on the way is made, objects in the place of other values.

    :raises HTTPError: 400 for a key that a list has no place for.
    """
    if not keys:
        return value
    key, *rest = keys
    if isinstance(tree, list):
        index = _index(key)
        if index is None or index > len(tree):
            raise HTTPError(400, f"{key!r} is no place in a list of {len(tree)}; use 0 to {len(tree)}")
        items = [*tree]
        items[index : index + 1] = [put(tree[index] if index < len(tree) else None, rest, value)]
        return items
    members = tree if isinstance(tree, dict) else {}
    return {**members, key: put(members.get(key), rest, value)}


def remove(tree: Any, keys: Keys) -> Any:
    """A tree without what is at ``keys``, which exists; None for the whole tree."""
    if not keys:
        return None
    *before, last = keys
    parent = get(tree, before)
    if isinstance(parent, dict):
        return put(tree, before, {key: value for key, value in parent.items() if key != last})
    index = int(last)
    return put(tree, before, [*parent[:index], *parent[index + 1 :]])


def _index(key: str) -> int | None:
    return int(key) if key.isascii() and key.isdigit() and len(key) < 10 else None
