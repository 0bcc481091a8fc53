"""New access tokens for users who have a refresh token."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

import orjson
from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.auth.asking import SignInError
from gramex_twisted.services.stores.base import Entry

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.tokens import Tokens
    from gramex_twisted.resources.auth.usersessions import UserSessions
    from gramex_twisted.services.container import Services


class Refreshing:
    """Methods of the handlers whose users have tokens."""

    if TYPE_CHECKING:
        options: Any
        services: Services
        tokens: Tokens
        user_sessions: UserSessions

        def session_name(self, user: Any) -> str: ...

    def exchange_refresh_token(
        self, user: MutableMapping[str, Any], refresh_token: str | None = None
    ) -> Deferred[None] | None:
        """Get a new access token for ``user``, who is ``handler.current_user``. It is put there, and in every session
        that the user has signed in with here.

        In a thread (a `def`) it returns when that is done. On the reactor (an `async def`) it returns a Deferred: await
        it.

        :param refresh_token: default: the user's.
        :raises HTTPError: 403 without a refresh token, 401 when it is not valid any more, 502 or 504 when the provider
            cannot say.
        """
        if isInIOThread():
            return Deferred.fromCoroutine(self._exchange(user, refresh_token))
        self.services.threads.call_in_reactor(lambda: Deferred.fromCoroutine(self._exchange(user, refresh_token)))
        return None

    async def _exchange(self, user: MutableMapping[str, Any], refresh_token: str | None) -> None:
        token = refresh_token or user.get("refresh_token")
        if not token:
            raise HTTPError(
                403, "there is no refresh token: the provider gives one to those who ask for offline access"
            )
        try:
            tokens = await self.tokens.renew(str(token))
        except SignInError as error:
            if error.status == 400:
                raise HTTPError(401, "the refresh token is not valid any more: sign in again") from None
            raise HTTPError(error.status, f"no new access token: {error}") from None
        tokens.pop("id_token", None)  # one that nobody has verified
        user.update(tokens)
        await self._keep(user["id"], tokens)

    async def _keep(self, user_id: Any, tokens: dict[str, Any]) -> None:
        key, session_key = self.options.user_key, self.options.access_token.session_key

        def change(entry: Entry | None) -> tuple[Entry | None, None]:
            session: dict[str, Any] = orjson.loads(entry.value) if entry else {}
            user = session.get(key)
            if entry is None or not isinstance(user, dict) or user.get("id") != user_id:
                return entry, None
            user.update(tokens)
            if session_key:
                session[session_key] = tokens["access_token"]
            return Entry(orjson.dumps(session), entry.expires), None

        for sid in await self.user_sessions.ids(self.session_name(user_id)):
            await self.user_sessions.sessions.store.update(sid, change)
