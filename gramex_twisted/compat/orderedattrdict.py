"""`orderedattrdict`, a package that Gramex brings along, where it is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gramex_twisted.attrdict import AttrDict

__all__ = ["AttrDict", "DefaultAttrDict"]
__path__: list[str] = []


class DefaultAttrDict(AttrDict):
    """An AttrDict whose missing keys are made by ``default``, as those of a defaultdict."""

    def __init__(self, default: Callable[[], Any] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        object.__setattr__(self, "_default", default)

    __slots__ = ("_default",)

    def __missing__(self, key: Any) -> Any:
        default = object.__getattribute__(self, "_default")
        if default is None:
            raise KeyError(key)
        self[key] = made = default()
        return made

    def copy(self) -> DefaultAttrDict:
        """A shallow copy."""
        return DefaultAttrDict(object.__getattribute__(self, "_default"), self)
