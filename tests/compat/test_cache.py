"""`gramex.cache` and `gramex.data`: what they have beside files and queries."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.compat import cache, data, jsonstore, stores
from gramex_twisted.compat.keystore import KeyStore
from gramex_twisted.compat.stores import get_store
from tests.functions.modulecase import ModuleCase
from tests.services.stores.support import Pausing

VALUES: list[Any] = [1, "é", [1, {"a": None}], {"x": 1.5}, True]


class FolderCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()


class KeyTests(SynchronousTestCase):
    def test_keys_are_the_same_for_the_same_values(self) -> None:
        self.assertEqual(cache.cache_key({"b": 1, "a": [2]}, "x"), '[{"a":[2],"b":1},"x"]')
        self.assertEqual([cache.hashed(value) for value in (1, "a", [1], object)], [1, "a", "[[1]]", object])
        self.assertIsNone(cache.hashed([object()]))

    def test_sizes(self) -> None:
        self.assertEqual(cache.sizeof("abc"), sys.getsizeof("abc"))


class StoreTests(FolderCase):
    def stores(self) -> Iterator[KeyStore]:
        yield get_store("memory")
        yield get_store("json", path=str(self.folder / "sub" / "a.json"), flush=10)
        yield get_store("sqlite", path=str(self.folder / "a.db"), table='t"x')

    def test_each_keeps_values(self) -> None:
        for store in self.stores():
            self.addCleanup(store.close)
            for number, value in enumerate(VALUES):
                store.dump(f"k{number}", value)
            store.dump(b"bytes", 1)
            self.assertEqual([store.load(f"k{number}") for number in range(len(VALUES))], VALUES)
            self.assertEqual((store.load("none"), store.load("none", 3), store.load("bytes")), ({}, 3, 1))
            self.assertEqual(set(store.keys()), {"k0", "k1", "k2", "k3", "k4", "bytes"})
            store.dump("k0", None)
            store.purge()
            self.assertEqual((store.load("k0", "gone"), "k0" in store.keys()), ("gone", False))  # noqa: SIM118

    def test_files_outlive_the_store_and_dates_come_back(self) -> None:
        moment = datetime(2020, 1, 2, tzinfo=UTC)
        for kind, name in (("json", "a.json"), ("sqlite", "a.db")):
            path = str(self.folder / name)
            store = get_store(kind, path=path)
            store.dump("x", {"at": moment, "n": 1})
            store.flush()
            again = get_store(kind, path=path)
            self.addCleanup(store.close)
            self.addCleanup(again.close)
            self.assertEqual(again.load("x"), {"at": moment, "n": 1})
        self.assertEqual(json.loads((self.folder / "a.json").read_text())["x"]["n"], 1)

    def test_two_processes_json_files_lose_nothing(self) -> None:
        path = str(self.folder / "a.json")
        first, second = get_store("json", path=path), get_store("json", path=path)
        first.dump("a", 1)
        second.dump("b", 2)
        first.flush()
        second.flush()
        self.assertEqual(json.loads(Path(path).read_text()), {"a": 1, "b": 2})
        os.chmod(path, 0o640)
        first.dump("c", 3)
        first.dump("a", None)
        first.flush()
        self.assertEqual(json.loads(Path(path).read_text()), {"b": 2, "c": 3})
        self.assertEqual(Path(path).stat().st_mode & 0o777, 0o640)

    def test_half_a_file_is_none_and_is_kept(self) -> None:
        path = self.folder / "a.json"
        path.write_text('{"a": 1, "b')
        os.utime(path, (1, 1))
        with self.assertLogs("gramex") as logged:
            store = get_store("json", path=str(path))
        self.assertIn("a.json: is not JSON: ", logged.output[0])
        self.assertEqual(list(store.keys()), [])
        store.dump("c", 3)
        store.flush()
        self.assertEqual(json.loads(path.read_text()), {"c": 3})
        self.assertEqual((self.folder / "a.json.damaged").read_text(), '{"a": 1, "b')

    def test_a_file_that_gramex_is_writing_is_waited_for(self) -> None:
        path = self.folder / "a.json"
        path.write_text('{"a": 1, "b')
        self.patch(jsonstore, "time", Pausing(lambda: path.write_text('{"a": 1, "b": 2}')))
        self.assertEqual(sorted(get_store("json", path=str(path)).keys()), ["a", "b"])

    def test_a_table_of_sqlitedict_is_read(self) -> None:
        path = self.folder / "a.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute('CREATE TABLE "store" (key TEXT PRIMARY KEY, value BLOB)')
            connection.execute('INSERT INTO "store" VALUES (?, ?)', ("k", '{"a":"2020-01-02T00:00:00+00:00"}'))
            connection.commit()
        store = get_store("sqlite", path=str(path))
        self.addCleanup(store.close)
        self.assertEqual(store.load("k").a, datetime(2020, 1, 2, tzinfo=UTC))
        self.assertEqual(pickle.loads(pickle.dumps(True)), True)

    def test_a_table_that_another_process_holds_is_named_and_nothing_is_lost(self) -> None:
        self.patch(stores, "PATIENCE", 0.05)
        path = self.folder / "a.db"
        store = get_store("sqlite", path=str(path))
        self.addCleanup(store.close)
        store.dump("a", 1)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            self.assertRaisesRegex(sqlite3.OperationalError, "a.db: database is locked", store.dump, "a", 2)
        self.assertEqual(store.load("a"), 1)
        store.dump("a", 2)
        self.assertEqual(store.load("a"), 2)

    def test_other_types_are_named(self) -> None:
        self.assertRaisesRegex(NotImplementedError, "'hdf5' is not here; use memory, json, sqlite", get_store, "hdf5")

    @settings(deadline=None, max_examples=30)
    @given(
        st.dictionaries(
            st.text(st.characters(codec="utf-8", exclude_characters="\0")), st.integers() | st.text(max_size=4)
        )
    )
    def test_any_text_is_a_key(self, values: dict[str, Any]) -> None:
        path = self.folder / "any.db"
        path.unlink(missing_ok=True)
        with closing(get_store("sqlite", path=str(path))) as store:
            for key, value in values.items():
                store.dump(key, value)
            self.assertEqual(set(store.keys()), set(values))


class ReloadTests(ModuleCase):
    def test_a_module_is_imported_anew_when_its_file_has_changed(self) -> None:
        path = self.write("changing.py", "x = 1\n")
        import changing  # type: ignore[import-not-found]

        cache.reload_module(changing)
        path.write_text("x = 22\n")
        cache.reload_module(changing, sys)
        self.assertEqual(changing.x, 22)
        with self.assertLogs("gramex", "WARNING"):
            cache.reload_module(__import__("itertools"))


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.end_headers()
        self.wfile.write(b'{"agent": "%s"}' % (self.headers.get("X-Own") or "").encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Silence."""


