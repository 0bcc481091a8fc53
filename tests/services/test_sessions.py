"""Sessions: kept, merged, renewed, ended; and those that Gramex made."""

from __future__ import annotations

import json
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.web import create_signed_value
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.settings import Session as Options
from gramex_twisted.errors import HTTPError
from gramex_twisted.services.sessions import Session, Sessions
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.testing import AppTestCase

DAY = 86400


class SessionsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1_000_000.0
        self.store = MemoryStore(Clock(), clock=lambda: self.now)
        self.sessions = Sessions(self.store, Signer("s", Path()), Options(), lambda: self.now)

    def wait(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(coroutine))

    def save(self, session: Session) -> None:
        self.wait(self.sessions.save(session))

    def load(self, sid: str) -> Session:
        session = self.wait(self.sessions.load(sid))
        self.assertIsNotNone(session)
        assert isinstance(session, Session)
        return session

    def made(self, **values: Any) -> str:
        session = self.sessions.new()
        session.update(values)
        self.save(session)
        return session.sid


class KeepingTests(SessionsCase):
    def test_what_is_set_is_there_again(self) -> None:
        sid = self.made(user={"id": "a"}, n=1)
        session = self.load(sid)
        self.assertEqual(session, {"user": {"id": "a"}, "n": 1, "id": sid, "_t": self.now + 31 * DAY})

    def test_a_session_in_which_nothing_was_set_is_not_kept(self) -> None:
        session = self.sessions.new()
        session.get("user")
        self.save(session)
        self.assertEqual(self.store.entries, {})

    def test_a_session_whose_id_was_asked_for_is_kept(self) -> None:
        session = self.sessions.new()
        sid = session["id"]
        self.save(session)
        self.assertEqual(self.load(sid)["id"], sid)

    def test_what_has_not_changed_is_not_written(self) -> None:
        sid = self.made(n=1)
        session = self.load(sid)
        self.store.entries.clear()
        self.save(session)
        self.assertEqual(self.store.entries, {})

    def test_a_change_deep_inside_is_seen(self) -> None:
        sid = self.made(basket={"items": [1]})
        session = self.load(sid)
        session["basket"]["items"].append(2)
        self.save(session)
        self.assertEqual(self.load(sid)["basket"], {"items": [1, 2]})

    def test_ids_cannot_be_guessed(self) -> None:
        ids = {self.sessions.new().sid for _ in range(100)}
        self.assertEqual((len(ids), {len(sid) for sid in ids}), (100, {32}))

    def test_what_is_not_json_is_refused_and_nothing_is_stored(self) -> None:
        session = self.sessions.new()
        session["good"], session["bad"] = 1, object()
        error = self.failureResultOf(Deferred.fromCoroutine(self.sessions.save(session)), HTTPError).value
        self.assertEqual(
            str(error), "HTTP 500: Internal Server Error (session key 'bad' cannot be stored: it is not JSON)"
        )
        self.assertEqual(self.store.entries, {})


class EndingTests(SessionsCase):
    def test_it_expires(self) -> None:
        sid = self.made(n=1)
        self.now += 31 * DAY - 1
        self.load(sid)
        self.now += 2
        self.assertIsNone(self.wait(self.sessions.load(sid)))

    def test_it_ends_when_its_visitor_was_away_for_too_long(self) -> None:
        sid = self.made(_i=100, n=1)
        self.now += 99
        self.save(self.load(sid))
        self.now += 99
        self.load(sid)
        self.now += 2
        self.assertIsNone(self.wait(self.sessions.load(sid)))

    def test_a_visit_is_noted_only_as_often_as_it_matters(self) -> None:
        sid = self.made(_i=1000)
        for _ in range(10):
            self.now += 1
            self.save(self.load(sid))
        self.assertEqual(self.load(sid)["_l"], 1_000_000.0)
        self.now += 50
        self.save(self.load(sid))
        self.assertEqual(self.load(sid)["_l"], self.now)

    def test_one_that_was_ended_elsewhere_stays_ended(self) -> None:
        sid = self.made(n=1)
        session = self.load(sid)
        self.wait(self.sessions.end(sid))
        session["n"] = 2
        self.save(session)
        self.assertIsNone(self.wait(self.sessions.load(sid)))

    def test_a_renewed_session_has_another_id_and_the_old_one_is_gone(self) -> None:
        sid = self.made(n=1)
        session = self.load(sid)
        self.sessions.renew(session)
        self.save(session)
        self.assertNotEqual(session.sid, sid)
        self.assertIsNone(self.wait(self.sessions.load(sid)))
        self.assertEqual(self.load(session.sid)["n"], 1)


