"""`KeyStore`: a dict in memory, and what the stores that outlive the process share."""

from __future__ import annotations

import atexit
import json
import os
import time
import weakref
from collections.abc import Callable, Iterable
from threading import RLock
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.jsoncoding import CustomJSONDecoder, CustomJSONEncoder

PATIENCE = 10.0
"""Seconds that another process may keep a file locked."""


def dumps(value: Any) -> str:
    """``value`` as JSON, with sorted keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), cls=CustomJSONEncoder)


def loads(text: str | bytes) -> Any:
    """The value of a JSON text; its objects are AttrDicts."""
    return json.loads(text, object_pairs_hook=AttrDict, cls=CustomJSONDecoder)


class KeyStore:
    """A dict in memory: ``load(key, default)``, ``dump(key, value)``, ``keys()``. Thread-safe.

    ``flush``: seconds after which a change is written at the latest when the next one comes; it is written by
    ``flush()`` and when the process ends, too. ``purge_keys``: a function of the dict that returns the keys that
    ``purge()`` removes; default: those whose value is None.
    """

    def __init__(
        self,
        flush: float | None = None,
        purge: float | None = None,
        purge_keys: Callable[[dict[str, Any]], Iterable[str]] | None = None,
        **kwargs: Any,
    ) -> None:
        self.store: Any = {}
        self.flush_every = flush
        self.lock = RLock()
        self._flushed = time.monotonic()
        if purge_keys is not None:
            self.purge_keys = purge_keys  # type: ignore[method-assign,assignment]
        atexit.register(_close, weakref.ref(self))

    def keys(self) -> Iterable[str]:
        """All keys."""
        return list(self.store)

    def load(self, key: str | bytes, default: Any = ...) -> Any:
        """The value of ``key``; ``default``, or {} where none is given, if there is none."""
        with self.lock:
            return self.store.get(text(key), {} if default is ... else default)

    def dump(self, key: str | bytes, value: Any) -> None:
        """Set the value of ``key``."""
        with self.lock:
            self.store[text(key)] = value

    @staticmethod
    def purge_keys(data: dict[str, Any]) -> Iterable[str]:
        """What ``purge`` removes."""
        return [key for key, value in data.items() if value is None]

    def purge(self) -> None:
        """Remove what is not needed, and write."""
        with self.lock:
            for key in list(self.purge_keys(dict(self.store))):
                self.store.pop(key, None)
        self.flush()

    def flush(self) -> None:
        """Write what has changed."""

    def close(self) -> None:
        """Write what has changed; the store is not used any more."""
        self.flush()


def text(key: str | bytes) -> str:
    """A key as text."""
    return str(key, "utf-8") if isinstance(key, bytes) else str(key)


def made(path: str) -> str:
    """``path``, absolute, whose folder is there."""
    path = os.path.abspath(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _close(reference: weakref.ref[KeyStore]) -> None:
    store = reference()
    if store is not None:
        store.close()
