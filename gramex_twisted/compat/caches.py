"""`gramex.service.cache`: the caches of `cache:`, for values of user code."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator, MutableMapping
from threading import RLock
from typing import Any

from twisted.internet.defer import Deferred

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.keystore import dumps, loads
from gramex_twisted.services.stores.base import Entry

PREFIX = "value:"
"""What the keys of user code have before them in a store that has responses, too."""
DEFAULT_SIZE = 100 << 20


class Cache(MutableMapping[Any, Any]):
    """A dict that forgets; ``set(key, value, expire=seconds)`` beside the methods of dicts."""

    def set(self, key: Any, value: Any, expire: float | None = None) -> None:
        """Keep ``value``, for ``expire`` seconds if that is given."""
        raise NotImplementedError

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)


class MemoryCache(Cache):
    """Any values, in this process. Those that were not used for longest make room. Thread-safe."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = RLock()
        self._entries: OrderedDict[Hashable, tuple[Any, int, float | None]] = OrderedDict()
        self._used = 0

    def set(self, key: Any, value: Any, expire: float | None = None) -> None:
        """See Cache. What is bigger than the whole cache is not kept."""
        from gramex_twisted.compat.cache import sizeof

        size = sizeof(value)
        with self._lock:
            self._forget(key)
            if size <= self.size:
                self._entries[key] = value, size, None if expire is None else time.monotonic() + expire
                self._used += size
            while self._used > self.size:
                self._forget(next(iter(self._entries)))

    def __getitem__(self, key: Any) -> Any:
        with self._lock:
            value, _, expires = self._entries[key]
            if expires is not None and expires <= time.monotonic():
                self._forget(key)
                raise KeyError(key)
            self._entries.move_to_end(key)
            return value

    def __delitem__(self, key: Any) -> None:
        with self._lock:
            del self._entries[key]
            self._used = sum(size for _, size, _ in self._entries.values())

    def _forget(self, key: Any) -> None:
        found = self._entries.pop(key, None)
        self._used -= found[1] if found is not None else 0

    def __iter__(self) -> Iterator[Any]:
        with self._lock:
            return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


class StoredCache(Cache):
    """Values that JSON can hold, on disk or in Redis, shared by processes. For plain functions, which run in threads:
    on the reactor, RuntimeError is raised."""

    def __init__(self, services: Any, name: str) -> None:
        self._services = services
        self._name = name

    def set(self, key: Any, value: Any, expire: float | None = None) -> None:
        """See Cache. Raises TypeError for what is not JSON."""
        expires = None if expire is None else time.time() + expire
        self._run("put", _key(key), dumps(value).encode(), expires)

    def __getitem__(self, key: Any) -> Any:
        entry: Entry | None = self._run("get", _key(key))
        if entry is None:
            raise KeyError(key)
        return loads(entry.value)

    def __delitem__(self, key: Any) -> None:
        if not self._run("delete", _key(key)):
            raise KeyError(key)

    def __iter__(self) -> Iterator[Any]:
        names: list[str] = self._run("keys", PREFIX)
        return iter([loads(name.removeprefix(PREFIX)) for name in names])

    def __len__(self) -> int:
        return len(self._run("keys", PREFIX))

    def _run(self, method: str, *args: Any) -> Any:
        """What a coroutine method of the store returns."""

        def run() -> Deferred[Any]:
            store = self._services.caches.store(self._name)
            return Deferred.fromCoroutine(getattr(store, method)(*args))

        return self._services.threads.call_in_reactor(run)


def _key(key: Any) -> str:
    return PREFIX + dumps(key)


def caches_of(services: Any) -> AttrDict:
    """The caches by name; ``memory`` is always there."""
    section = services.conf.get("cache") or {}
    return AttrDict((name, _cache(services, name, dict(section.get(name) or {}))) for name in services.caches.names)


def _cache(services: Any, name: str, options: dict[str, Any]) -> Cache:
    if options.get("type", "memory") != "memory":
        return StoredCache(services, name)
    from gramex_twisted.config.settings import CacheStore

    return MemoryCache(CacheStore.model_validate(options).size)
