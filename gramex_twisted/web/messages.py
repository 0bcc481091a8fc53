"""WebSockets. Methods of the Context: those of a connection, and ``broadcast`` for everybody."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from gramex_twisted.web.frames import Frame, encoded


class WebSocketClosedError(ConnectionError):
    """The WebSocket is closed: nothing can be sent any more."""


class Socket(Protocol):
    """A WebSocket's connection. Called on the reactor, save ``write_in_thread``."""

    context: Any
    subprotocol: str | None
    close_code: int | None
    close_reason: str | None

    def write(self, frame: Frame) -> Deferred[None]:
        """Send a message; fires when the client has kept up."""

    def write_in_thread(self, frame: Frame) -> None:
        """The same from a thread; returns when the client has kept up."""

    def close(self, code: int, reason: str) -> None:
        """Begin to close."""

    def ping(self, data: bytes) -> None:
        """Ask the client for a pong."""


class Messages:
    """Message methods of the Context. ``route.services.rooms`` has the app's Rooms."""

    name: str
    route: Any
    _socket: Socket | None = None

    def _connection(self, method: str) -> Socket:
        if self._socket is None:
            raise RuntimeError(f"handler.{method} is for WebSockets: {self.name} is none, or is not open yet")
        return self._socket

    def write_message(self, message: str | bytes | dict[Any, Any] | list[Any], binary: bool = False) -> Any:
        """Send a message to the client of this WebSocket.

        In a thread it waits for a slow client. On the reactor it returns a Deferred: await it before writing more, as
        what a client does not read is kept up to ``max_buffer`` bytes only.

        :param message: text, or bytes; a dict or list is sent as JSON.
        :param binary: as a binary message. Bytes that are sent as text must be UTF-8.
        :raises WebSocketClosedError: when the WebSocket is closed.
        :raises ValueError: for text that is not UTF-8.
        """
        socket = self._connection("write_message")
        frame = encoded(message, binary=binary)
        if isInIOThread():
            return socket.write(frame)
        return socket.write_in_thread(frame)

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Close this WebSocket. Messages that the client has sent and that no function has been given are dropped.

        :param code: 1000 to 1014, but 1004 to 1006, which are never sent; or 3000 to 4999, which are yours.
        :param reason: text of at most 123 bytes; what is longer is cut.
        :raises ValueError: for another code.
        """
        socket = self._connection("close")
        if not ((1000 <= code <= 1014 and code not in (1004, 1005, 1006)) or 3000 <= code <= 4999):
            raise ValueError(f"{code} is no code to close a WebSocket with: write 1000, or one of 3000 to 4999")
        self._on_reactor(lambda: socket.close(code, reason))

    def ping(self, data: bytes | str = b"") -> None:
        """Ask the client for a pong; ``on_pong`` gets it, with the same ``data`` (at most 125 bytes).

        :raises WebSocketClosedError: when the WebSocket is closed.
        :raises ValueError: for more data.
        """
        socket = self._connection("ping")
        payload = data.encode() if isinstance(data, str) else bytes(data)
        if len(payload) > 125:
            raise ValueError(f"a ping has at most 125 bytes, not {len(payload)}")
        self._on_reactor(lambda: socket.ping(payload))

    @property
    def close_code(self) -> int | None:
        """Why the WebSocket was closed: the client's code, or the server's where that was first. 1005: the client gave
        none. 1006: the connection was lost. None while it is open."""
        return self._connection("close_code").close_code

    @property
    def close_reason(self) -> str | None:
        """The text that came with ``close_code``."""
        return self._connection("close_reason").close_reason

    @property
    def selected_subprotocol(self) -> str | None:
        """What ``select_subprotocol`` chose."""
        return self._connection("selected_subprotocol").subprotocol

    # Rooms ------------------------------------------------------------------------------------------------------------

    def join(self, room: str) -> None:
        """Get what is broadcast to ``room`` from now on. Each WebSocket is in the room that is named as its route."""
        socket = self._connection("join")
        self._on_reactor(lambda: self.route.services.rooms.join(room, socket))

    def leave(self, room: str) -> None:
        """Get what is broadcast to ``room`` no more."""
        socket = self._connection("leave")
        self._on_reactor(lambda: self.route.services.rooms.leave(room, socket))

    def broadcast(self, message: Any, room: str | None = None, *, binary: bool = False, others: bool = False) -> Any:
        """Send a message to every WebSocket in a room, also those of other processes where ``app.broadcast`` is Redis.

        Nobody is waited for: who does not read is cut off by ``max_buffer``. Any handler may call it.

        :param message: as ``write_message`` takes it.
        :param room: the room's name; rooms are those of the whole app. Default: the route's.
        :param others: leave out this WebSocket itself.
        :returns: how many of this process's WebSockets it was sent to; on the reactor, a Deferred with that.
        """
        frame = encoded(message, binary=binary)
        rooms, name = self.route.services.rooms, self.name if room is None else room
        leave_out = self._socket if others else None
        if isInIOThread():
            return Deferred.fromCoroutine(rooms.broadcast(name, frame, leave_out))
        return self.route.services.threads.call_in_reactor(rooms.broadcast, name, frame, leave_out)

    def _on_reactor(self, call: Any) -> None:
        if isInIOThread():
            call()
        else:
            self.route.services.threads.call_in_reactor(call)
