"""Which of an app's processes runs its schedules: the one that holds a lock, while it lives."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Any, Protocol

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from gramex_twisted.services.stores.base import StoreError

log = Logger()
#: Seconds that a process leads for without saying so again; between its saying so; that Redis has to answer.
LEASE, RENEWAL, TIMEOUT = 30.0, 10.0, 5.0
LEAD = """
if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('pexpire', KEYS[1], ARGV[2]) end
return redis.call('set', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) and 1 or 0
"""
RESIGN = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"


class Leader(Protocol):
    """Elects one process."""

    key: object
    """Equal where two elect for the same app in the same place."""

    async def leads(self) -> bool:
        """Whether this process is the one; it becomes the one where there is none.

        :raises StoreError: when that cannot be found out now.
        """

    async def resign(self) -> None:
        """Let another process lead."""


class FileLeader:
    """By a lock file, which the system unlocks when its process ends, however it does. Processes of one machine."""

    def __init__(self, path: Path) -> None:
        self.key: object = path
        self._path = path
        self._descriptor: int | None = None
        self._warned = False

    async def leads(self) -> bool:
        """See Leader. Where no file can be locked, every process leads."""
        if self._descriptor is not None and not self._is_file(self._descriptor):
            await self.resign()  # somebody has removed it, and others lock another one
        try:
            return self._descriptor is not None or self._lock()
        except OSError as error:
            if not self._warned:
                log.warn("schedules may run in several processes, since {path} cannot be locked: {error}",
                         path=str(self._path), error=error)  # fmt: skip
            self._warned = True
            return True

    def _lock(self) -> bool:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not self._is_file(descriptor):
                raise BlockingIOError
        except OSError as error:
            os.close(descriptor)
            if isinstance(error, BlockingIOError):
                return False
            raise
        self._descriptor = descriptor
        return True

    def _is_file(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self._path))
        except OSError:
            return False

    async def resign(self) -> None:
        """See Leader."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            os.close(descriptor)


class RedisLeader:
    """By a key in Redis, which expires when its process says no more that it lives. Processes of several machines.

    :param connection: a ``redisclient.Connection``, which this one closes.
    """

    def __init__(self, reactor: Any, connection: Any, name: str) -> None:
        self.key: object = (connection.address, name)
        self._connection = connection
        self._name = f"gramex:schedules:{name}"
        self._token = secrets.token_hex(16)
        self._renewal = LoopingCall(self._renew)
        self._renewal.clock = reactor

    async def leads(self) -> bool:
        """See Leader."""
        reply = await self._connection.call("EVAL", LEAD, 1, self._name, self._token, int(LEASE * 1000))
        if reply == 1 and not self._renewal.running:
            self._renewal.start(RENEWAL, now=False)
        return bool(reply == 1)

    async def _renew(self) -> None:
        try:
            await self._connection.call("EVAL", LEAD, 1, self._name, self._token, int(LEASE * 1000))
        except StoreError as error:
            log.warn("another process may begin to run schedules: {error}", error=str(error))

    async def resign(self) -> None:
        """See Leader."""
        if self._renewal.running:
            self._renewal.stop()
            try:
                await self._connection.call("EVAL", RESIGN, 1, self._name, self._token)
            except StoreError as error:
                log.warn("other processes run schedules {seconds:.0f} s late: {error}",
                         seconds=LEASE, error=str(error))  # fmt: skip
        await self._connection.close()
