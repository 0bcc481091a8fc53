"""Which sessions a user is signed in with, so that they can be ended."""

from __future__ import annotations

from gramex_twisted.resources.auth.records import Records, record_key
from gramex_twisted.services.sessions import Sessions


class UserSessions:
    """The sessions of each user who signed in by an auth handler.

    A key for each session: its name has the moment of sign-in, so that keys in order are sessions in order.
    """

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions
        self.records = Records(sessions)

    async def add(self, user: str, sid: str, expires: float) -> None:
        """Note that ``user`` has signed in with the session ``sid``, which ends at ``expires``."""
        now = self.sessions.clock()
        await self.records.put(f"{_prefix(user)}{int(now * 1e6):016x}:{sid}", {"sid": sid}, max(1.0, expires - now))

    async def forget(self, user: str, sid: str) -> None:
        """``user`` is not signed in with ``sid`` any more."""
        for key in await self._keys(user):
            if key.endswith(f":{sid}"):
                await self.records.drop(key)

    async def keep_newest(self, user: str) -> None:
        """End all sessions of ``user`` but the newest: of several log-ins at once, the same one stays for all."""
        await self._end((await self._keys(user))[:-1])

    async def end_all(self, user: str, but: str | None = None) -> None:
        """End all sessions of ``user``, except the one with the id ``but``."""
        await self._end([key for key in await self._keys(user) if key.rpartition(":")[2] != but])

    async def ids(self, user: str) -> list[str]:
        """The ids of the sessions of ``user``, the oldest first."""
        return [key.rpartition(":")[2] for key in await self._keys(user)]

    async def _end(self, keys: list[str]) -> None:
        for key in keys:
            await self.sessions.end(key.rpartition(":")[2])
            await self.records.drop(key)

    async def _keys(self, user: str) -> list[str]:
        return await self.records.store.keys(_prefix(user))


def _prefix(user: str) -> str:
    return f"{record_key('sessions', user)}:"