class FetchTests(FolderCase):
    @contextmanager
    def server(self) -> Iterator[str]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/x"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def test_a_url_becomes_a_file(self) -> None:
        with self.server() as url:
            path = cache.urlfetch(url, headers={"X-Own": "me"})
            self.assertEqual(json.loads(Path(path).read_text()), {"agent": "me"})
            self.assertTrue(path.endswith(".json"))
            info = cache.urlfetch(url, info=True)
            self.assertEqual((info["content_type"], info["ext"], info["url"]), ("application/json", ".json", url))
            self.assertEqual(info["r"].status_code, 200)

    def test_a_path_stays_what_it_is(self) -> None:
        self.assertEqual(cache.urlfetch("/a/b.csv"), "/a/b.csv")
        self.assertEqual(cache.urlfetch("/a/b.csv", info=True)["content_type"], "text/csv")


class ProcessTests(SynchronousTestCase):
    def test_outputs_go_to_functions_lists_and_queues(self) -> None:
        got: list[bytes] = []
        proc = cache.Subprocess(["echo", "hi"], stream_stdout=[got.append, "list_all", "queue_all"])
        self.assertEqual([future.result(60) for future in proc.wait_for_exit()], [b"", b""])
        found: Any = proc
        self.assertEqual((got, found.list_all, found.queue_all.get_nowait()), ([b"hi\n"], [b"hi\n"], b"hi\n"))

    def test_what_a_function_raises_is_raised_to_who_waits(self) -> None:
        def fail(data: bytes) -> None:
            raise ValueError(data.decode())

        proc = cache.Subprocess(["echo", "hi"], stream_stdout=fail)
        self.assertRaisesRegex(ValueError, "hi", proc.wait_for_exit()[0].result, 60)
        proc.wait_for_exit()[1].result(60)
        proc.proc.wait(60)

    def test_mistakes(self) -> None:
        self.assertRaises(FileNotFoundError, cache.Subprocess, ["/no/such/program"])
        self.assertRaisesRegex(
            ValueError, "begins with list_ or queue_", cache.Subprocess, ["echo"], stream_stdout="out"
        )
        self.assertRaisesRegex(RuntimeError, "for functions of an app", cache.daemon, ["echo"])


class DataTests(FolderCase):
    def test_what_a_url_is(self) -> None:
        import pandas as pd  # type: ignore[import-untyped]

        (self.folder / "a.csv").write_text("a\n1\n")
        urls = [pd.DataFrame(), str(self.folder), str(self.folder / "a.csv"), "sqlite:///x.db", "mongodb://x/y"]
        expected = ["dataframe", "dir", "file", "sqlalchemy", "mongodb"]
        self.assertEqual([data.get_engine(url) for url in urls], expected)

    def test_engines_and_tables(self) -> None:
        url = f"sqlite:///{self.folder / 'a.db'}"
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        engine = data.create_engine(url)
        self.addCleanup(engine.dispose)
        self.assertIs(data.create_engine(url), engine)
        self.assertEqual(data.get_table(engine, "t").columns.keys(), ["a", "b"])
        self.assertEqual(data.create_engine("x", create=lambda url, **kwargs: (url, kwargs), y=1), ("x", {"y": 1}))

    def test_dirstat(self) -> None:
        (self.folder / "sub").mkdir()
        (self.folder / "sub" / "a.txt").write_text("abc")
        frame = data.dirstat(str(self.folder)).sort_values("path")
        rows = frame[["type", "dir", "name", "level"]].to_records(index=False).tolist()
        self.assertEqual(rows, [("dir", "/", "sub", 1), (".txt", "/sub/", "a.txt", 2)])
        self.assertEqual(frame["size"].iloc[1], 3)
        self.assertRaises(OSError, data.dirstat, str(self.folder / "none"))
