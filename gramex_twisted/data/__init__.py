"""Tables: one Query from a URL's arguments, and what compiles it to polars and to SQL.

Neither polars nor SQLAlchemy is imported until a function here first needs it. User functions may import from here what
`library` has, with the signatures of gramex.data: filter, filtercols, insert, update, delete, alter, and `download`.
"""

from __future__ import annotations

import importlib
from typing import Any

DOORS = {
    **dict.fromkeys(("filter", "filtercols", "insert", "update", "delete", "alter"), "gramex_twisted.data.library"),
    "download": "gramex_twisted.data.formats.download",
}
"""name -> the module that has it, imported when it is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(DOORS[name]), name)
