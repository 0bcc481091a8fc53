"""AttrDict: a dict whose keys are also attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AttrDict(dict[Any, Any]):
    """A dict whose string keys read, write and delete as attributes: `d.x` is `d["x"]`.

    A key with the name of a dict method (`items`, `keys`, ...) is only reachable as `d["items"]`. A missing attribute
    raises AttributeError. Dicts inside are not converted: use :meth:`deep` for a tree.
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no key {name!r}", name=name, obj=self) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(dict, name):
            raise AttributeError(f'{name!r} is a dict method: use ["{name}"]', name=name, obj=self)
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no key {name!r}", name=name, obj=self) from None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({super().__repr__()})"

    def copy(self) -> AttrDict:
        """A shallow copy of the same class."""
        return type(self)(self)

    @classmethod
    def deep(cls, tree: Any) -> Any:
        """`tree` copied, each mapping in its dicts, lists and tuples made an AttrDict; other values are shared."""
        if isinstance(tree, Mapping):
            return cls((key, cls.deep(value)) for key, value in tree.items())
        if type(tree) in (list, tuple):
            return type(tree)(cls.deep(value) for value in tree)
        return tree
