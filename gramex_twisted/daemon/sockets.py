"""The places a server can listen at: TCP ports, unix sockets, sockets that systemd opened, any Twisted endpoint.

A place is a value: two equal places are one socket. ``open`` makes it a listening port or raises ``ListenError``.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet import unix
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.protocol import Factory

FIRST_DESCRIPTOR = 3


class ListenError(Exception):
    """A place cannot be listened at. The text is one line and says what to do; ``in_use``: somebody listens there."""

    def __init__(self, text: str, *, in_use: bool = False) -> None:
        super().__init__(text)
        self.in_use = in_use


class Place(Protocol):
    """Where to listen."""

    async def open(self, reactor: Any, factory: Factory, inherited: Inherited) -> IListeningPort:
        """Listen; raises ListenError."""

    def url(self, port: IListeningPort, scheme: str) -> str:
        """What to tell people: ``http://127.0.0.1:9988``, with the port that was really given."""


class Inherited:
    """The listening sockets that the service manager passed (sd_listen_fds(3)).

    Takes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES out of ``environ``, so that child processes do not see them. The
    descriptors stay open: a reload may give up a socket, and a later one take it again.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        mine = environ.get("LISTEN_PID") == str(os.getpid())
        passed = environ.get("LISTEN_FDS", "") if mine else ""
        count = int(passed) if passed.isdecimal() else 0
        names = environ.get("LISTEN_FDNAMES", "").split(":") if mine else []
        if mine:
            for key in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
                environ.pop(key, None)
        self.descriptors = list(range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + count))
        self.names = dict(zip(names, self.descriptors, strict=False))
        for descriptor in self.descriptors:
            os.set_inheritable(descriptor, False)

    def on_port(self, number: int) -> int | None:
        """The descriptor of the socket that is bound to TCP port ``number``."""
        for descriptor in self.descriptors:
            with socket.socket(fileno=os.dup(descriptor)) as found:
                if found.family in (socket.AF_INET, socket.AF_INET6) and found.getsockname()[1] == number:
                    return descriptor
        return None


@dataclass(frozen=True)
class Tcp:
    """A TCP port; ``address`` "" is every IPv4 address, "::" every address."""

    port: int
    address: str = ""
    backlog: int = field(default=1024, compare=False)

    async def open(self, reactor: Any, factory: Factory, inherited: Inherited) -> IListeningPort:
        # A socket unit for this very port means that systemd holds it: opening it again would fail.
        descriptor = inherited.on_port(self.port) if self.port else None
        if descriptor is not None:
            return adopt(reactor, descriptor, factory)
        try:
            port: IListeningPort = reactor.listenTCP(self.port, factory, self.backlog, self.address)
        except CannotListenError as error:
            in_use = getattr(error.socketError, "errno", None) == errno.EADDRINUSE
            raise ListenError(self.explain(error.socketError), in_use=in_use) from error
        return port

    def explain(self, error: BaseException) -> str:
        address = self.address or "0.0.0.0"
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            return f"port {self.port} is in use on {address}; stop what listens there, or choose another with --port"
        if number == errno.EACCES:
            return f"port {self.port} on {address} needs more rights; choose one over 1023, or let systemd open it"
        if number == errno.EADDRNOTAVAIL or isinstance(error, socket.gaierror):
            return f"cannot listen on {address}: this machine has no such address; see app.listen.address"
        return f"cannot listen on {address}:{self.port}: {error}"

    def url(self, port: IListeningPort, scheme: str) -> str:
        host = self.address or "0.0.0.0"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{_host(port).port}"


@dataclass(frozen=True)
class Unix:
    """A unix socket at ``path``; ``mode`` says who may connect."""

    path: str
    mode: int = field(default=0o666, compare=False)
    backlog: int = field(default=1024, compare=False)

    async def open(self, reactor: Any, factory: Factory, inherited: Inherited) -> IListeningPort:
        """Bind under another name and rename, so that nobody finds the socket before it has its mode and listens."""
        self.refuse_if_taken()
        draft = f"{self.path}.{os.getpid()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
            try:
                bound.bind(draft)
                os.chmod(draft, self.mode)
                bound.listen(self.backlog)
                os.rename(draft, self.path)
            except (OSError, ValueError) as error:
                with contextlib.suppress(OSError):
                    os.unlink(draft)
                raise ListenError(f"cannot listen on unix:{self.path}: {error}") from error
            found = os.stat(self.path)
            return adopt(
                reactor, bound.fileno(), factory, backlog=self.backlog, remove=(self.path, found.st_dev, found.st_ino)
            )

    def refuse_if_taken(self) -> None:
        """A socket that nobody listens at is stale and may be replaced; anything else may not."""
        try:
            mode = os.lstat(self.path).st_mode
        except OSError:
            return
        if not stat.S_ISSOCK(mode):
            raise ListenError(f"unix:{self.path} is there already and is no socket; remove it or choose another path")
        if is_answered(self.path):
            raise ListenError(f"unix:{self.path} is in use; stop what listens there, or choose another path")

    def url(self, port: IListeningPort, scheme: str) -> str:
        return f"{scheme}+unix:{self.path}"


@dataclass(frozen=True)
class Systemd:
    """A socket that systemd opened, by its ``index`` among those passed or by its ``name`` (FileDescriptorName=)."""

    index: int | None = None
    name: str | None = None

    async def open(self, reactor: Any, factory: Factory, inherited: Inherited) -> IListeningPort:
        if self.name is not None:
            descriptor = inherited.names.get(self.name)
        else:
            descriptor = dict(enumerate(inherited.descriptors)).get(self.index or 0)
        if descriptor is None:
            passed = len(inherited.descriptors)
            raise ListenError(f"{self} was not passed by systemd ({passed} sockets were); start the .socket unit")
        return adopt(reactor, descriptor, factory)

    def __str__(self) -> str:
        return f"systemd socket {self.index if self.name is None else self.name}"

    def url(self, port: IListeningPort, scheme: str) -> str:
        host = _host(port)
        name = getattr(host, "name", None)
        return f"{scheme}+unix:{os.fsdecode(name)}" if name else f"{scheme}://{host.host}:{host.port}"


@dataclass(frozen=True)
class Endpoint:
    """Any other Twisted endpoint, by its description."""

    text: str

    async def open(self, reactor: Any, factory: Factory, inherited: Inherited) -> IListeningPort:
        from twisted.internet.endpoints import serverFromString  # here, because most apps need no endpoint strings

        try:
            port: IListeningPort = await serverFromString(reactor, self.text).listen(factory)
        except Exception as error:  # an endpoint of anybody's making raises what it likes
            raise ListenError(f"cannot listen on {self.text}: {error}") from error
        return port

    def url(self, port: IListeningPort, scheme: str) -> str:
        return self.text


class AdoptedUnixPort(unix.Port):
    """A unix socket that was bound by somebody else.

    Twisted would give its file the mode 666 when it starts, and shut it down and remove it when it stops: the first
    opens a socket that systemd or ``Unix`` closed to others, the rest takes it away from systemd. ``remove`` is the
    (path, device, inode) to remove when the port closes, unless another server has put its own socket there.
    """

    _shouldShutdown = False
    remove: tuple[str, int, int] | None = None

    def startListening(self) -> None:
        self._bindPath = b"\0" + self._bindPath  # an abstract name in Twisted's eyes: it has no file
        super().startListening()

    def connectionLost(self, reason: Any) -> None:
        super().connectionLost(reason)
        if self.remove is not None:
            path, *identity = self.remove
            with contextlib.suppress(FileNotFoundError):
                found = os.stat(path)
                if [found.st_dev, found.st_ino] == identity:
                    os.unlink(path)


def is_answered(path: str) -> bool:
    """Whether anybody listens at the unix socket ``path``; one that we may not connect to counts as answered."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # not allowed, or its queue is full
            return True
        return True


def adopt(
    reactor: Any,
    descriptor: int,
    factory: IProtocolFactory,
    *,
    backlog: int = socket.SOMAXCONN,
    remove: tuple[str, int, int] | None = None,
) -> IListeningPort:
    """Listen on a copy of the socket ``descriptor``; what kind it is, it knows itself."""
    with socket.socket(fileno=os.dup(descriptor)) as found:
        found.setblocking(False)
        family = found.family
        try:
            if family != socket.AF_UNIX:
                adopted: IListeningPort = reactor.adoptStreamPort(found.fileno(), family, factory)
                return adopted
            port: AdoptedUnixPort = AdoptedUnixPort._fromListeningDescriptor(reactor, found.fileno(), factory)
            port.remove, port.backlog = remove, backlog
            port.startListening()
        except (OSError, CannotListenError) as error:
            raise ListenError(f"descriptor {descriptor} is no listening stream socket: {error}") from error
        return port


def _host(port: IListeningPort) -> Any:
    return port.getHost()
