"""The sessions of an app: who is signed in, and how to end that. Their ids are never told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import Any

import orjson
from twisted.logger import Logger

from gramex_twisted.daemon.admin.numbers import RECORDS
from gramex_twisted.services.sessions import EXPIRES, ID, INACTIVE, SEEN, Sessions

log = Logger()

#: Sessions that are looked at, the newest, and how many of them are shown.
LOOKED_AT, SHOWN = 1000, 200


def digest(sid: str) -> str:
    """What stands for a session id: it cannot be undone."""
    return sha256(sid.encode("utf-8", "surrogatepass")).hexdigest()


async def sessions_of(sessions: Sessions, search: str = "") -> dict[str, Any]:
    """The newest sessions whose user's id has ``search`` in it: ``{sessions, shown, looked_at, more}``.

    A session is ``{id, user, key, keys, expires, seen, inactive}``: ``id`` a digest, ``user`` the id of who is signed
    in (None: nobody), ``key`` the name that the user has in the session, ``keys`` the names of what else is in it;
    ``expires`` and ``seen`` are seconds since 1970.

    :raises StoreError: when the store does not answer.
    """
    entries = await sessions.store.newest(LOOKED_AT + 1, RECORDS)
    found = []
    for sid, entry in entries[:LOOKED_AT]:
        session = _session(sid, entry.value, entry.expires)
        if session is not None and search.lower() in str(session["user"] or "").lower():
            found.append(session)
    return {
        "sessions": found[:SHOWN],
        "matching": len(found),
        "looked_at": min(len(entries), LOOKED_AT),
        "more": len(entries) > LOOKED_AT,
        "search": search,
    }


def _session(sid: str, value: bytes, expires: float | None) -> dict[str, Any] | None:
    try:
        stored = orjson.loads(value)
    except ValueError:
        return None  # not one of ours
    if not isinstance(stored, dict):
        return None
    key, user = next(_users(stored), (None, None))
    return {
        "id": digest(sid),
        "user": user,
        "key": key,
        "keys": sorted(str(name) for name in stored if name not in (ID, EXPIRES, SEEN, INACTIVE, key)),
        "expires": stored.get(EXPIRES, expires),
        "seen": stored.get(SEEN),
        "inactive": stored.get(INACTIVE),
    }


def _users(stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Who is signed in: under ``user``, or under another name that a route's ``user_key:`` has given."""
    for key in ("user", *(key for key in stored if key != "user")):
        value = stored.get(key)
        if isinstance(value, dict) and value.get("id") is not None:
            yield key, str(value["id"])


async def end_session(sessions: Sessions, wanted: str) -> bool:
    """End the session with this digest, whose visitor is then signed out.

    False where there is none such among those that ``sessions_of`` looks at.

    :raises StoreError: when the store does not answer.
    """
    for sid, entry in await sessions.store.newest(LOOKED_AT, RECORDS):
        if digest(sid) == wanted:
            session = _session(sid, entry.value, entry.expires) or {}
            await sessions.end(sid)
            log.info("admin: ended the session {id} of {user}", id=wanted[:8], user=session.get("user") or "nobody")
            return True
    return False
