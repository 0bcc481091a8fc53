"""Services: what resources and requests of one app share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from mimetypes import MimeTypes
from pathlib import Path
from typing import Any, TypeVar

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, gatherResults, succeed

from gramex_twisted.config.settings import Security
from gramex_twisted.services.filecache import FileCache

P = TypeVar("P")


class InFlight:
    """Counts the requests that an app is answering, so that it can be stopped when there are none."""

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[Deferred[None]] = []

    def began(self) -> None:
        """A request has begun."""
        self.count += 1

    def ended(self) -> None:
        """A request has ended."""
        self.count -= 1
        if not self.count and self._waiting:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def idle(self) -> Deferred[None]:
        """Fires when no request is being answered."""
        if not self.count:
            return succeed(None)
        deferred: Deferred[None] = Deferred()
        self._waiting.append(deferred)
        return deferred


@dataclass(frozen=True)
class Services:
    """What the routes of one app share. Immutable; what changes is inside its parts.

    ``root``: the folder of gramex.yaml. ``data_dir``: $GRAMEXDATA. ``hashing``: threads
    that hash passwords. ``conf``: the whole configuration as user code
    sees it, ``variables``: its variables.
    """

    reactor: Any
    root: Path
    conf: Mapping[Any, Any]
    settings: Any
    threads: Any
    templates: Any
    access_log: Any
    compressors: Any
    mimetypes: MimeTypes
    trusts: Callable[[str], bool]
    modules: Any
    sessions: Any
    caches: Any
    ratelimits: Any = None
    otps: Any = None
    hashing: Any = None
    data_dir: Path = Path()
    compilers: Any = None
    rooms: Any = None
    measures: Any = None
    security: Security = field(default_factory=Security)
    files: FileCache = field(default_factory=FileCache)
    in_flight: InFlight = field(default_factory=InFlight)
    resources: dict[str, Any] = field(default_factory=dict)
    endpoints: dict[str, Any] = field(default_factory=dict)
    parent: MultiService = field(default_factory=MultiService)
    variables: Mapping[str, Any] = field(default_factory=dict)
    _parts: dict[Any, Any] = field(default_factory=dict)

    def part(self, kind: Callable[[Services], P]) -> P:
        """The app's one ``kind(services)``, made when it is first asked for.

        So handlers of one kind share what they need, such as a connection pool, and apps without them do not have it. A
        Service is started and stopped with the app. Call it on the reactor, or while the app is built.
        """
        if kind not in self._parts:
            self._parts[kind] = part = kind(self)
            if isinstance(part, Service):
                part.setServiceParent(self.parent)
        found: P = self._parts[kind]
        return found

    def kept(self, kind: Callable[[Services], P]) -> P:
        """As ``part``, for what is no Service and costs nothing to make: it may be called in any thread."""
        found: P | None = self._parts.get(kind)
        if found is None:
            found = self._parts.setdefault(kind, kind(self))
        return found

    def made(self, kind: Callable[[Services], P]) -> P | None:
        """The app's ``kind(services)`` where somebody has asked for it."""
        found: P | None = self._parts.get(kind)
        return found

    def hand_over(self, successor: Services) -> None:
        """Give what outlives this app, such as open connections, to the one that replaces it: each part that has a
        method ``hand_over(successor)`` does so."""
        for part in list(self._parts.values()):
            if hasattr(part, "hand_over"):
                part.hand_over(successor)

    def drain(self) -> Deferred[None]:
        """End what does not end by itself: each part that has a method ``drain()`` does so; fires when all have."""
        draining = [part.drain() for part in list(self._parts.values()) if hasattr(part, "drain")]
        return gatherResults(draining).addCallback(_nothing)


def _nothing(_: object) -> None:
    """What several have done."""


def trust(networks: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether an address is a trusted proxy's: ``networks`` are addresses, networks or ``"unix"``.

    :raises ValueError: for what is none of these.
    """
    unix = "unix" in networks
    nets = [ip_network(text, strict=False) for text in networks if text != "unix"]
    known: dict[str, bool] = {}

    def trusts(address: str) -> bool:
        if address == "unix":
            return unix
        if address not in known:
            if len(known) > 10_000:
                known.clear()
            known[address] = _within(address, nets)
        return known[address]

    return trusts


def _within(address: str, nets: list[Any]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in net for net in nets if net.version == parsed.version)
