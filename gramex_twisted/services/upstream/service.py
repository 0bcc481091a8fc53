"""Upstreams: what an app has opened to other servers, closed when it stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.ssl import Certificate, platformTrust, trustRootFromCertificates

from gramex_twisted.services.container import Services
from gramex_twisted.services.upstream.agent import Endpoints, Pool, Upstream

BEGIN, END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


class Held(Protocol):
    """A connection that goes on after its request, until the server stops or its route has changed."""

    keeper: Upstreams

    def close(self) -> Deferred[None]:
        """Close it; fires when that is done."""

    def stays(self, successor: Services) -> bool:
        """Whether the app of ``successor`` has its route as it was."""


class Upstreams(Service):
    """The Upstreams of one app, and the connections that were taken over for WebSockets."""

    def __init__(self, services: Services) -> None:
        self._reactor = services.reactor
        self._agents: list[Upstream] = []
        self._held: set[Held] = set()
        self._calls: list[Callable[[], None]] = []

    def open(
        self, *, connect_timeout: float, most_idle: int, idle_timeout: float, authorities: Path | None
    ) -> Upstream:
        """A new Upstream. Nothing is connected before its first request.

        :param authorities: a PEM file of certificates to trust in place of the system's.
        :raises ValueError: when the file holds none.
        :raises OSError: when it cannot be read.
        """
        trust = platformTrust() if authorities is None else trust_root(authorities)
        pool = Pool(self._reactor, most_idle, idle_timeout, connect_timeout)
        agent: Upstream = Upstream.usingEndpointFactory(
            self._reactor, Endpoints(self._reactor, trust, connect_timeout), pool
        )
        self._agents.append(agent)
        return agent

    def hold(self, held: Held) -> None:
        """Close ``held`` when the server stops; ``release`` it when it has ended by itself."""
        held.keeper = self
        self._held.add(held)

    def release(self, held: Held) -> None:
        """It has ended."""
        self._held.discard(held)

    def hand_over(self, successor: Services) -> None:
        """Leave what is open to the app that takes over, save that whose route has changed."""
        heir = successor.part(Upstreams)
        for held in list(self._held):
            if held.stays(successor):
                self.release(held)
                heir.hold(held)
            else:
                held.close()

    def drain(self) -> Deferred[None]:
        """Close what would not end by itself; fires when that is done."""
        return gatherResults([held.close() for held in list(self._held)]).addCallback(_nothing)

    def on_stop(self, call: Callable[[], None]) -> None:
        """Call ``call`` when the app stops."""
        self._calls.append(call)

    def stopService(self) -> Deferred[None]:
        """Close what is idle, and what is still open."""
        super().stopService()
        for call in self._calls:
            call()
        closing = [agent.close() for agent in self._agents]
        return gatherResults([*closing, self.drain()]).addCallback(_nothing)


def trust_root(path: Path) -> Any:
    """The certificates of a PEM file, as those to trust.

    :raises ValueError: when it holds none.
    """
    blocks = [BEGIN + part.partition(END)[0] + END + b"\n" for part in path.read_bytes().split(BEGIN)[1:]]
    if not blocks:
        raise ValueError(f"no certificate in {path}")
    try:
        return trustRootFromCertificates([Certificate.loadPEM(block) for block in blocks])
    except Exception as error:  # noqa: BLE001 - OpenSSL's own
        raise ValueError(f"no certificate in {path}: {error}") from None


def _nothing(_: object) -> None:
    """A service that has stopped says no more."""
