"""Who may use the admin: those who send its token, and browsers that have logged in with it.

A wrong token costs its sender time, more with each; few may wait at once for one address, others are refused unread.
A log-in is a random id in a cookie, of which only a digest is kept here. It ends after half a day, when its owner logs
out, when the server stops, and when the token changes.
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from twisted.internet.task import deferLater
from twisted.logger import Logger

log = Logger()

#: Seconds that a log-in lasts, and how many there may be.
LASTS, MOST_LOGINS = 12 * 3600.0, 100
#: Seconds that the first wrong token of an address costs, the second ...; seconds until they are forgotten.
DELAYS, MEMORY = (1.0, 1.0, 2.0, 4.0, 8.0), 3600.0
#: Wrong tokens that may wait at once, and addresses whose failures are remembered.
MOST_WAITING, MOST_ADDRESSES = 5, 10_000


class TooManyAttemptsError(Exception):
    """So many wrong tokens of one address are waiting that this one is not looked at."""


@dataclass(frozen=True, slots=True)
class Login:
    """A browser that has logged in: what its forms must send, and when it ends (the reactor's seconds)."""

    xsrf: str
    until: float


class Access:
    """Knows the token (set it with ``use``) and who has logged in."""

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor
        self._digest = sha256(secrets.token_bytes(32)).digest()  # nobody's
        self._logins: OrderedDict[bytes, Login] = OrderedDict()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._waiting: Counter[str] = Counter()

    def use(self, token: str) -> None:
        """From now on this is the token. Log-ins with another one end."""
        digest = _digest(token)
        if digest != self._digest:
            self._logins.clear()
        self._digest = digest

    async def opens(self, token: str, address: str) -> bool:
        """Whether ``token`` is right; False comes late.

        :raises TooManyAttemptsError: at once.
        """
        if self._waiting[address] >= MOST_WAITING:
            raise TooManyAttemptsError
        if compare_digest(_digest(token), self._digest):
            self._failures.pop(address, None)
            return True
        self._waiting[address] += 1
        try:
            await deferLater(self.reactor, self._delay(address))
        finally:
            self._waiting[address] -= 1
            if not self._waiting[address]:
                del self._waiting[address]
        return False

    def _delay(self, address: str) -> float:
        now = self.reactor.seconds()
        failures, last = self._failures.pop(address, (0, now))
        failures = 1 if now - last > MEMORY else failures + 1
        self._failures[address] = failures, now
        if len(self._failures) > MOST_ADDRESSES:
            self._failures.popitem(last=False)
        log.warn("admin: a wrong token came from {address}", address=address)
        return DELAYS[min(failures, len(DELAYS)) - 1]

    # Browsers ---------------------------------------------------------------------------------------------------------

    def log_in(self) -> str:
        """The value of a cookie that opens the admin from now on."""
        cookie = secrets.token_urlsafe(24)
        self._logins[_digest(cookie)] = Login(secrets.token_urlsafe(24), self.reactor.seconds() + LASTS)
        while len(self._logins) > MOST_LOGINS:
            self._logins.popitem(last=False)
        return cookie

    def login_of(self, cookie: str | None) -> Login | None:
        """The log-in that a cookie tells of, if it goes on."""
        login = self._logins.get(_digest(cookie)) if cookie else None
        return login if login is not None and login.until > self.reactor.seconds() else None

    def log_out(self, cookie: str | None) -> None:
        """End a log-in."""
        if cookie:
            self._logins.pop(_digest(cookie), None)


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
