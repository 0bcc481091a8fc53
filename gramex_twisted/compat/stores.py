"""`get_store` and the stores of gramex.cache: dicts that outlive the process, in the files of Gramex 1.x."""

from __future__ import annotations

import atexit
import json
import os
import secrets
import sqlite3
import time
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import RLock
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.jsoncoding import CustomJSONDecoder, CustomJSONEncoder
from gramex_twisted.durable import replace

PATIENCE = 10.0
"""Seconds that another process may keep a SQLite file locked."""


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


class JSONStore(KeyStore):
    """A JSON file that is rewritten as a whole. Of what other processes have written, nothing is lost."""

    def __init__(self, path: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = _made(path)
        self.changed: dict[str, Any] = {}
        self.store = self._read()

    def dump(self, key: str | bytes, value: Any) -> None:
        """See KeyStore."""
        with self.lock:
            name = text(key)
            self.store[name] = self.changed[name] = value
            due = self.flush_every is not None and time.monotonic() - self._flushed >= self.flush_every
        if due:
            self.flush()

    def flush(self) -> None:
        """See KeyStore."""
        with self.lock:
            self._flushed = time.monotonic()
            if self.changed:
                self._write({**self._read(), **self.changed})

    def purge(self) -> None:
        """See KeyStore."""
        with self.lock:
            data = {**self._read(), **self.changed}
            for key in list(self.purge_keys(dict(data))):
                data.pop(key, None)
            self._write(data)

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(Path(self.path).read_text("utf-8"), cls=CustomJSONDecoder)
        except (OSError, ValueError):  # none yet, or half of one that Gramex was writing
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, data: dict[str, Any]) -> None:
        path = Path(self.path)
        mode = path.stat().st_mode & 0o7777 if path.exists() else 0o600
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        os.close(replace(path, dumps(data).encode("utf-8"), temporary, mode))
        self.store, self.changed = data, {}


class SQLiteStore(KeyStore):
    """A table of a SQLite file, as the package sqlitedict writes it."""

    def __init__(self, path: str, table: str = "store", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = _made(path)
        self.table = '"' + table.replace('"', '""') + '"'
        self._connection = sqlite3.connect(self.path, PATIENCE, isolation_level=None, check_same_thread=False)
        self._run(f"CREATE TABLE IF NOT EXISTS {self.table} (key TEXT PRIMARY KEY, value BLOB)")

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with self.lock:
            return self._connection.execute(sql, values).fetchall()

    def keys(self) -> Iterable[str]:
        """See KeyStore."""
        return [row[0] for row in self._run(f"SELECT key FROM {self.table} ORDER BY rowid")]

    def load(self, key: str | bytes, default: Any = ...) -> Any:
        """See KeyStore."""
        found = self._run(f"SELECT value FROM {self.table} WHERE key = ?", text(key))
        return loads(found[0][0]) if found else {} if default is ... else default

    def dump(self, key: str | bytes, value: Any) -> None:
        """See KeyStore."""
        self._run(f"REPLACE INTO {self.table} (key, value) VALUES (?, ?)", text(key), dumps(value))

    def purge(self) -> None:
        """See KeyStore."""
        data = {row[0]: loads(row[1]) for row in self._run(f"SELECT key, value FROM {self.table}")}
        for key in list(self.purge_keys(data)):
            self._run(f"DELETE FROM {self.table} WHERE key = ?", key)

    def close(self) -> None:
        """See KeyStore."""
        with self.lock:
            self._connection.close()


class RedisStore(KeyStore):
    """A Redis database: ``host:port:db:option=value...``, by the package redis."""

    def __init__(self, path: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        try:
            import redis  # type: ignore[import-not-found]
        except ImportError as error:
            raise ImportError("gramex.cache.RedisStore needs redis: pip install redis") from error
        parts = (path or "").split(":")
        options: dict[str, Any] = dict(part.split("=", 1) for part in parts[3:] if "=" in part)
        host, port, db = [*parts[:3], "", "", ""][:3]
        self.store = redis.Redis(host or "localhost", int(port or 6379), int(db or 0), decode_responses=True, **options)

    def load(self, key: str | bytes, default: Any = None) -> Any:
        """See KeyStore."""
        found = self.store.get(key)
        return default if found is None else loads(found)

    def dump(self, key: str | bytes, value: Any) -> None:
        """Set the value of ``key``; None removes it."""
        if value is None:
            self.store.delete(key)
        else:
            self.store.set(key, dumps(value))

    def keys(self) -> Iterable[str]:
        """See KeyStore."""
        found: list[str] = list(self.store.scan_iter())
        return found

    def purge(self) -> None:
        """See KeyStore."""
        data = {key: self.load(key) for key in self.keys()}
        for key in list(self.purge_keys(data)):
            self.store.delete(key)


KINDS: dict[str, Callable[..., KeyStore]] = {
    "memory": KeyStore,
    "json": JSONStore,
    "sqlite": SQLiteStore,
    "redis": RedisStore,
}


def get_store(type: str, **kwargs: Any) -> KeyStore:
    """The store of a type: memory, json, sqlite or redis. Raises NotImplementedError for another."""
    if type not in KINDS:
        raise NotImplementedError(f"store type {type!r} is not here; use {', '.join(KINDS)}")
    return KINDS[type](**kwargs)


def text(key: str | bytes) -> str:
    """A key as text."""
    return str(key, "utf-8") if isinstance(key, bytes) else str(key)


def _made(path: str) -> str:
    """``path``, absolute, whose folder is there."""
    path = os.path.abspath(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    return path


def _close(reference: weakref.ref[KeyStore]) -> None:
    store = reference()
    if store is not None:
        store.close()
