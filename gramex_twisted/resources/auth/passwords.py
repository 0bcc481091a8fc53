"""Passwords: kept as argon2id, compared in constant time, hashed in threads, a few at once.

An argon2 hash costs tens of milliseconds and megabytes of memory, on purpose. So only half of the cores compute them,
and what waits beyond ``MOST_WAITING`` is told to come back. Attempts of one user with one password that arrive
together share one computation.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure

from gramex_twisted.errors import ConfigError, HTTPError
from gramex_twisted.resources.auth.hashes import ARGON2, hashed, matches

log = Logger()

#: Hashes that may wait for a core, and characters of the longest password.
MOST_WAITING, LONGEST = 200, 1000
#: A hash of nothing that anybody knows, which the passwords of unknown users are compared with.
NOBODY = "$argon2id$v=19$m=32768,t=3,p=1$uyvSIhka3w3/qB3uEfjyuQ$NO31Jp7IOdxf/7NgwHoUzX5QAnImANmZYIcv4ii/srI"


class Passwords:
    """Compares and makes hashes for one route.

    :param threads: the app's thread pool.
    :param nobody: the hash that unknown users are compared with: it should cost what real ones do.
    """

    def __init__(self, threads: Any, nobody: str = NOBODY, at_once: int | None = None) -> None:
        self.threads = threads
        self.nobody = nobody
        self._places = DeferredSemaphore(at_once or max(1, (os.cpu_count() or 2) // 2))
        self._running: dict[tuple[str, str, str], list[Deferred[bool]]] = {}

    async def check(self, user: str, password: str, stored: str | None, *, legacy: bool = False) -> bool:
        """Whether ``password`` is the one that ``stored`` was made of. None, for a user that is not known, takes as
        long as a wrong password, and never is.

        :param legacy: take the hashes of Gramex 1.x, too (see ``hashes``).
        :raises HTTPError: 503 when too many wait.
        """
        key = (user, password, stored or "")
        running = self._running.get(key)
        if running is not None:
            waiting: Deferred[bool] = Deferred()
            running.append(waiting)
            return await waiting
        self._running[key] = running = []
        outcome: Any
        try:
            outcome = await self._check(password, stored, legacy)
        except BaseException:
            outcome = Failure()
            raise
        finally:
            del self._running[key]
            for waiting in running:
                waiting.callback(outcome)
        return bool(outcome)

    async def _check(self, password: str, stored: str | None, legacy: bool) -> bool:
        fits = 0 < len(password) <= LONGEST
        same = await self._limited(matches, stored or self.nobody, password[:LONGEST], legacy)
        return bool(same) and fits and bool(stored)

    async def hash(self, password: str) -> str:
        """The argon2id hash of ``password``.

        :raises HTTPError: 503 when too many wait.
        """
        result: str = await self._limited(hashed, password)
        return result

    async def _limited(self, work: Any, *args: Any) -> Any:
        if len(self._places.waiting) >= MOST_WAITING:
            raise HTTPError(503, "too many people are signing in: try again in a moment", headers={"Retry-After": "5"})
        await self._places.acquire()
        try:
            return await self.threads.run(work, *args)
        finally:
            self._places.release()


def need_argon2(where: str) -> None:
    """See that argon2 hashes can be compared.

    :raises ConfigError: naming what to install.
    """
    try:
        import argon2  # noqa: F401
    except ImportError:
        raise ConfigError(where, "argon2 hashes need a package; run: pip install 'gramex-twisted[auth]'") from None


def is_argon2(text: str) -> bool:
    """Whether ``text`` is an argon2 hash."""
    return text.startswith(ARGON2)
