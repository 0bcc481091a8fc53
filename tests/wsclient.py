"""A WebSocket client on the real reactor, autobahn's: ``client = await connect(url)``, and wait for what comes."""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS

#: Seconds that anything may take.
DEADLINE = 60.0


class Client(WebSocketClientProtocol):
    """``await client.message()`` is the next message, ``await client.closed()`` the code it was closed with."""

    transport: Any

    def __init__(self) -> None:
        super().__init__()
        self.opened: Deferred[Client] = Deferred()
        self.code: int | None = None
        self.reason: str | None = None
        self._messages: DeferredQueue[str | bytes] = DeferredQueue()
        self._closed: list[Deferred[int | None]] = []
        self._lost = False

    def onOpen(self) -> None:
        self.opened.callback(self)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._messages.put(payload if isBinary else payload.decode())

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._lost, self.code, self.reason = True, code, reason
        if not self.opened.called:
            self.opened.errback(AssertionError(f"the WebSocket was refused: {reason}"))
        for waiting in self._closed:
            waiting.callback(code)

    def send(self, message: str | bytes) -> None:
        """Send a message."""
        binary = isinstance(message, bytes)
        self.sendMessage(message if isinstance(message, bytes) else message.encode(), binary)

    def message(self) -> Deferred[str | bytes]:
        """The next message."""
        return self._messages.get().addTimeout(DEADLINE, reactor)

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody asked for."""
        return len(self._messages.pending)

    def closed(self) -> Deferred[int | None]:
        """Fires with the server's code when the connection has ended."""
        waiting: Deferred[int | None] = Deferred()
        if self._lost:
            waiting.callback(self.code)
        else:
            self._closed.append(waiting)
        return waiting.addTimeout(DEADLINE, reactor)


async def connect(test: Any, url: str, *, headers: dict[str, str] | None = None, tls: Any = None) -> Client:
    """A client that is connected to ``url``; it ends with ``test``."""
    factory = WebSocketClientFactory(url, headers=headers or {}, reactor=reactor)
    factory.protocol = Client
    factory.noisy = False
    # Its timers would outlive the test: autobahn cancels what they call, but not themselves.
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=0, serverConnectionDropTimeout=0)
    endpoint: Any = HostnameEndpoint(reactor, factory.host.encode(), factory.port, timeout=DEADLINE)
    client: Client = await (wrapClientTLS(tls, endpoint) if tls else endpoint).connect(factory)

    def end() -> Deferred[int | None]:
        gone = client.closed()
        client.transport.abortConnection()
        return gone

    test.addCleanup(end)
    return await client.opened.addTimeout(DEADLINE, reactor)
