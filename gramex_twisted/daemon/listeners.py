"""The ports of the server, and how a reload changes them all or not at all."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet import tcp
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IAddress, IListeningPort, IProtocol, IProtocolFactory
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from gramex_twisted.daemon.sockets import Endpoint, Inherited, ListenError, Place, Systemd, Tcp, Unix
from gramex_twisted.daemon.tls import Certificate

log = Logger()


class ListenOptions(Protocol):
    """What is read of ``config.settings.Listen``."""

    port: int
    address: str
    endpoint: tuple[str, ...]
    backlog: int

    @property
    def tls(self) -> tuple[str, str] | None: ...


@dataclass(frozen=True)
class Listener:
    """A place, and the certificate it speaks TLS with."""

    place: Place
    certificate: Certificate | None = None

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"


def listeners_of(options: ListenOptions) -> list[Listener]:
    """The listeners that ``app.listen`` asks for. Raises ListenError for an endpoint that makes no sense."""
    certificate = Certificate(*options.tls) if options.tls else None
    if not options.endpoint:
        return [Listener(Tcp(options.port, options.address, options.backlog), certificate)]
    return [parse_endpoint(text, certificate) for text in options.endpoint]


def parse_endpoint(text: str, certificate: Certificate | None = None) -> Listener:
    """The listener of a Twisted endpoint string; ``certificate`` is that of sockets from systemd.

    The kinds whose certificates, files or sockets must survive a reload are opened here, others by Twisted.
    """
    kind, *parts = re.split(r"(?<!\\):", text)
    pairs = [re.split(r"(?<!\\)=", part, maxsplit=1) for part in parts]
    words = [[re.sub(r"\\(.)", r"\1", word) for word in pair] for pair in pairs]
    positional = [pair[0] for pair in words if len(pair) == 1]
    options = {pair[0]: pair[1] for pair in words if len(pair) == 2}
    try:
        return _listener(kind, positional, options, certificate) or Listener(Endpoint(text))
    except (ValueError, KeyError, IndexError) as error:
        raise ListenError(f"app.listen.endpoint {text!r} cannot be understood: {error}") from error


def _listener(kind: str, words: list[str], options: dict[str, str], certificate: Certificate | None) -> Listener | None:
    given = set(options)
    backlog = int(options.get("backlog", 128))
    if kind in ("tcp", "tcp6", "ssl") and given <= {"port", "interface", "backlog", *SSL_OPTIONS}:
        port = int(words[0] if words else options["port"])
        address = options.get("interface", "::" if kind == "tcp6" else "")
        return Listener(Tcp(port, address, backlog), _certificate(options) if kind == "ssl" else None)
    if kind == "unix" and given <= {"address", "mode", "backlog", "lockfile"}:
        path = words[0] if words else options["address"]
        if not path:
            raise ValueError("it has no path")
        return Listener(Unix(path, int(options.get("mode", "666"), 8), backlog))
    if kind == "systemd" and given <= {"domain", "index", "name"}:
        if ("index" in given) == ("name" in given):
            raise ValueError("give either index= or name=")
        index = int(options["index"]) if "index" in given else None
        return Listener(Systemd(index, options.get("name")), certificate)
    return None


SSL_OPTIONS = ("privateKey", "certKey", "extraCertChain")


def _certificate(options: dict[str, str]) -> Certificate:
    key = options.get("privateKey", "server.pem")
    return Certificate(options.get("certKey", key), key, options.get("extraCertChain"))


class Entrance(Factory):
    """What a port makes its connections with: the Site, or the Site behind TLS. ``inner`` is replaced by a reload, so
    that new connections see a new certificate and those that are open go on as they are."""

    noisy = False

    def __init__(self, inner: IProtocolFactory) -> None:
        self.inner = inner

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:  # type: ignore[override]
        return self.inner.buildProtocol(addr)  # type: ignore[arg-type]

    def doStart(self) -> None:
        super().doStart()
        self.inner.doStart()

    def doStop(self) -> None:
        super().doStop()
        self.inner.doStop()


@dataclass
class Door:
    """An open port."""

    listener: Listener
    port: IListeningPort
    entrance: Entrance
    reactor: Any

    def __post_init__(self) -> None:
        self.url = self.listener.place.url(self.port, self.listener.scheme)  # a closed port no longer knows

    def serve(self, listener: Listener, inner: IProtocolFactory) -> None:
        """The same place, maybe with TLS where there was none, or with a new certificate."""
        self.entrance.inner = inner
        self.url = listener.place.url(self.port, listener.scheme)

    async def close(self) -> None:
        """Stop accepting."""
        # The port closes in the next turn of the reactor, and the kernel resets whom it has let in by then: this is
        # called right before.
        self.reactor.callLater(0, self.accept_all)
        await maybeDeferred(self.port.stopListening)
        log.info("closed {url}", url=self.url)

    def accept_all(self) -> None:
        """Accept every connection that waits for it."""
        if isinstance(self.port, tcp.Port):
            self.port.numberAccepts = sys.maxsize
            self.port.doRead()


class Listeners:
    """The open ports of ``site``."""

    def __init__(self, reactor: Any, site: IProtocolFactory, inherited: Inherited | None = None) -> None:
        self.reactor = reactor
        self.site = site
        self.inherited = Inherited() if inherited is None else inherited
        self.doors: dict[Place, Door] = {}

    @property
    def urls(self) -> list[str]:
        """Where the server listens, with the port numbers really given."""
        return [door.url for door in self.doors.values()]

    async def prepare(self, wanted: Sequence[Listener]) -> Change:
        """Read the certificates and open the ports of ``wanted`` that are not open yet.

        Either all succeeds, or what was opened is closed again and ListenError raised. The ports that are no longer
        wanted go on until the Change is committed. Waits for nothing, unless a place is an exotic endpoint.
        """
        change = Change(self, {listener.place: listener for listener in wanted})
        try:
            for listener in change.wanted.values():
                await change.prepare(listener)
        except BaseException:
            change.abandon()
            raise
        return change

    async def close(self) -> None:
        """Stop accepting connections; those that are open stay."""
        doors, self.doors = self.doors, {}
        for door in doors.values():
            await door.close()


class Change:
    """New ports and certificates, ready to be put to use or to be given up."""

    def __init__(self, listeners: Listeners, wanted: dict[Place, Listener]) -> None:
        self.listeners = listeners
        self.wanted = wanted
        self.opened: dict[Place, Door] = {}
        self.inner: dict[Place, IProtocolFactory] = {}

    async def prepare(self, listener: Listener) -> None:
        site, reactor = self.listeners.site, self.listeners.reactor
        inner = listener.certificate.wrap(site, reactor) if listener.certificate else site
        self.inner[listener.place] = inner
        if listener.place not in self.listeners.doors:
            entrance = Entrance(inner)
            try:
                port = await listener.place.open(reactor, entrance, self.listeners.inherited)
            except ListenError as error:
                reason = (error.in_use and self._own_fault(listener.place)) or str(error)
                raise ListenError(reason, in_use=error.in_use) from error
            self.opened[listener.place] = Door(listener, port, entrance, reactor)

    def _own_fault(self, place: Place) -> str | None:
        """Why a port is in use, when it is this server that uses it at another address."""
        for door in self.listeners.doors.values():
            ours = door.listener.place
            if isinstance(place, Tcp) and isinstance(ours, Tcp) and place.port == ours.port != 0:
                return f"port {place.port} is in use by this server at {door.url}; restart it to change the address"
        return None

    def abandon(self) -> None:
        """Close what was opened. Waits for nothing: the reactor may not run yet, or never will."""
        for door in self.opened.values():
            closing = Deferred.fromCoroutine(door.close())
            closing.addErrback(lambda failure: log.failure("a port did not close", failure))

    async def commit(self) -> None:
        """Put the certificates and ports to use, and close the ports that are no longer wanted."""
        doors = self.listeners.doors
        for place, listener in self.wanted.items():
            if place in doors:
                doors[place].serve(listener, self.inner[place])
        doors.update(self.opened)
        for door in self.opened.values():
            log.info("listening on {url}", url=door.url)
        for door in list(self._unwanted()):
            del doors[door.listener.place]
            await door.close()

    def _unwanted(self) -> Iterator[Door]:
        return (door for place, door in self.listeners.doors.items() if place not in self.wanted)
