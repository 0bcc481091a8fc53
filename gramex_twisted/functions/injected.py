"""Names that every expression of a configuration may use without a module. What they stand for is imported when an
expression uses it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

TRANSFORMS = "gramex_twisted.compat.transforms"
FUNCTIONS = ("condition", "ensure_single_session", "sass", "scss", "template", "ts")


def _member(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name)


INJECTED: Mapping[str, Callable[[], Any]] = MappingProxyType(
    {
        "pd": partial(importlib.import_module, "pandas"),
        "np": partial(importlib.import_module, "numpy"),
        **{name: partial(_member, TRANSFORMS, name) for name in FUNCTIONS},
    }
)
"""Name -> what loads it. A module of the app wins where a dotted name asks for it: `template.page(handler)`."""
