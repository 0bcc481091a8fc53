"""Which files of an app's folder are behind a log-in elsewhere. Pure, but for looking whether they are there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

#: What stands for a value of the request in `url: data/{region}.csv`.
_FIELD = re.compile(r"\{[^}]*\}")
#: Longer texts are no paths.
_LONGEST = 1000


def guarded(conf: Mapping[Any, Any], root: Path, auth: Any) -> Iterator[str]:
    """The patterns (of `ignore:`, absolute) of files and folders below ``root`` that a route names which asks for more
    than ``auth`` does, and those that handlers named ``...Auth`` know visitors by."""
    defaults = conf.get("handlers") or {}
    for route in (conf.get("url") or {}).values():
        if not isinstance(route, Mapping):
            continue
        path = str(route.get("handler", ""))
        handler = path.rpartition(".")[2]
        kwargs: dict[Any, Any] = {}
        for layer in defaults.get("BaseHandler"), defaults.get(path, defaults.get(handler)), route.get("kwargs"):
            kwargs |= layer if isinstance(layer, Mapping) else {}
        asks = kwargs.get("auth") or None
        if handler.endswith("Auth") or (asks is not None and asks != auth):
            for text in texts(kwargs):
                yield from _pattern(text, root)


def texts(value: Any) -> Iterator[str]:
    """Every text in a tree."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from texts(part)


def _pattern(text: str, root: Path) -> Iterator[str]:
    path = _FIELD.sub("*", re.sub(r"^sqlite[+\w]*:///", "", text))
    if not path or len(path) > _LONGEST or "\0" in path or "://" in path:
        return
    absolute = os.path.normpath(root / path)
    if absolute.startswith(f"{root}{os.sep}") and ("*" in path or os.path.exists(absolute)):
        yield absolute.replace("[", "[[]")
