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


class Closable(Protocol):
    """What is closed when the server stops."""

    def close(self) -> Deferred[None]:
        """Close it; fires when that is done."""

    @property
    def outlives(self) -> bool:
        """Whether it goes on although the app ends, since another has taken over."""


class Upstreams(Service):
    """The Upstreams of one app, and the connections that were taken over for WebSockets.

    A reload leaves those open: they end with their client, with their upstream, or with the server.
    """

    def __init__(self, services: Services) -> None:
        self._reactor = services.reactor
        self._agents: list[Upstream] = []
        self._tunnels: set[Closable] = set()
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

    def hold(self, tunnel: Closable) -> Callable[[], None]:
        """Close ``tunnel`` when the server stops; call what is returned when it has ended by itself."""
        self._tunnels.add(tunnel)
        return lambda: self._tunnels.discard(tunnel)

    def on_stop(self, call: Callable[[], None]) -> None:
        """Call ``call`` when the app stops."""
        self._calls.append(call)

    def stopService(self) -> Deferred[None]:
        """Close what is idle, and the tunnels."""
        super().stopService()
        for call in self._calls:
            call()
        closing = [agent.close() for agent in self._agents]
        closing += [tunnel.close() for tunnel in list(self._tunnels) if not tunnel.outlives]
        return gatherResults(closing).addCallback(_nothing)


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
