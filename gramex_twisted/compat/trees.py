"""Trees of dicts and lists: what gramex.config has for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from fnmatch import fnmatch
from logging import getLogger
from typing import Any

from gramex_twisted.attrdict import AttrDict


def walk(node: Any) -> Iterator[tuple[Any, Any, Any]]:
    """``(key, value, node)`` for every entry of ``node``, those inside an entry before it."""
    if hasattr(node, "items"):
        entries = list(node.items())
    elif isinstance(node, list):
        entries = list(enumerate(node))
    else:
        return
    for key, value in entries:
        yield from walk(value)
        yield key, value, node


def merge(old: Any, new: Any, mode: str = "overwrite", warn: Collection[str] | None = None, _path: str = "") -> Any:
    """``old``, with what ``new`` has put into it; mappings in both are merged.

    ``mode``: overwrite, or setdefault, which keeps what ``old`` has. ``warn``: patterns of key paths, such as
    ``url.*``, that are logged where both have them.
    """
    for key, value in new.items():
        path = f"{_path}.{key}" if _path else str(key)
        if key in old and hasattr(old[key], "items") and hasattr(value, "items"):
            if any(fnmatch(path, pattern) for pattern in warn or ()):
                getLogger("gramex").warning("Duplicate key: %s", path)
            merge(old[key], value, mode, warn, path)
        elif mode == "overwrite" or key not in old:
            old[key] = deepcopy(value)
    return old


def objectpath(node: Any, keypath: str, default: Any = None) -> Any:
    """What the dotted ``keypath`` leads to, by keys where there are any, else by attributes; ``default`` where nothing
    is, or None."""
    for key in keypath.split("."):
        node = node.get(key) if hasattr(node, "__getitem__") and hasattr(node, "get") else getattr(node, key, None)
        if node is None:
            return default
    return node


def prune_keys(conf: Any, keys: Collection[Any] = ()) -> Any:
    """A copy of ``conf`` without ``keys``, at every level."""
    if isinstance(conf, Mapping):
        return AttrDict((key, prune_keys(value, keys)) for key, value in conf.items() if key not in keys)
    return [prune_keys(value, keys) for value in conf] if isinstance(conf, list | tuple) else conf


def recursive_encode(data: Any, encoding: str = "utf-8") -> None:
    """Make every text in ``data``, keys too, bytes, in place."""
    for key, value, node in list(walk(data)):
        if isinstance(key, str):
            node[key.encode(encoding)] = node.pop(key)
            key = key.encode(encoding)
        if isinstance(value, str):
            node[key] = value.encode(encoding)


def used_kwargs(
    method: Callable[..., Any], kwargs: dict[str, Any], ignore_keywords: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """``kwargs`` that ``method`` takes, and the others. With ``ignore_keywords``, its ``**kwargs`` takes none."""
    parameters = inspect.signature(method).parameters.values()
    if not ignore_keywords and any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return kwargs, {}
    names = {parameter.name for parameter in parameters if parameter.kind not in (0, 2, 4)}
    used = {name: value for name, value in kwargs.items() if name in names}
    return used, {name: value for name, value in kwargs.items() if name not in names}
