"""What is known of a request when its event is sent, and the id that stands for who sent it."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Key of an event under which there are more events of the same request.
SECONDARY = "__secondary__"
#: Of these, how many count.
MOST_SECONDARY = 24


@dataclass(frozen=True, slots=True)
class About:
    """One request. ``location`` and ``referrer`` are URLs without their queries, ``time`` is in epoch seconds.

    ``address`` and ``agent`` (the User-Agent header) are never sent: they become a ``client_id``.
    """

    route: str
    method: str
    status: int
    location: str
    title: str
    referrer: str
    time: float
    address: str
    agent: str


def client_id(salt: bytes, address: str, agent: str) -> str:
    """The same text for the same visitor, which without ``salt`` leads back to nobody: a UUID in the form of version 4.

    :param salt: at most 64 bytes.
    """
    digest = hashlib.blake2b(f"{address}\n{agent}".encode("utf-8", "replace"), digest_size=16, key=salt).digest()
    return str(uuid.UUID(bytes=digest, version=4))


def secondaries(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The other events of a request."""
    found = event.get(SECONDARY)
    if not isinstance(found, Sequence) or isinstance(found, (str, bytes)):
        return []
    return [item for item in found[:MOST_SECONDARY] if isinstance(item, Mapping)]


def is_named(event: Mapping[str, Any]) -> bool:
    """Whether it says that something happened: it has a category and an action."""
    return bool(event.get("category") and event.get("action"))
