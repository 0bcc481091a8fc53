"""From the options of a store to the store."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from gramex_twisted.errors import ConfigError
from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.memory import Entries, MemoryStore

REDIS_URL = "redis://localhost:6379/0"
#: Seconds to wait for a process that holds a file.
LOCKED = 5.0


class Options(Protocol):
    """What ``config.settings.StoreOptions`` has."""

    @property
    def type(self) -> str: ...
    @property
    def path(self) -> str | None: ...
    @property
    def url(self) -> str | None: ...
    @property
    def purge(self) -> float: ...
    @property
    def model_fields_set(self) -> set[str]: ...


def open_store(
    name: str,
    options: Options,
    reactor: Any,
    data_dir: Path,
    *,
    where: str = "",
    entries: Entries | None = None,
    threaded: bool = True,
    clock: Callable[[], float] = time.time,
) -> Store:
    """The store called ``name`` (``session``, ``ratelimit`` ...) that ``options`` ask for. It is a Service: start it.

    Without a path, sqlite uses ``<data_dir>/<name>.db`` and json ``<data_dir>/<name>.json``. Two stores of different
    names may share an sqlite file or a Redis database.

    An sqlite file that Gramex 1.x has made stays one of its. Where no type is written, sessions begin with those of
    ``<data_dir>/session.json``, where Gramex has them.

    :param where: file:line:column of the options, for errors.
    :param entries: for a memory store: the ``entries`` of the one before a reload.
    :param threaded: False: do what threads do on the reactor (tests with a Clock).
    :raises ConfigError: when a package is missing, or the URL is wrong.
    """
    common: dict[str, Any] = {"clock": clock, "purge_every": options.purge}
    kind, written = options.type, "type" in options.model_fields_set
    if not written and options.path and options.path.endswith(".json"):
        kind = "json"
    if kind == "memory":
        return MemoryStore(reactor, entries=entries, **common)
    if kind == "redis":
        return _redis(name, options.url or redis_url(options.path), reactor, where, common)
    if kind == "json":
        return JsonFileStore(reactor, _path(name, options, data_dir, "json"), threaded=threaded, **common)
    path = _path(name, options, data_dir, "db")
    common["threaded"] = threaded
    if is_of_gramex(path):
        from gramex_twisted.services.stores.dictstore import DictStore

        return DictStore(reactor, path, **common)
    source = data_dir / "session.json"
    if name == "session" and not written and options.path is None and source.exists():
        from gramex_twisted.services.stores.taking import TakingStore

        return TakingStore(reactor, path, name, source, **common)
    from gramex_twisted.services.stores.sqlite import SqliteStore  # not needed by apps without sessions

    return SqliteStore(reactor, path, name, **common)


def open_cache(
    name: str,
    kind: str,
    reactor: Any,
    data_dir: Path,
    *,
    size: int,
    path: str | None = None,
    url: str | None = None,
    purge_every: float = 3600.0,
    where: str = "",
    entries: Entries | None = None,
    threaded: bool = True,
    clock: Callable[[], float] = time.time,
) -> Store:
    """The store of the cache ``name``, of at most ``size`` bytes: ``kind`` is ``memory``, ``disk`` or ``redis`` (whose
    size is set in Redis, by maxmemory). The other parameters are those of ``open_store``; without a path, files are in
    ``<data_dir>/cache/<name>``.
    """
    common: dict[str, Any] = {"clock": clock, "purge_every": purge_every}
    if kind == "memory":
        return MemoryStore(reactor, size=size, entries=entries, **common)
    if kind == "redis":
        return _redis(f"cache:{name}", url or redis_url(path), reactor, where, common)
    from gramex_twisted.services.stores.disk import DiskStore

    folder = Path(path) if path else data_dir / "cache" / name
    return DiskStore(reactor, folder, size, threaded=threaded, **common)


def _path(name: str, options: Options, data_dir: Path, suffix: str) -> Path:
    return Path(options.path) if options.path else data_dir / f"{name}.{suffix}"


def redis_url(path: str | None) -> str:
    """The URL for the ``host:port:db:password=...`` of Gramex 1.x; None: the Redis of this machine."""
    if path and "://" in path:
        return path
    parts = (path or "").split(":")
    host, port, db = [*parts[:3], "", "", ""][:3]
    options = dict(part.split("=", 1) for part in parts[3:] if "=" in part)
    user = f"{quote(options.get('username', ''))}:{quote(options['password'])}@" if "password" in options else ""
    return f"redis://{user}{host or 'localhost'}:{port or 6379}/{db or 0}"


def is_of_gramex(path: Path) -> bool:
    """Whether the file is an SQLite store that Gramex 1.x has made: its table is called ``store``."""
    if not path.is_file():
        return False
    import sqlite3

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=LOCKED)) as connection:
            found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    except sqlite3.Error:
        return False  # whoever opens it says what is the matter
    return ("store",) in found and ("entries",) not in found


def _redis(name: str, url: str, reactor: Any, where: str, common: dict[str, Any]) -> Store:
    try:
        from gramex_twisted.services.stores.redisstore import RedisStore
    except ImportError as error:
        message = f"type: redis needs {error.name}: pip install 'gramex-twisted[redis]'"
        raise ConfigError(where, message) from error
    try:
        return RedisStore(reactor, url, f"gramex:{name}:", **common)
    except ValueError as error:
        raise ConfigError(where, f"url: {error}") from error
