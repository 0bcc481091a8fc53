"""services.stores.open: from options to stores."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.settings import RateLimitStore, Session, StoreOptions
from gramex_twisted.errors import ConfigError
from gramex_twisted.services.stores.base import Store
from gramex_twisted.services.stores.dictstore import DictStore
from gramex_twisted.services.stores.disk import DiskStore
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.stores.open import open_cache, open_store, redis_url
from gramex_twisted.services.stores.redisstore import RedisStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from gramex_twisted.services.stores.taking import TakingStore

DATA = Path("/data")


def opened(options: StoreOptions, **more: Any) -> Store:
    return open_store("session", options, Clock(), DATA, where="gramex.yaml:3:5", **more)


class OpenTests(SynchronousTestCase):
    def test_sqlite_under_the_data_folder_is_what_sessions_and_rate_limits_get(self) -> None:
        sessions, limits = opened(Session()), open_store("ratelimit", RateLimitStore(), Clock(), DATA)
        assert isinstance(sessions, SqliteStore)
        assert isinstance(limits, SqliteStore)
        self.assertEqual((sessions.path, sessions.entries_of), (DATA / "session.db", "session"))
        self.assertEqual((limits.path, limits.entries_of), (DATA / "ratelimit.db", "ratelimit"))
        self.assertEqual(sessions.purge_every, 3600)

    def test_paths_and_urls_are_taken_from_the_options(self) -> None:
        sqlite = opened(StoreOptions(path="/x/y.db", purge=5))
        json = opened(StoreOptions(type="json", path="/x/session.json"))
        redis = opened(StoreOptions(type="redis", url="redis://:pw@host:7000/2"))
        assert isinstance(sqlite, SqliteStore)
        assert isinstance(json, JsonFileStore)
        assert isinstance(redis, RedisStore)
        self.assertEqual((sqlite.path, sqlite.purge_every), (Path("/x/y.db"), 5))
        self.assertEqual(json.path, Path("/x/session.json"))
        self.assertEqual((redis.name_of_server, redis.prefix), ("redis://host:7000/2", "gramex:session:"))

    def test_json_and_redis_have_default_places(self) -> None:
        json, redis = opened(StoreOptions(type="json")), opened(StoreOptions(type="redis"))
        assert isinstance(json, JsonFileStore)
        assert isinstance(redis, RedisStore)
        self.assertEqual(json.path, DATA / "session.json")
        self.assertEqual(redis.name_of_server, "redis://localhost:6379/0")

    def test_memory_goes_on_with_the_entries_from_before_a_reload(self) -> None:
        before = opened(StoreOptions(type="memory"))
        assert isinstance(before, MemoryStore)
        after = opened(StoreOptions(type="memory"), entries=before.entries)
        assert isinstance(after, MemoryStore)
        self.assertIs(after.entries, before.entries)

    def test_a_missing_package_is_named_with_its_extra(self) -> None:
        ours = ["gramex_twisted.services.stores.redisstore", "gramex_twisted.services.stores.redisclient"]
        imported = {name: sys.modules.pop(name) for name in [*ours, "txredisapi"]}
        self.addCleanup(sys.modules.update, imported)
        sys.modules["txredisapi"] = None  # type: ignore[assignment]
        with self.assertRaises(ConfigError) as caught:
            opened(StoreOptions(type="redis"))
        self.assertEqual(
            str(caught.exception),
            "gramex.yaml:3:5: type: redis needs txredisapi: pip install 'gramex-twisted[redis]'",
        )

    def test_a_wrong_url_is_reported_where_it_stands(self) -> None:
        with self.assertRaises(ConfigError) as caught:
            opened(StoreOptions(type="redis", url="localhost"))
        self.assertEqual(
            str(caught.exception), "gramex.yaml:3:5: url: a Redis URL starts with redis://, rediss:// or unix://"
        )

    def test_the_redis_of_a_gramex_app(self) -> None:
        for path, url in {
            "host:7000:2:password=p w": "redis://:p%20w@host:7000/2",
            "host": "redis://host:6379/0",
            "": "redis://localhost:6379/0",
            "redis://host/1": "redis://host/1",
        }.items():
            self.assertEqual(redis_url(path), url)
        redis = opened(StoreOptions(type="redis", path="host:7000:2"))
        assert isinstance(redis, RedisStore)
        self.assertEqual(redis.name_of_server, "redis://host:7000/2")


class GramexTests(SynchronousTestCase):
    """What Gramex 1.x has made stays as it is, and goes on."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def opened(self, **options: Any) -> Store:
        return open_store("session", Session(**options), Clock(), self.folder)

    def test_a_path_to_a_json_file_is_that_of_a_json_store(self) -> None:
        store = self.opened(path="/x/session.json")
        assert isinstance(store, JsonFileStore)
        self.assertEqual(store.path, Path("/x/session.json"))
        self.assertIs(type(self.opened(path="/x/session.json", type="sqlite")), SqliteStore)

    def test_an_sqlite_store_of_gramex_keeps_its_table(self) -> None:
        path = self.folder / "own.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE store (key TEXT PRIMARY KEY, value BLOB)")
        self.assertIs(type(self.opened(type="sqlite", path=str(path))), DictStore)
        path.write_bytes(b"no database")
        self.assertIs(type(self.opened(type="sqlite", path=str(path))), SqliteStore)

    def test_sessions_are_taken_over_where_nothing_is_said_of_their_store(self) -> None:
        self.assertIs(type(self.opened()), SqliteStore)
        (self.folder / "session.json").write_text("{}")
        self.assertIs(type(self.opened(expiry=1)), TakingStore)
        self.assertIs(type(self.opened(type="sqlite")), SqliteStore)
        self.assertIs(type(open_store("ratelimit", RateLimitStore(), Clock(), self.folder)), SqliteStore)


class CacheTests(SynchronousTestCase):
    def opened(self, kind: str, **options: Any) -> Store:
        return open_cache("small", kind, Clock(), DATA, size=1000, **options)

    def test_each_kind(self) -> None:
        memory, disk, redis = (self.opened(kind) for kind in ("memory", "disk", "redis"))
        assert isinstance(memory, MemoryStore)
        assert isinstance(disk, DiskStore)
        assert isinstance(redis, RedisStore)
        self.assertEqual(memory.entries.size, 1000)
        self.assertEqual((disk.path, disk.size), (DATA / "cache" / "small", 1000))
        self.assertEqual(redis.prefix, "gramex:cache:small:")

    def test_a_path_and_a_url(self) -> None:
        disk, redis = self.opened("disk", path="/x"), self.opened("redis", url="unix:///r.sock")
        assert isinstance(disk, DiskStore)
        assert isinstance(redis, RedisStore)
        self.assertEqual(disk.path, Path("/x"))
        self.assertEqual(redis.name_of_server, "unix:///r.sock")
