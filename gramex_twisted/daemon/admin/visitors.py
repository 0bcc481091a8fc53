"""The sessions of an app: who is signed in, and how to end that. Their ids are never told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import orjson
from twisted.logger import Logger

from gramex_twisted.daemon.admin.numbers import RECORDS
from gramex_twisted.services.sessions import EXPIRES, ID, INACTIVE, SEEN, Sessions

if TYPE_CHECKING:
    from gramex_twisted.app import Gramex

log = Logger()

#: Sessions that are looked at, the newest, and how many of them are shown.
LOOKED_AT, SHOWN = 1000, 200


def digest(sid: str) -> str:
    """What stands for a session id: it cannot be undone."""
    return sha256(sid.encode("utf-8", "surrogatepass")).hexdigest()


def user_keys(app: Gramex) -> tuple[str, ...]:
    """The names under which sign-in keeps users in a session: ``user``, and each ``user_key:`` of a route."""
    keys = (getattr(resource.options, "user_key", None) for resource in app.shared.resources.values())
    return tuple(dict.fromkeys(["user", *(key for key in keys if isinstance(key, str))]))


async def sessions_of(sessions: Sessions, keys: tuple[str, ...], search: str = "") -> dict[str, Any]:
    """The newest sessions whose user's id has ``search`` in it: ``{sessions, matching, looked_at, more, search}``.

    A session is ``{id, user, key, keys, expires, seen, inactive}``: ``id`` a digest, ``user`` the id of who is signed
    in (None: nobody), ``key`` the name that the user has in the session, ``keys`` the names of what else is in it;
    ``expires`` and ``seen`` are seconds since 1970.

    :raises StoreError: when the store does not answer.
    """
    entries = await sessions.store.newest(LOOKED_AT + 1, RECORDS)
    found = []
    for sid, entry in entries[:LOOKED_AT]:
        session = _session(sid, entry.value, entry.expires, keys)
        if session is not None and search.lower() in str(session["user"] or "").lower():
            found.append(session)
    return {
        "sessions": found[:SHOWN],
        "matching": len(found),
        "looked_at": min(len(entries), LOOKED_AT),
        "more": len(entries) > LOOKED_AT,
        "search": search,
    }


def _session(sid: str, value: bytes, expires: float | None, keys: tuple[str, ...]) -> dict[str, Any] | None:
    try:
        stored = orjson.loads(value)
    except ValueError:
        return None  # not one of ours
    if not isinstance(stored, dict):
        return None
    key, user = next(_users(stored, keys), (None, None))
    return {
        "id": digest(sid),
        "user": user,
        "key": key,
        "keys": sorted(str(name) for name in stored if name not in (ID, EXPIRES, SEEN, INACTIVE, key)),
        "expires": stored.get(EXPIRES, expires),
        "seen": stored.get(SEEN),
        "inactive": stored.get(INACTIVE),
    }


def _users(stored: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for key in keys:
        value = stored.get(key)
        if isinstance(value, dict) and value.get("id") is not None:
            yield key, str(value["id"])


async def end_session(sessions: Sessions, wanted: str) -> bool:
    """End the session with this digest, whose visitor is then signed out.

    False where there is none such among those that ``sessions_of`` looks at.

    :raises StoreError: when the store does not answer.
    """
    for sid, _ in await sessions.store.newest(LOOKED_AT, RECORDS):
        if digest(sid) == wanted:
            await sessions.end(sid)
            log.info("admin: ended the session {id}", id=wanted[:8])
            return True
    return False