class MergingTests(SessionsCase):
    def test_two_requests_lose_no_key_that_only_one_of_them_changed(self) -> None:
        sid = self.made(a=1, b=1, c=1)
        one, two = self.load(sid), self.load(sid)
        one["a"] = 2
        one["new"] = [1]
        two["b"] = 3
        del two["c"]
        self.save(one)
        self.save(two)
        found = self.load(sid)
        self.assertEqual(
            {key: found.get(key) for key in "abc"} | {"new": found["new"]}, {"a": 2, "b": 3, "c": None, "new": [1]}
        )

    Keys = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3))

    @settings(deadline=None, max_examples=200)
    @given(Keys, Keys, Keys)
    def test_each_change_of_one_request_alone_survives(
        self, before: dict[str, int], first: dict[str, int], second: dict[str, int]
    ) -> None:
        sid = self.made(**before, always=1)
        sessions = self.load(sid), self.load(sid)
        for session, wanted in zip(sessions, (first, second), strict=True):
            for key in "abcd":
                session.pop(key, None)
            session.update(wanted)
        for session in sessions:
            self.save(session)
        found = self.load(sid)
        for key in "abcd":
            changed = [wanted.get(key) for wanted in (first, second) if wanted.get(key) != before.get(key)]
            self.assertEqual(found.get(key), changed[-1] if changed else before.get(key), key)


class UpstreamTests(AppTestCase):
    """A session.json and a cookie that Gramex 1.9 made, with the same secret."""

    files = {
        "session.json": json.dumps(
            {
                "old-session-id": {
                    "_t": time.time() + 5 * DAY,
                    "id": "old-session-id",
                    "user": {"id": "ann", "role": "boss"},
                }
            }
        )
    }
    config = """
    app:
      settings: {cookie_secret: shared-secret}
      session: {type: json, path: $YAMLPATH/session.json}
    url:
      who: {pattern: /who, handler: FunctionHandler, kwargs: {function: handler.current_user.role, auth: true}}
      set: {pattern: /set, handler: FunctionHandler, kwargs: {function: 'handler.session.update(seen="here")'}}
    """

    def test_its_visitor_is_still_signed_in(self) -> None:
        cookie = create_signed_value("shared-secret", "sid", "old-session-id").decode()
        response = self.get("/who", headers={"Cookie": [f"sid={cookie}"]})
        self.assertEqual((response.status, response.text), (200, "boss"))
        self.assertNotIn("set-cookie", response.headers)

    def test_what_we_write_is_in_its_format(self) -> None:
        cookie = create_signed_value("shared-secret", "sid", "old-session-id").decode()
        self.assertEqual(self.get("/set", headers={"Cookie": [f"sid={cookie}"]}).status, 200)
        stored = json.loads((self.folder / "session.json").read_text())["old-session-id"]
        self.assertEqual((stored["seen"], stored["user"]["id"], stored["id"]), ("here", "ann", "old-session-id"))
        self.assertGreater(stored["_t"], time.time())

    def test_another_secret_makes_it_nobody(self) -> None:
        cookie = create_signed_value("other-secret", "sid", "old-session-id").decode()
        self.assertEqual(self.get("/who", headers={"Cookie": [f"sid={cookie}"]}).status, 302)


class CookieTests(AppTestCase):
    config = """
    app: {session: {type: memory, cookie: mysid}}
    url:
      set: {pattern: /set, handler: FunctionHandler, kwargs: {function: 'handler.session.update(n=1)'}}
      read: {pattern: /read, handler: FunctionHandler, kwargs: {function: 'handler.session.get("n")'}}
      plain: {pattern: /plain, handler: FunctionHandler, kwargs: {function: '"plain"'}}
    """

    def test_a_session_has_a_safe_cookie(self) -> None:
        cookie = self.get("/set").headers["set-cookie"]
        self.assertRegex(cookie, r'^mysid="?2\|1:0\|.*; expires=.*; HttpOnly; Path=/; SameSite=Lax$')
        secure = self.get("/set", headers={"X-Forwarded-Proto": ["https"]})
        self.app.new_client()
        self.assertTrue(
            self.get("/set", headers={"X-Forwarded-Proto": ["https"]}).headers["set-cookie"].endswith("; Secure")
        )
        self.assertNotIn("set-cookie", secure.headers, "the client has one already")

    def test_a_request_that_touches_no_session_makes_and_loads_none(self) -> None:
        self.assertNotIn("set-cookie", self.get("/plain").headers)
        self.assertNotIn("set-cookie", self.get("/read").headers)
        self.get("/set")
        store: Any = self.app.gramex.shared.sessions.store
        loads: list[str] = []
        load = store.get
        self.patch(store, "get", lambda key: (loads.append(key), load(key))[1])
        self.assertEqual(self.get("/plain").text, "plain")
        self.assertEqual(loads, [])
        self.assertEqual(self.get("/read").text, "1")
        self.assertEqual(len(loads), 1)

    def test_the_session_is_stored_before_the_response_ends(self) -> None:
        store: Any = self.app.gramex.shared.sessions.store
        gate: Deferred[None] = Deferred()
        put = store.put

        async def slow(*values: Any) -> None:
            await gate
            await put(*values)

        self.patch(store, "put", slow)
        started = self.app.start("GET", "/set")
        self.app.pump()
        self.assertNoResult(started)
        gate.callback(None)
        self.app.pump()
        self.assertEqual(self.successResultOf(started).status, 200)
