"""Named caches, and the one computation of what several requests wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred

from gramex_twisted.services.stores.base import Store

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Lets one caller at a time compute what has a key; the others get what it came to."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[Deferred[T | None]]] = {}

    def join(self, key: str) -> Deferred[T | None] | None:
        """None: the caller is to compute it, and must call ``done``. Else it fires with what another one computed."""
        if key not in self._waiting:
            self._waiting[key] = []
            return None
        waiting: Deferred[T | None] = Deferred()
        self._waiting[key].append(waiting)
        return waiting

    def done(self, key: str, result: T | None) -> None:
        """The computation has ended; None: in vain, and the next caller may try."""
        for waiting in self._waiting.pop(key, []):
            waiting.callback(result)


class Caches:
    """The caches of one app, by name. Each is opened when it is first used.

    :param opener: opens the store of a name, and starts it.
    :param names: those that there are.
    :param default: the one that is used where none is named.
    """

    def __init__(self, opener: Callable[[str], Store], names: tuple[str, ...], default: str) -> None:
        self.names = names
        self.default = default
        self._opener = opener
        self._stores: dict[str, Store] = {}

    @property
    def opened(self) -> dict[str, Store]:
        """The stores that have been used, by name."""
        return dict(self._stores)

    def store(self, name: str | None = None) -> Store:
        """The store of the cache ``name`` (None: the default one)."""
        name = name or self.default
        if name not in self._stores:
            self._stores[name] = self._opener(name)
        return self._stores[name]
