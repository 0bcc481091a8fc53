"""Passwords: kept as argon2id, compared in constant time, hashed in threads, a few at once.

An argon2 hash costs tens of milliseconds and megabytes of memory, on purpose. So the app has threads for them
(``services.hashing``): as many as leave half of the cores to others, and behind all else in what cores they get. Who
would wait for too long is told to come back. Attempts of one user with one password that arrive together share one
computation.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from gramex_twisted.errors import ConfigError
from gramex_twisted.resources.auth.hashes import ARGON2, hashed, matches

#: Characters of the longest password, and how far threads that hash stand back (0-19).
LONGEST, NICE = 1000, 10
#: A hash of nothing that anybody knows, which the passwords of unknown users are compared with.
NOBODY = "$argon2id$v=19$m=32768,t=3,p=1$uyvSIhka3w3/qB3uEfjyuQ$NO31Jp7IOdxf/7NgwHoUzX5QAnImANmZYIcv4ii/srI"


class Passwords:
    """Compares and makes hashes for one route.

    :param threads: a pool for nothing else. It bounds how many wait: more are refused with a 503.
    :param nobody: the hash that unknown users are compared with: it should cost what real ones do.
    """

    def __init__(self, threads: Any, nobody: str = NOBODY) -> None:
        self.threads = threads
        self.nobody = nobody
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
        same = await self.threads.run(gently, matches, stored or self.nobody, password[:LONGEST], legacy)
        return bool(same) and fits and bool(stored)

    async def hash(self, password: str) -> str:
        """The argon2id hash of ``password``.

        :raises HTTPError: 503 when too many wait.
        """
        result: str = await self.threads.run(gently, hashed, password)
        return result


def gently(work: Callable[..., Any], *args: Any) -> Any:
    """Call ``work`` behind the process's other threads. Linux alone has priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        if os.getpriority(os.PRIO_PROCESS, thread) < NICE:
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
    return work(*args)


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
