"""`gramex.transforms`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from string import Template
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.building import build_pipeline, build_transform
from gramex_twisted.compat.config import app_log
from gramex_twisted.compat.files import ensure_single_session, sass, scss, template, ts
from gramex_twisted.compat.jsoncoding import CustomJSONEncoder
from gramex_twisted.compat.loginfo import build_log_info, handler_expr
from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.once import Once
from gramex_twisted.compat.state import variables_now
from gramex_twisted.transforms import Header, handler

__all__ = [
    "Header",
    "build_log_info",
    "build_pipeline",
    "build_transform",
    "condition",
    "ensure_single_session",
    "flattener",
    "handler",
    "handler_expr",
    "once",
    "sass",
    "scss",
    "template",
    "time_key",
    "ts",
]
__path__: list[str] = []
_refuse = refuse("gramex.transforms")


def __getattr__(name: str) -> Any:
    if name == "pd":
        import pandas as pd  # type: ignore[import-untyped]

        return pd
    if name == "np":
        import numpy as np

        return np
    return _refuse(name)


def condition(*args: Any) -> Any:
    """The value after the first condition that holds: ``condition(when, value, when, value, ..., default)``, or a dict.

    A condition that is text is an expression of the app's variables, written ``$NAME``.
    """
    warnings.warn("condition() is deprecated: write `key if condition:` in YAML", DeprecationWarning, stacklevel=2)
    only = args[0] if len(args) == 1 else None
    pairs = only.items() if isinstance(only, Mapping) else zip(args[::2], args[1::2], strict=False)
    for holds, value in pairs:
        if _holds(holds):
            return value
    return args[-1] if len(args) > 2 and len(args) % 2 else None


def _holds(text: Any) -> bool:
    if not isinstance(text, str):
        return bool(text)
    names = variables_now()
    expression = Template(text).substitute({name: f"variables.get({name!r}, '')" for name in names})
    return bool(eval(expression, {"variables": names}))  # written by whoever writes the app


def flattener(fields: Mapping[str, Any], default: Any = None, filename: str = "flatten") -> Callable[[Any], AttrDict]:
    """A function that makes a flat AttrDict of an object: name -> what is at the path, ``user.name`` or ``0.id``.

    A whole number is an index, True or "" the object itself. ``default``: where there is nothing at a path.
    """
    paths: dict[str, list[Any]] = {}
    for field, source in fields.items():
        if not isinstance(field, str) or (not isinstance(source, str | int) or source is False):
            app_log.error("flattener:%s: %r: %r is no name and path", filename, field, source)
        elif isinstance(source, str):
            paths[field] = [int(part) if part.isdigit() else part for part in source.split(".")] if source else []
        else:
            paths[field] = [] if source is True else [source]

    def flatten(obj: Any) -> AttrDict:
        return AttrDict((field, _followed(obj, path, default)) for field, path in paths.items())

    flatten.__name__ = filename
    return flatten


def _followed(obj: Any, path: list[Any], default: Any) -> Any:
    try:
        for part in path:
            obj = obj[part]
    except (KeyError, TypeError, IndexError):
        return default
    return obj


def once(*args: Any, _clear: bool = False) -> bool | None:
    """Whether this is the first call with ``args``, ever: it is kept in $GRAMEXDATA/once.db. ``_clear``: forget it."""
    key = json.dumps(args, separators=(",", ":"), cls=CustomJSONEncoder)
    with Once(variables_now()["GRAMEXDATA"] or ".") as known:
        if not _clear:
            return known.add(key)
        known.forget(key)
        return None


def time_key(format: str, offset: str | None = None, freq: str | None = None) -> dict[str, Callable[..., Any]]:
    """A key of ``ratelimit:``: the time (UTC) as ``format`` says, and the seconds until the next one.

    ``freq``: a pandas frequency such as ``D``. ``offset``: the name of a class of pandas.offsets, such as ``MonthEnd``.
    """
    result: dict[str, Callable[..., Any]] = {"function": lambda *args, **kwargs: datetime.now(UTC).strftime(format)}

    def expiry(*args: Any, **kwargs: Any) -> int:
        import pandas as pd

        now = pd.Timestamp.now("UTC")
        later = now.ceil(freq) if freq is not None else now + getattr(pd.offsets, str(offset))(normalize=True)
        return int((later - now).total_seconds())

    if freq is not None or offset is not None:
        result["expiry"] = expiry
    return result
