"""Who is let in: the token, what guessing it costs, and browsers that have logged in."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.daemon.admin.access import (
    DELAYS,
    LASTS,
    MEMORY,
    MOST_LOGINS,
    MOST_WAITING,
    Access,
    TooManyAttemptsError,
)

TOKEN = "the-right-token-of-it"


class AccessTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.access = Access(self.clock)
        self.access.use(TOKEN)

    def attempt(self, token: str, address: str = "10.0.0.1") -> Deferred[bool]:
        return Deferred.fromCoroutine(self.access.opens(token, address))

    def test_the_right_token_opens_at_once(self) -> None:
        self.assertIs(self.successResultOf(self.attempt(TOKEN)), True)

    def test_before_there_is_a_token_none_opens(self) -> None:
        access = Access(self.clock)
        attempt = Deferred.fromCoroutine(access.opens("", "unix"))
        self.clock.advance(DELAYS[0])
        self.assertIs(self.successResultOf(attempt), False)

    def test_each_wrong_one_costs_more_time(self) -> None:
        for delay in (*DELAYS, DELAYS[-1]):
            attempt = self.attempt("wrong")
            self.clock.advance(delay - 0.01)
            self.assertNoResult(attempt)
            self.clock.advance(0.02)
            self.assertIs(self.successResultOf(attempt), False)
        other = self.attempt("wrong", "10.0.0.2")
        self.clock.advance(DELAYS[0])
        self.assertIs(self.successResultOf(other), False)

    def test_the_right_one_and_an_hour_make_wrong_ones_forgotten(self) -> None:
        for forget in (lambda: self.attempt(TOKEN), lambda: self.clock.advance(MEMORY + 1)):
            for _ in DELAYS:
                self.attempt("wrong")
                self.clock.advance(DELAYS[-1])
            forget()
            attempt = self.attempt("wrong")
            self.clock.advance(DELAYS[0])
            self.assertIs(self.successResultOf(attempt), False)

    def test_of_many_at_once_some_are_not_even_looked_at(self) -> None:
        waiting = [self.attempt("wrong") for _ in range(MOST_WAITING)]
        self.failureResultOf(self.attempt("wrong"), TooManyAttemptsError)
        self.failureResultOf(self.attempt(TOKEN), TooManyAttemptsError)
        self.assertIs(self.successResultOf(self.attempt(TOKEN, "10.0.0.2")), True)
        self.clock.advance(DELAYS[-1])
        self.assertEqual([self.successResultOf(attempt) for attempt in waiting], [False] * MOST_WAITING)
        self.assertIs(self.successResultOf(self.attempt(TOKEN)), True)

    def test_a_log_in_lasts_half_a_day_or_until_its_owner_leaves(self) -> None:
        one, two = self.access.log_in(), self.access.log_in()
        found = [self.access.login_of(cookie) for cookie in (one, two, one + "x", "", None)]
        self.assertEqual([login is not None for login in found], [True, True, False, False, False])
        self.assertNotEqual(found[0] and found[0].xsrf, found[1] and found[1].xsrf)
        self.access.log_out(two)
        self.assertIsNone(self.access.login_of(two))
        self.clock.advance(LASTS - 1)
        self.assertIsNotNone(self.access.login_of(one))
        self.clock.advance(1)
        self.assertIsNone(self.access.login_of(one))

    def test_there_are_only_so_many_log_ins(self) -> None:
        cookies = [self.access.log_in() for _ in range(MOST_LOGINS + 1)]
        self.assertIsNone(self.access.login_of(cookies[0]))
        self.assertIsNotNone(self.access.login_of(cookies[1]))

    def test_another_token_ends_all_log_ins_and_the_same_one_none(self) -> None:
        cookie = self.access.log_in()
        self.access.use(TOKEN)
        self.assertIsNotNone(self.access.login_of(cookie))
        self.access.use("another-token-of-it")
        self.assertIsNone(self.access.login_of(cookie))
        self.assertIs(self.successResultOf(self.attempt("another-token-of-it")), True)
