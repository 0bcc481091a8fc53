"""Proxy: what looks like a value, and is that of whichever app asks.

`from gramex import conf` binds a name once, and the module may serve several apps in its life. So the name is bound to
a Proxy, which finds the app's own value at each use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

FORWARDED = (
    *("getitem", "setitem", "delitem", "contains", "iter", "reversed", "len", "bool"),
    *("eq", "ne", "lt", "le", "gt", "ge", "or", "ror", "ior", "repr", "str", "dir", "call"),
)
"""Special methods, which Python looks up on the class."""


class Proxy:
    """Stands for what ``find()`` returns. ``isinstance`` and ``__class__`` see that too."""

    __slots__ = ("_proxy_find",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, find: Callable[[], Any]) -> None:
        object.__setattr__(self, "_proxy_find", find)

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, "_proxy_find")()
        return type(found) if name == "__class__" else getattr(found, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(target_of(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(target_of(self), name)

    def __copy__(self) -> Any:
        return copy.copy(target_of(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(target_of(self), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return target_of(self).__reduce_ex__(protocol)


def target_of(proxy: Proxy) -> Any:
    """What ``proxy`` stands for now."""
    return object.__getattribute__(proxy, "_proxy_find")()


def _forward(name: str) -> Callable[..., Any]:
    special = f"__{name}__"

    def method(self: Proxy, *args: Any) -> Any:
        found = target_of(self)
        own = getattr(type(found), special, None)
        if own is None:
            return bool(len(found)) if name == "bool" and hasattr(found, "__len__") else _lacks(found, name)
        return own(found, *args)

    return method


def _lacks(found: Any, name: str) -> Any:
    if name == "bool":
        return True
    raise TypeError(f"a {type(found).__name__} has no __{name}__")


for _name in FORWARDED:
    setattr(Proxy, f"__{_name}__", _forward(_name))
