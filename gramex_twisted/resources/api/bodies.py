"""Bodies to plain values, bounded: what is deep, long or repeats itself without end is refused. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import count
from typing import Any

import msgpack  # type: ignore[import-untyped]
import orjson
import yaml

from gramex_twisted.options.converter import MOST_CONTAINERS

#: Levels of lists and objects in each other.
DEEPEST = 200
#: Bytes of a body of YAML, which takes a hundred times as long as JSON.
LONGEST_YAML = 1 << 20
#: Values that YAML's aliases may make of a body, over those that are written.
MOST_REPEATED = 100_000

_LONG_NUMBER = re.compile(rb"\d{19}")
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: What PyYAML raises for tags whose text makes no sense, beside its own errors.
_NO_VALUE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)


def from_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8; whole numbers keep all their digits. ``{}`` for white space.

    :raises ValueError: for what is not JSON (NaN is not), for more than ``DEEPEST`` levels, and for more than
        ``MOST_CONTAINERS`` brackets and braces, be they in texts.
    """
    if not body.strip():
        return {}
    if len(body) > MOST_CONTAINERS and body.count(b"[") + body.count(b"{") > MOST_CONTAINERS:
        raise ValueError(f"more than {MOST_CONTAINERS} lists and objects")
    value = orjson.loads(body)
    if _LONG_NUMBER.search(body):
        value = json.loads(body)
    _check_depth(body, value)
    return value


def from_msgpack(body: bytes) -> Any:
    """The value of a MessagePack; times are datetimes in UTC.

    :raises ValueError: for what is not MessagePack, for extension types, for more than ``DEEPEST`` levels or
        ``MOST_CONTAINERS`` lists and objects.
    """
    hooks = _counting(MOST_CONTAINERS) if len(body) > MOST_CONTAINERS else {}
    try:
        value = msgpack.unpackb(body, raw=False, timestamp=3, strict_map_key=False, ext_hook=_no_extension, **hooks)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise ValueError(f"no MessagePack: {error}") from error
    if _deeper(value, DEEPEST):
        raise ValueError(f"more than {DEEPEST} levels")
    return value


def from_yaml(body: bytes) -> Any:
    """The value of a YAML text, of its plain types alone. ``{}`` for an empty one.

    :raises ValueError: for what is not YAML, more than one document, other tags, aliases that make more than
        ``MOST_REPEATED`` values, more than ``DEEPEST`` levels or ``LONGEST_YAML`` bytes.
    """
    if len(body) > LONGEST_YAML:
        raise ValueError(f"more than {LONGEST_YAML} bytes")
    try:
        if not _scanned(body):
            return {}
        return yaml.load(body, Loader=_SafeLoader)
    except _NO_VALUE as error:
        raise ValueError(f"no YAML: {error}") from error


def _scanned(body: bytes) -> bool:
    """Whether there is a document. Its events are gone through one by one, before anything is made of them: the depth
    of a text can overflow the stack of libyaml, and that of its aliases the memory."""
    sizes: dict[str, int] = {}
    open_: list[list[Any]] = []
    written = total = documents = 0
    for event in yaml.parse(body, Loader=_SafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            open_.append([event.anchor, 1])
            if len(open_) > DEEPEST:
                raise ValueError(f"more than {DEEPEST} levels")
        else:
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                anchor, size = open_.pop()
            elif isinstance(event, yaml.ScalarEvent):
                anchor, size = event.anchor, 1
            elif isinstance(event, yaml.AliasEvent):
                if event.anchor not in sizes:
                    raise ValueError(f"the alias {event.anchor} names nothing before it, or what it is in")
                anchor, size = None, sizes[event.anchor]
            else:
                continue
            written += 1
            if anchor is not None:
                sizes[anchor] = size
            if open_:
                open_[-1][1] += size
            total = open_[-1][1] if open_ else size
            if total - written > MOST_REPEATED:
                raise ValueError(f"aliases that make more than {MOST_REPEATED} values")
    return documents > 0


def _check_depth(body: bytes, value: Any) -> None:
    # Most bodies have so few brackets that none can be deep.
    if body.count(b"[") + body.count(b"{") > DEEPEST and _deeper(value, DEEPEST):
        raise ValueError(f"more than {DEEPEST} levels")


def _deeper(value: Any, most: int) -> bool:
    """Whether more than ``most`` lists and objects are in each other."""
    layer = [value]
    for _ in range(most):
        layer = [child for node in layer if isinstance(node, (dict, list)) for child in _children(node)]
        if not layer:
            return False
    return any(isinstance(node, (dict, list)) for node in layer)


def _children(node: Any) -> Any:
    return node.values() if isinstance(node, dict) else node


def _no_extension(code: int, data: bytes) -> Any:
    raise ValueError(f"extension type {code}")


def _counting(most: int) -> dict[str, Callable[[Any], Any]]:
    """Hooks that count lists and objects."""
    left = count(most, -1)

    def counted(value: Any) -> Any:
        if next(left) <= 0:
            raise ValueError(f"more than {most} lists and objects")
        return value

    return {"list_hook": counted, "object_hook": counted}
