"""JSON text to trees of plain Python values and back: nothing is lost, nothing is let in that cannot go out again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

from gramex_twisted.web.values import dump_json

#: Levels of lists and objects in each other.
DEEPEST = 200


def loaded(content: bytes) -> Any:
    """The tree of a JSON text in UTF-8. Whole numbers keep all their digits.

    :raises ValueError: for what is not JSON (NaN is not), and for more than ``DEEPEST`` levels.
    """
    try:
        tree = json.loads(content.decode("utf-8"), parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise ValueError(f"more than {DEEPEST} levels") from None
    if depth(tree) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    return tree


def dumped(tree: Any) -> bytes:
    """``tree`` as compact JSON.

    :raises ValueError: for text that is no Unicode.
    """
    try:
        return dump_json(tree)
    except TypeError as error:
        raise ValueError(f"text that is no Unicode, or more than {DEEPEST} levels") from error


def depth(tree: Any) -> int:
    """How many lists and objects are in each other, at most."""
    levels = 0
    layer = [tree]
    while layer := [child for node in layer if isinstance(node, (dict, list)) for child in (None, *_children(node))]:
        levels += 1
    return levels


def _children(node: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return node.values() if isinstance(node, dict) else node


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
