"""A connection to Redis on txredisapi's protocol: opened when needed, pipelined, and given up when it does not answer.

txredisapi's own pools are not used: they stop connecting for good when Redis once refuses the password or the database
(as it does with "max number of clients reached"), they wait up to ten seconds before they connect again, and a request
that meets a dead server waits in their queue for as long.

Importing txredisapi imports the reactor: import this module when one is installed.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import txredisapi  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred, TimeoutError, fail
from twisted.internet.endpoints import HostnameEndpoint, UNIXClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure

from gramex_twisted.services.stores.base import StoreError

#: Seconds after a failed attempt to connect in which no other is made: calls fail at once.
PAUSE = 0.1


class Address(NamedTuple):
    """Where a Redis is, from its URL. ``name`` is the URL without the password."""

    name: str
    host: str
    port: int
    path: str | None
    tls: bool
    user: str | None
    password: str | None
    database: int


def parse(url: str) -> Address:
    """``redis://user:password@host:6379/0``, ``rediss://...`` for TLS, ``unix:///run/redis.sock?db=0``.

    :raises ValueError: for anything else, with a message that says why.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or 6379
    except ValueError as error:
        raise ValueError(f"{error}: write redis://host:6379/0") from error
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise ValueError("a Redis URL starts with redis://, rediss:// or unix://")
    socket = parts.scheme == "unix"
    database = parts.query.removeprefix("db=") if socket else parts.path.strip("/")
    if database and not database.isdecimal():
        raise ValueError(f"the database is a number, and not {database!r}: write redis://host:6379/0")
    host = parts.hostname or "localhost"
    return Address(
        name=f"unix://{parts.path}" if socket else f"{parts.scheme}://{host}:{port}/{database or 0}",
        host=host,
        port=port,
        path=parts.path if socket else None,
        tls=parts.scheme == "rediss",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        database=int(database or 0),
    )


def endpoint_of(reactor: Any, address: Address, timeout: float) -> IStreamClientEndpoint:
    """Where to connect to; it gives up after ``timeout`` seconds."""
    if address.path is not None:
        return UNIXClientEndpoint(reactor, address.path, timeout=timeout)
    endpoint: IStreamClientEndpoint = HostnameEndpoint(
        reactor, address.host.encode("idna"), address.port, timeout=timeout
    )
    return wrapClientTLS(optionsForClientTLS(address.host), endpoint) if address.tls else endpoint


class Protocol(txredisapi.RedisProtocol):  # type: ignore[misc]
    """Replies are bytes; ``sent`` has the time of each command that waits for its reply, oldest first."""

    def __init__(self) -> None:
        super().__init__(charset=None, convertNumbers=False)
        self.sent: deque[float] = deque()
        self.late = False  # it is being closed for not having answered

    def execute_command(self, *args: Any, **kwargs: Any) -> Deferred[Any]:
        """Send a command; fires with its reply."""
        reply: Deferred[Any] = super().execute_command(*args, **kwargs)
        self.sent.append(time.monotonic())
        return reply

    def replyReceived(self, reply: Any) -> None:
        self.sent.popleft()
        super().replyReceived(reply)


class Connection:
    """One connection. Calls that come while it is being opened wait for it; the first to find it lost opens it anew.

    :param timeout: seconds that opening it, and then the reply to a command, may take.
    """

    def __init__(self, reactor: Any, address: Address, timeout: float) -> None:
        self.address = address
        self.timeout = timeout
        self._closed = False
        self._reactor = reactor
        self._protocol: Protocol | None = None
        self._opening: list[Deferred[None]] | None = None
        self._failed: tuple[float, str] = (0.0, "")  # when (by time.monotonic) it could not be opened, and why
        self._watch: Any = None

    @property
    def pending(self) -> int:
        """How many commands wait for their replies."""
        return len(self._protocol.sent) if self._protocol is not None else 0

    async def call(self, *command: str | bytes | int) -> Any:
        """The reply of Redis: bytes, int, list or None.

        :raises StoreError: when it cannot be reached, does not answer within ``timeout`` or refuses the command.
        """
        if self._protocol is None or not self._protocol.connected:
            await self._open()
        protocol = self._protocol
        assert protocol is not None
        if self._watch is None:
            self._watch = self._reactor.callLater(self.timeout, self._look)
        try:
            return await protocol.execute_command(*command)
        except txredisapi.ConnectionError as error:
            raise self._error(f"no answer within {self.timeout:g} s" if protocol.late else str(error)) from error
        except txredisapi.RedisError as error:
            raise self._error(f"{str(command[0])[:20]}: {error}") from error

    def _error(self, message: str) -> StoreError:
        return StoreError(f"{self.address.name}: {message}")

    def _look(self) -> None:
        """Break the connection when its oldest command waits too long: replies come in order, so the rest wait too."""
        self._watch = None
        protocol = self._protocol
        if protocol is None or not protocol.sent:
            return
        left = protocol.sent[0] + self.timeout - time.monotonic()
        if left <= 0:
            self._protocol, protocol.late = None, True
            protocol.transport.abortConnection()
        else:
            self._watch = self._reactor.callLater(left, self._look)

    # --- opening and closing

    def _open(self) -> Deferred[None]:
        when, why = self._failed
        if time.monotonic() - when < PAUSE:
            return fail(self._error(why))
        waiting: Deferred[None] = Deferred()
        if self._opening is not None:
            self._opening.append(waiting)
            return waiting
        self._opening = [waiting]
        attempt = Deferred.fromCoroutine(self._connect())
        attempt.addTimeout(self.timeout, self._reactor).addBoth(self._opened)
        return waiting

    async def _connect(self) -> Protocol:
        protocol: Protocol = await connectProtocol(endpoint_of(self._reactor, self.address, self.timeout), Protocol())
        try:
            if self.address.password is not None:
                await protocol.auth(self.address.password, self.address.user)
            await protocol.select(self.address.database)
        except BaseException:
            protocol.transport.abortConnection()
            raise
        return protocol

    def _opened(self, result: Protocol | Failure) -> None:
        waiting, self._opening = self._opening or [], None
        if isinstance(result, Failure):
            late = result.check(TimeoutError)
            why = f"no answer within {self.timeout:g} s" if late else f"cannot be used: {result.getErrorMessage()}"
            self._failed = (time.monotonic(), why)
            for deferred in waiting:
                deferred.errback(self._error(why))
        else:
            self._protocol = result
            if self._closed:
                result.transport.abortConnection()
            for deferred in waiting:
                deferred.callback(None)

    async def close(self) -> None:
        """Let Redis answer what it was asked, then close the connection."""
        self._closed = True
        protocol = self._protocol
        if protocol is not None and protocol.connected:
            gone = protocol.whenDisconnected()
            with suppress(StoreError):  # lost, and so closed
                await self.call("QUIT")
            protocol.transport.loseConnection()
            await gone
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
