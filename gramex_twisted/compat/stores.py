"""`get_store` and the stores of gramex.cache: dicts that outlive the process, in the files of Gramex 1.x."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

from gramex_twisted.compat.jsonstore import JSONStore
from gramex_twisted.compat.keystore import PATIENCE, KeyStore, dumps, loads, made, text


class SQLiteStore(KeyStore):
    """A table of a SQLite file, as the package sqlitedict writes it."""

    def __init__(self, path: str, table: str = "store", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.path = made(path)
        self.table = '"' + table.replace('"', '""') + '"'
        self._connection = sqlite3.connect(self.path, PATIENCE, isolation_level=None, check_same_thread=False)
        self._run(f"CREATE TABLE IF NOT EXISTS {self.table} (key TEXT PRIMARY KEY, value BLOB)")

    def _run(self, sql: str, *values: Any) -> list[Any]:
        with self.lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise type(error)(f"{self.path}: {error}") from error

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
