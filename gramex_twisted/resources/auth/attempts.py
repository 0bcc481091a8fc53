"""Sign-ins that have begun elsewhere: each is finished once, within ten minutes, by the session that began it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gramex_twisted.resources.auth.pkce import new_secret
from gramex_twisted.resources.auth.records import Record, Records, record_key

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

#: The session's key for what ties attempts to it. It stays the same when the session's id changes.
BINDING = "_oauth"
#: Seconds that somebody has to sign in with the provider.
PATIENCE = 600.0


class Attempts:
    """The attempts of one route. They lie in the store of sessions, where any process of the app finds them."""

    def __init__(self, records: Records, route: str) -> None:
        self.records = records
        self.route = route

    async def begin(self, context: Context, record: Record) -> str:
        """Keep ``record`` for the session. Returns the state to send along."""
        binding, state = context.session.setdefault(BINDING, new_secret()), new_secret()
        await self.records.put(self._key(binding, state), record, PATIENCE)
        return state

    async def finish(self, context: Context, state: str) -> Record | None:
        """The record of ``state``, for the first who asks in the session that it was made in."""
        binding = context.session.get(BINDING) if context.has_session_cookie else None
        return await self.records.take(self._key(binding, state)) if binding and state else None

    def _key(self, binding: str, state: str) -> str:
        return record_key("oauth", self.route, str(binding), state)
