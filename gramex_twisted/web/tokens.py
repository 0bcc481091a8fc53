"""One-time passwords and API keys. Methods of the Context.

In a thread they return their result. On the reactor, where nothing may wait for a database, they return a Deferred:
``await handler.otp()``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.python.threadable import isInIOThread

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.otps import Otps

YEARS = 1000000000.0
"""Seconds that an API key lasts: some 32 years."""


class Tokens:
    """Token methods of the Context. ``route.services.otps`` has the app's Otps."""

    route: Any
    current_user: Any
    signed = False
    """Whether credentials in the request itself, which no other site can send, say who asks."""

    def otp(
        self, expire: float = 60, user: Any = None, size: int | None = None, type: str = "OTP", **kwargs: Any
    ) -> Any:
        """A one-time password: text that signs ``user`` in once, as X-Gramex-OTP header or ``?gramex-otp=``.

        :param expire: seconds for which it can be used.
        :param user: a user, or a user's name; JSON-able. Default: who is signed in.
        :param size: its length, in characters; short ones can be guessed. Default: 32.
        :param type: ``OTP``, ``Key`` for API keys, or a name of your own: headers sign in with the first two only.
        :param kwargs: values for other columns of the table, as far as it has them.
        :raises HTTPError: 401 when there is no user.
        """
        user = self.current_user if user is None else user
        if not user:
            raise HTTPError(401, "sign in first")
        return self._call(self._otps.add, user, expire, size, type, **kwargs)

    def get_otp(self, key: str, revoke: bool = False) -> Any:
        """The row of an OTP or API key: ``token, user, type, expire`` and the table's other columns.

        None when there is no such key, or it has expired. A user who is a dict has the other columns too.

        :param revoke: the key is used by this, and worth nothing afterwards. Of two who revoke it, one gets the row.
        """
        return self._call(self._otps.take if revoke else self._otps.find, key)

    def revoke_otp(self, key: str) -> Any:
        """As ``get_otp``, and the key is worth nothing afterwards."""
        return self.get_otp(key, revoke=True)

    def apikey(self, expire: float = YEARS, user: Any = None, size: int | None = None, **kwargs: Any) -> Any:
        """An API key: text that stands for ``user`` as X-Gramex-Key header or ``?gramex-key=``. See ``otp``."""
        return self.otp(expire, user, size, "Key", **kwargs)

    def revoke_apikey(self, key: str) -> Any:
        """As ``get_otp``, and the key is worth nothing afterwards."""
        return self.revoke_otp(key)

    @property
    def _otps(self) -> Otps:
        return self.route.services.otps  # type: ignore[no-any-return]

    def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self._otps.run(method, *args, **kwargs) if isInIOThread() else method(*args, **kwargs)
