"""services.stores.jsonfile: the session.json of Gramex 1.x, read, written, shared and never spoilt."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.services.stores import jsonfile
from gramex_twisted.services.stores.base import Entry, StoreError
from gramex_twisted.services.stores.jsonfile import JsonFileStore
from gramex_twisted.services.stores.jsontext import checked, parse, render
from tests.services.stores.support import FakeClock, Pausing, increment, stopped_after, together


class JsonFileTest(TestCase):
    def setUp(self) -> None:
        self.clock = FakeClock()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.path = self.folder / "session.json"

    def store(self, path: Path | None = None, **options: Any) -> JsonFileStore:
        from twisted.internet import reactor

        store = JsonFileStore(reactor, path or self.path, clock=self.clock, **options)
        stopped_after(self, store)
        return store

    def replace(self, content: str | bytes) -> None:
        """As an editor does."""
        new = self.folder / "new"
        new.write_bytes(content.encode() if isinstance(content, str) else content)
        new.rename(self.path)

    async def fails(self, coroutine: Any) -> str:
        """The text of the StoreError that ``coroutine`` ends with."""
        with self.assertRaises(StoreError) as caught:
            await coroutine
        return str(caught.exception)


class FormatTests(JsonFileTest):
    async def test_the_sessions_of_gramex_1_live_on(self) -> None:
        later, now = self.clock.now + 100, self.clock.now
        sessions = {
            "sid1": {"_t": later, "_l": 5, "user": {"id": "ann"}, "id": "sid1"},
            "old": {"_t": now, "id": "old"},
            "for ever": {"id": "for ever"},
            "null": None,
            "odd": {"_t": "soon"},
        }
        self.path.write_text(json.dumps(sessions, indent=2))
        store = self.store()
        entry = await store.get("sid1")
        assert entry is not None
        self.assertEqual(json.loads(entry.value), {"_l": 5, "user": {"id": "ann"}, "id": "sid1"})
        self.assertEqual(entry.expires, later)
        self.assertIsNone(await store.get("old"))
        self.assertEqual(await store.get("for ever"), Entry(b'{"id":"for ever"}'))
        self.assertEqual(await store.purge(), 1)
        del sessions["old"]
        self.assertEqual(json.loads(self.path.read_text()), sessions, "and all that is not ours is kept as it was")

    async def test_what_is_written_gramex_1_can_read(self) -> None:
        store = self.store()
        await store.put("a", b' {"user": "\xc3\xa9"} ', 12345678901.5)
        await store.put("b", b"{}", 12345678902)
        await store.put("c", b'{"_t": 7, "n": 1}')
        expected = {"a": {"user": "é", "_t": 12345678901.5}, "b": {"_t": 12345678902}, "c": {"n": 1}}
        self.assertEqual(json.loads(self.path.read_text(encoding="utf-8")), expected)

    async def test_other_values_than_objects_are_refused(self) -> None:
        store = self.store()
        for value in (b"", b"text", b"[1]", b"1", b"null", b"\xff", b'{"a":1}{'):
            with self.assertRaisesRegex(ValueError, "a json store keeps JSON objects only, and not b"):
                await store.put("k", value)
            with self.assertRaisesRegex(ValueError, "a json store keeps JSON objects only, and not b"):
                await store.update("k", lambda entry, value=value: (Entry(value), None))  # type: ignore[misc]
        self.assertEqual(await store.keys(), [])


class FileTests(JsonFileTest):
    async def test_what_is_no_json_object_is_named_and_never_overwritten(self) -> None:
        cases = [
            ('{"a": {},\n "b": oops}', "session.json:2:7: is not JSON; mend it, or move it away"),
            ("[1, 2]", "session.json: holds no JSON object"),
            (b'{"a": "\xff"}', "session.json: is not JSON"),
        ]
        for content, message in cases:
            self.replace(content)
            before = self.path.read_bytes()
            store = self.store()
            for coroutine in (store.ready(), store.get("a"), store.put("k", b"{}"), store.purge(), store.keys()):
                self.assertIn(message, await self.fails(coroutine))
            self.assertEqual(self.path.read_bytes(), before)
            self.replace('{"a": {"mended": true}}')
            self.assertEqual(await store.get("a"), Entry(b'{"mended":true}'))

    async def test_half_a_file_that_gramex_is_writing_is_waited_for(self) -> None:
        whole = json.dumps(
            {"ann": {"id": "ann", "_t": self.clock.now + 9}, "bob": {"id": "bob", "_t": self.clock.now + 9}}
        )
        store = self.store()
        self.path.write_text(whole[:20])
        self.patch(jsonfile, "time", Pausing(lambda: self.path.write_text(whole)))
        self.assertEqual(await store.keys(), ["ann", "bob"])
        self.path.write_text(whole[:20])
        await store.put("eve", b'{"id": "eve"}')
        self.assertEqual(sorted(json.loads(self.path.read_text())), ["ann", "bob", "eve"])

    async def test_an_empty_file_and_none_at_all_are_empty_stores(self) -> None:
        self.path.touch()
        store = self.store()
        self.assertEqual(await store.keys(), [])
        await store.put("k", b"{}")
        self.path.unlink()
        self.assertIsNone(await store.get("k"))

    async def test_only_the_owner_can_read_a_new_file(self) -> None:
        await self.store().put("k", b"{}")
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o600)

    async def test_a_file_keeps_its_mode_and_a_symbolic_link_its_target(self) -> None:
        self.path.write_text("{}")
        self.path.chmod(0o640)
        link = self.folder / "link.json"
        link.symlink_to(self.path)
        await self.store(link).put("k", b"{}")
        self.assertTrue(link.is_symlink())
        self.assertEqual(json.loads(self.path.read_text()), {"k": {}})
        self.assertEqual(self.path.stat().st_mode & 0o777, 0o640)

    async def test_nothing_is_left_beside_the_file_but_its_lock(self) -> None:
        (self.folder / "session.json.tmp").write_text("what a process that was killed has left")
        store = self.store()
        await store.put("k", b"{}")
        self.assertEqual(sorted(os.listdir(self.folder)), ["session.json", "session.json.lock"])

    async def test_a_change_by_hand_is_seen_at_the_next_use(self) -> None:
        store = self.store()
        await store.put("k", b'{"n":1}')
        self.replace('{"k": {"n": 5}}')
        self.assertEqual(await store.get("k"), Entry(b'{"n":5}'))
        self.replace('{"n": {"n": 41}}')
        self.assertEqual(await store.update("n", increment), 42)
        self.assertEqual(await store.keys(), ["n"])


class WritingTests(JsonFileTest):
    async def test_writes_that_come_together_share_one_rewriting(self) -> None:
        store = self.store()
        await store.ready()
        contents: list[bytes] = []
        replace = store._file.replace
        self.patch(store._file, "replace", lambda content: (contents.append(content), replace(content)))
        await together(store.put(f"k{number}", b"{}") for number in range(50))
        self.assertEqual(len(contents), 1)
        await together([store.delete("absent"), store.purge()])
        self.assertEqual(len(contents), 1, "what changes nothing writes nothing")
        self.assertEqual(len(json.loads(self.path.read_text())), 50)

    async def test_what_was_read_once_waits_for_no_thread(self) -> None:
        store = self.store()
        await store.put("k", b"{}")
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(store.get("k"))), Entry(b"{}"))

    async def test_a_lock_that_is_not_given_back_is_an_error_in_time(self) -> None:
        store = self.store(timeout=0.3)
        await store.put("k", b"{}")
        with open(self.folder / "session.json.lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            message = await self.fails(store.put("k", b'{"new":1}'))
            self.assertRegex(message, r"session\.json\.lock: locked by another process for 0\.[23] s")
            self.assertEqual(await store.get("k"), Entry(b"{}"))
        await store.put("k", b'{"new":1}')
        self.assertEqual(await store.get("k"), Entry(b'{"new":1}'))

    async def test_two_stores_of_one_process_lose_no_update(self) -> None:
        """As during a reload, when the old app still answers."""
        stores = [self.store(), self.store()]
        await together(store.update("n", increment) for _ in range(20) for store in stores)
        self.assertEqual(await stores[0].get("n"), Entry(b'{"n":40}'))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(st.characters(codec="utf-8"), max_size=5)


class TextTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=60)
    @given(
        st.dictionaries(
            texts,
            st.tuples(st.dictionaries(texts, json_values, max_size=3), st.none() | st.floats(0, 1e11)),
            max_size=4,
        )
    )
    def test_what_is_rendered_is_parsed_again(self, tree: dict[str, Any]) -> None:
        entries = {
            key: Entry(checked(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")), expires)
            for key, (value, expires) in tree.items()
        }
        again = parse(render(entries), Path("x"))
        self.assertEqual(list(again), list(entries))
        for key, entry in entries.items():
            self.assertEqual(json.loads(again[key].value), json.loads(entry.value))
            self.assertEqual(again[key].expires, entry.expires)
