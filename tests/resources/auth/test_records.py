"""What sign-in remembers, in a real SQLite store and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from gramex_twisted.config.settings import Session as Options
from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.delays import MOST_OF_ADDRESS, MOST_OF_USER, Delays
from gramex_twisted.resources.auth.passwords import Passwords
from gramex_twisted.resources.auth.records import Record, Records, record_key
from gramex_twisted.resources.auth.usersessions import UserSessions
from gramex_twisted.services.sessions import Sessions
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.memory import MemoryStore
from gramex_twisted.services.stores.sqlite import SqliteStore
from gramex_twisted.services.threads import Threads


def add(record: Record) -> int:
    record["n"] = n = int(record.get("n", 0)) + 1
    return n


class RecordTests(TestCase):
    def setUp(self) -> None:
        self.now = 1000.0
        self.store: Any = SqliteStore(reactor, Path(self.mktemp()), clock=lambda: self.now)
        self.store.startService()
        self.addCleanup(self.store.stopService)
        self.sessions = Sessions(self.store, Signer("secret", Path()), Options(), lambda: self.now)
        self.records = Records(self.sessions)

    async def test_a_change_is_atomic(self) -> None:
        changes = [Deferred.fromCoroutine(self.records.change("auth:x", add, 60)) for _ in range(50)]
        self.assertEqual(sorted(await gatherResults(changes)), list(range(1, 51)))

    async def test_of_two_who_take_it_one_gets_it(self) -> None:
        await self.records.put("auth:x", {"a": 1}, 60)
        taken = await gatherResults([Deferred.fromCoroutine(self.records.take("auth:x")) for _ in range(2)])
        self.assertEqual(sorted(taken, key=bool), [None, {"a": 1}])

    async def test_it_expires_and_a_change_may_prolong_it(self) -> None:
        await self.records.put("auth:kept", {"n": 1}, 60)
        await self.records.put("auth:extended", {"n": 1}, 60)
        self.now += 50
        await self.records.change("auth:kept", add, 60, extend=False)
        await self.records.change("auth:extended", add, 60)
        self.now += 20
        self.assertEqual(await self.records.get("auth:kept"), None)
        self.assertEqual(await self.records.get("auth:extended"), {"n": 2})

    async def test_an_empty_record_is_none(self) -> None:
        await self.records.put("auth:x", {"n": 1}, 60)
        await self.records.change("auth:x", lambda record: record.clear(), 60)
        self.assertEqual(await self.store.keys(), [])

    def test_keys_do_not_tell_names_and_do_not_collide(self) -> None:
        self.assertNotIn("alice", record_key("failed", "alice"))
        self.assertNotEqual(record_key("x", "a", "b"), record_key("x", "ab"))

    async def test_the_newest_session_stays_whoever_looks_first(self) -> None:
        users = UserSessions(self.sessions)
        for sid in ("one", "two", "three"):
            await self.store.put(sid, b"{}", self.now + 60)
            await users.add("user:a", sid, self.now + 60)
            self.now += 1
        await self.store.put("other", b"{}", self.now + 60)
        await users.add("user:b", "other", self.now + 60)
        await gatherResults([Deferred.fromCoroutine(users.keep_newest("user:a")) for _ in range(3)])
        self.assertEqual([key for key in await self.store.keys() if ":" not in key], ["other", "three"])
        await users.end_all("user:a")
        self.assertEqual([key for key in await self.store.keys() if ":" not in key], ["other"])


class DelayTests(TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        store = MemoryStore(self.clock, clock=self.clock.seconds)
        sessions = Sessions(store, Signer("secret", Path()), Options(), self.clock.seconds)
        self.delays = Delays(self.clock, Records(sessions), [1, 2, 5])

    def failed(self, user: str = "u", address: str = "a", elapsed: float = 0) -> Deferred[None]:
        return Deferred.fromCoroutine(self.delays.failed(user, address, elapsed))

    def test_a_delay_counts_from_when_the_request_came(self) -> None:
        waiting = self.failed(elapsed=0.4)
        self.clock.advance(0.59)
        self.assertNoResult(waiting)
        self.clock.advance(0.02)
        self.successResultOf(waiting)
        self.successResultOf(self.failed(elapsed=2.5))

    def test_failures_are_forgotten_after_an_hour(self) -> None:
        for _ in range(3):
            self.failed()
            self.clock.advance(5)
        self.clock.advance(3601)
        waiting = self.failed()
        self.clock.advance(1)
        self.successResultOf(waiting)

    def test_few_of_one_kind_wait_at_once(self) -> None:
        for _ in range(MOST_OF_USER):
            self.failed()
        self.assertEqual(self.assertRaises(HTTPError, self.delays.admit, "u", "a").status_code, 429)
        self.delays.admit("u", "b")
        self.delays.admit("v", "a")
        for number in range(MOST_OF_ADDRESS - MOST_OF_USER):
            self.failed(f"user{number}")
        self.assertEqual(self.assertRaises(HTTPError, self.delays.admit, "v", "a").status_code, 429)
        self.clock.advance(5)
        self.delays.admit("u", "a")
        self.assertEqual((len(self.delays._of_user), len(self.delays._of_address)), (0, 0))


class PasswordTests(TestCase):
    def setUp(self) -> None:
        self.threads = Threads(reactor, 1, max_queue=200)
        self.threads.startService()
        self.addCleanup(self.threads.stopService)
        self.passwords = Passwords(self.threads)

    async def test_a_thousand_of_one_user_share_one_computation(self) -> None:
        stored = await self.passwords.hash("right")
        same = [Deferred.fromCoroutine(self.passwords.check("u", "right", stored)) for _ in range(1000)]
        self.assertEqual(set(await gatherResults(same)), {True})

    async def test_those_of_different_users_and_passwords_do_not(self) -> None:
        stored = await self.passwords.hash("right")
        checks = [("u", "right", stored), ("u", "wrong", stored), ("v", "right", None), ("u", "", stored)]
        found = await gatherResults([Deferred.fromCoroutine(self.passwords.check(*check)) for check in checks])
        self.assertEqual(found, [True, False, False, False])
        self.assertEqual(self.passwords._running, {})

    async def test_too_many_are_told_to_come_back(self) -> None:
        checks = [Deferred.fromCoroutine(self.passwords.check(str(n), "x", "plain")) for n in range(250)]
        refused = 0
        for check in checks:
            try:
                await check
            except HTTPError as error:
                self.assertEqual((error.status_code, error.headers["Retry-After"]), (503, "1"))
                refused += 1
        self.assertTrue(45 <= refused <= 50, refused)

    async def test_an_error_reaches_all_who_share_it_and_nobody_later(self) -> None:
        stored = await self.passwords.hash("right")
        await self.threads.stopService()
        shared = [Deferred.fromCoroutine(self.passwords.check("u", "right", stored)) for _ in range(3)]
        for waiting in shared:
            error = await self.assertFailure(waiting, HTTPError)
            self.assertEqual(error.status_code, 503)
        self.threads.startService()
        self.assertTrue(await self.passwords.check("u", "right", stored))
