"""Who asks: the session, the user, and signed cookies. Methods of the Context."""

from __future__ import annotations

from typing import Any, Literal

from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.services.sessions import Session, Sessions
from gramex_twisted.web.reply import Reply

_UNSET: Any = object()


class Identity(Reply):
    """Session methods of the Context. ``route.services.sessions`` has the app's Sessions."""

    native: Any
    route: Any
    request: Any
    _session: Session | None
    _user: Any = _UNSET
    _cookie_days: Any = _UNSET

    @property
    def _sessions(self) -> Sessions:
        return self.route.services.sessions  # type: ignore[no-any-return]

    # The session ------------------------------------------------------------------------------------------------------

    @property
    def has_session_cookie(self) -> bool:
        """Whether the client sent a session cookie, valid or not."""
        sessions = self._sessions
        return sessions is not None and sessions.options.cookie.encode() in self.native.received_cookies

    @property
    def session(self) -> Session:
        """The visitor's session, a dict. What is set in it is kept; touching it in vain costs nothing."""
        if self._session is None:
            if not self.has_session_cookie:
                self._session = self._sessions.new()
            elif isInIOThread():
                self._load_now()
            else:
                self.route.services.threads.call_in_reactor(self.load_session)
        assert self._session is not None
        return self._session

    def _load_now(self) -> None:
        if not Deferred.fromCoroutine(self.load_session()).called:
            raise RuntimeError("the session is not there yet: `await handler.load_session()` before handler.session")

    async def load_session(self) -> None:
        """Fetch the session, so that ``handler.session`` is there at once."""
        if self._session is None:
            sid = self._sessions.sid_of(self.get_cookie(self._sessions.options.cookie))
            loaded = await self._sessions.load(sid) if sid else None
            if self._session is None:  # nobody was faster
                self._session = loaded or self._sessions.new()

    def renew_session(self, expiry_days: float | Literal[False] | None = None) -> None:
        """Give the session a new id: call it whenever the user changes.

        :param expiry_days: days that it lasts; False: until the browser closes; None: as ``app.session.expiry`` says.
        """
        self._cookie_days = _UNSET if expiry_days is None else expiry_days or None
        self._sessions.renew(self.session, 1 if expiry_days is False else expiry_days)
        self._user = _UNSET

    async def save_session(self) -> None:
        """Store what has changed in the session, and set its cookie where it is new. Done for every response."""
        session = self._session
        if session is None:
            return
        if session.kept and (session.original is None or session.replaces is not None):
            self._set_session_cookie(session)
        await self._sessions.save(session)

    def _set_session_cookie(self, session: Session) -> None:
        if self.native.startedWriting:
            raise RuntimeError("a session cannot begin after the response has: touch handler.session before flush()")
        options = self._sessions.options
        secure = self.request.protocol == "https" if options.secure is None else options.secure
        self.set_cookie(
            options.cookie,
            self._sessions.signer.sign(options.cookie, session.sid),
            expires_days=self._sessions.expiry_days if self._cookie_days is _UNSET else self._cookie_days,
            domain=options.domain,
            path=options.cookiepath,
            httponly=options.httponly,
            secure=secure,
            samesite=options.samesite,
        )

    # The user ---------------------------------------------------------------------------------------------------------

    @property
    def current_user(self) -> Any:
        """Who is signed in: a dict with attribute access, or what an app puts there; None for nobody."""
        if self._user is _UNSET:
            user = self.session.get("user") if self._session is not None or self.has_session_cookie else None
            self._user = AttrDict.deep(user) if isinstance(user, dict) else user
        return self._user

    @current_user.setter
    def current_user(self, user: Any) -> None:
        """The user of this request alone; the session keeps its own."""
        self._user = AttrDict.deep(user) if isinstance(user, dict) else user

    @property
    def known_user(self) -> Any:
        """``current_user`` where it is known already; None where the session would have to be fetched for it."""
        return self.current_user if self._session is not None or self._user is not _UNSET else None

    # Cookies ----------------------------------------------------------------------------------------------------------

    def get_cookie(self, name: str, default: str | None = None) -> str | None:
        """The value of a request cookie."""
        morsel = self.request.cookies.get(name)
        return default if morsel is None else morsel.value

    def get_secure_cookie(self, name: str, value: str | None = None, max_age_days: float = 31) -> bytes | None:
        """The value of a cookie that this app has signed; None for a forged or old one."""
        signed = value if value is not None else self.get_cookie(name)
        return self._sessions.signer.unsign(name, signed, max_age_days)

    def set_secure_cookie(
        self, name: str, value: str | bytes, expires_days: float | None = 30, **attributes: Any
    ) -> None:
        """Set a cookie that cannot be forged."""
        self.set_cookie(name, self._sessions.signer.sign(name, value), expires_days=expires_days, **attributes)
