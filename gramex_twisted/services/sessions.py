"""Sessions: a dict for each visitor, kept in a store under the id in a signed cookie.

Two requests of one session may run at once. Each is saved as the keys that it changed, merged atomically into what is
stored, so that neither loses what the other did. A session that a request does not touch is neither loaded nor made,
and one in which nothing has been set is not kept.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any

import orjson

from gramex_twisted.errors import HTTPError
from gramex_twisted.services.signing import Signer
from gramex_twisted.services.stores.base import Entry, Store
from gramex_twisted.web.values import dump_json

DAY = 86400.0
#: Keys that are the session's own: its id, when it expires, when it was last seen, seconds of inactivity allowed.
ID, EXPIRES, SEEN, INACTIVE = "id", "_t", "_l", "_i"
_OWN = frozenset((ID, EXPIRES))


class Session(dict[str, Any]):
    """``handler.session``: JSON-able values under text keys.

    ``original`` is what was loaded, as JSON (None: the session is new). ``replaces`` is the id that it had before.
    """

    __slots__ = ("original", "replaces", "used")

    def __init__(self, values: dict[str, Any], original: bytes | None) -> None:
        super().__init__(values)
        self.original = original
        self.replaces: str | None = None
        self.used = False

    def __getitem__(self, key: str) -> Any:
        if key == ID:
            self.used = True  # the id is of no use to anybody unless the visitor comes back with it
        return super().__getitem__(key)

    @property
    def sid(self) -> str:
        """Its id."""
        return super().__getitem__(ID)  # type: ignore[no-any-return]

    @property
    def empty(self) -> bool:
        """Whether nothing has been set in it."""
        return self.keys() <= _OWN

    @property
    def kept(self) -> bool:
        """Whether it is worth a cookie."""
        return self.original is not None or self.used or not self.empty


class Sessions:
    """The sessions of one app.

    :param store: where they are kept.
    :param signer: signs the cookie.
    :param options: the ``app.session`` section.
    :param clock: seconds since the epoch.
    """

    def __init__(self, store: Store, signer: Signer, options: Any, clock: Callable[[], float] = time.time) -> None:
        self.store = store
        self.signer = signer
        self.options = options
        self.clock = clock

    @property
    def expiry_days(self) -> float | None:
        """Days that a session lasts; None where it ends with the browser."""
        return None if self.options.expiry is False else self.options.expiry

    def sid_of(self, cookie: str | None) -> str | None:
        """The session id in a cookie; None where there is none that we signed."""
        value = self.signer.unsign(self.options.cookie, cookie, max_age_days=9999999)
        return value.decode("ascii", "replace") if value else None

    def new(self, expiry_days: float | None = None) -> Session:
        """An empty session with a fresh id."""
        return Session({ID: new_id(), EXPIRES: self.expires(expiry_days)}, None)

    def expires(self, days: float | None = None) -> float:
        """When a session made now expires. One that ends with the browser is kept for a day."""
        days = self.expiry_days if days is None else days
        return self.clock() + (1 if days is None else days) * DAY

    async def load(self, sid: str) -> Session | None:
        """The stored session; None when there is none, or it has been inactive for too long."""
        entry = await self.store.get(sid)
        if entry is None:
            return None
        values = orjson.loads(entry.value)
        if not isinstance(values, dict) or self._abandoned(values):
            return None
        session = Session({**values, ID: sid}, entry.value)
        if EXPIRES not in session:  # a store that has a place of its own for it
            session[EXPIRES] = entry.expires
        if session != values:
            session.original = encoded(session)
        return session

    def _abandoned(self, values: dict[str, Any]) -> bool:
        expires = values.get(EXPIRES)
        if isinstance(expires, int | float) and self.clock() >= expires:
            return True  # in a file of Gramex 1.x the store does not know
        inactive, seen = values.get(INACTIVE), values.get(SEEN)
        return inactive is not None and seen is not None and self.clock() > seen + inactive

    def renew(self, session: Session, expiry_days: float | None = None) -> None:
        """Give ``session`` a new id, since who it belongs to changes: an id planted before log-in is worth nothing."""
        if session.original is not None and session.replaces is None:
            session.replaces = session.sid
        session[ID] = new_id()
        session[EXPIRES] = self.expires(expiry_days)

    def touch(self, session: Session) -> None:
        """Note that the visitor was here, where inactivity counts; not more often than matters."""
        inactive = session.get(INACTIVE)
        if inactive is not None and self.clock() - session.get(SEEN, 0) > min(60, inactive / 20):
            session[SEEN] = self.clock()

    async def save(self, session: Session) -> None:
        """Store what has changed; returns when it is durable.

        :raises HTTPError: 500 when a value is not JSON.
        """
        if not session.kept:
            return
        self.touch(session)
        value = encoded(session)
        expires = session.get(EXPIRES)
        if session.replaces is not None:
            await self.store.put(session.sid, value, expires)
            await self.store.delete(session.replaces)
        elif session.original is None:
            await self.store.put(session.sid, value, expires)
        elif value != session.original:
            await self._merge(session, expires)
        else:
            return
        session.original, session.replaces = value, None

    async def _merge(self, session: Session, expires: float | None) -> None:
        original: dict[str, Any] = orjson.loads(session.original or b"{}")
        present: dict[str, Any] = orjson.loads(encoded(session))
        changed = {key: value for key, value in present.items() if key not in original or original[key] != value}
        removed = original.keys() - present.keys()

        def merge(entry: Entry | None) -> tuple[Entry | None, None]:
            if entry is None:
                return None, None  # ended meanwhile, by a log-out elsewhere: it stays ended
            stored = {key: value for key, value in orjson.loads(entry.value).items() if key not in removed}
            return Entry(orjson.dumps(stored | changed), expires), None

        if changed or removed:
            await self.store.update(session.sid, merge)

    async def end(self, sid: str) -> None:
        """Forget a session."""
        await self.store.delete(sid)


def encoded(session: Session) -> bytes:
    """``session`` as JSON.

    :raises HTTPError: 500 that names the key that is not JSON.
    """
    try:
        return dump_json(dict(session))
    except TypeError:
        for key, value in session.items():
            try:
                dump_json({str(key): value})
            except TypeError as error:
                raise HTTPError(500, f"session key {key!r} cannot be stored: it is not JSON") from error
        raise


def new_id() -> str:
    """A session id that nobody can guess: 192 bits."""
    return secrets.token_urlsafe(24)
