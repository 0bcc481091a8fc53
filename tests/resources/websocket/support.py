"""A raw WebSocket client of an app in memory: frames in, frames out, byte by byte where a test wants that."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from gramex_twisted.testing import App, AppTestCase
from tests.wire import Wire

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ECHO = "handler.write_message(message, isinstance(message, bytes))"


class Got(NamedTuple):
    """A frame of the server's."""

    opcode: int
    payload: bytes
    fin: bool = True
    rsv: int = 0


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, mask: bytes = b"\x12\x34\x56\x78"
) -> bytes:
    """A frame as a client sends it; ``mask`` b"" for one without."""
    length, masked = len(payload), 0x80 if mask else 0
    head = bytes(((0x80 if fin else 0) | rsv << 4 | opcode,))
    if length < 126:
        head += bytes((masked | length,))
    elif length < 1 << 16:
        head += struct.pack("!BH", masked | 126, length)
    else:
        head += struct.pack("!BQ", masked | 127, length)
    body = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)) if mask else payload
    return head + mask + body


def text(message: str) -> bytes:
    """A text message."""
    return frame(TEXT, message.encode())


def closing(code: int | None = 1000, reason: bytes = b"") -> bytes:
    """A close frame."""
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason)


def closed(code: int, reason: str = "") -> Got:
    """The server's close frame."""
    return Got(CLOSE, struct.pack("!H", code) + reason.encode())


class SocketWire(Wire):
    """One WebSocket of ``app``; ``head`` is the answer to its handshake."""

    def __init__(self, app: App, path: str = "/ws", **headers: str) -> None:
        super().__init__(app)
        headers.setdefault("Sec_WebSocket_Version", "13")
        headers.setdefault("Sec_WebSocket_Key", KEY)
        lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
        self.send(
            f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n"
            f"Upgrade: websocket\r\n{''.join(lines)}\r\n"
        )
        self.head = self.received.partition(b"\r\n\r\n")[0]
        self._seen = len(self.head) + 4
        self.lost = False

    @property
    def protocol(self) -> Any:
        """The server's protocol."""
        return self.transport.protocol  # type: ignore[attr-defined]

    def send(self, *data: bytes | str) -> bytes:
        """Send pieces one after another."""
        protocol = getattr(self.transport, "protocol", None)
        if protocol is None:
            return super().send(*data)
        for piece in data:
            protocol.dataReceived(piece.encode() if isinstance(piece, str) else piece)
        self.app.agent.clock.advance(0)
        return self.received

    def got(self) -> list[Got]:
        """The frames that have come since the last call."""
        data, frames = self.received[self._seen :], []
        self._seen = len(self.received)
        while data:
            length, start = data[1] & 0x7F, 2
            assert not data[1] & 0x80, "a server's frames are not masked"
            if length == 126:
                length, start = struct.unpack("!H", data[2:4])[0], 4
            elif length == 127:
                length, start = struct.unpack("!Q", data[2:10])[0], 10
            payload = data[start : start + length]
            assert len(payload) == length, "a frame is cut off"
            frames.append(Got(data[0] & 15, payload, bool(data[0] & 0x80), data[0] >> 4 & 7))
            data = data[start + length :]
        return frames

    def texts(self) -> list[str]:
        """The text messages among ``got``."""
        return [got.payload.decode() for got in self.got() if got.opcode == TEXT]

    def end(self) -> None:
        """The connection is lost."""
        if not self.lost:
            self.lost = True
            self.protocol.connectionLost(Failure(ConnectionDone()))
            self.app.agent.clock.advance(0)


class SocketTestCase(AppTestCase):
    """Opens WebSockets, which end with the test."""

    def open(self, path: str = "/ws", **headers: str) -> SocketWire:
        """A WebSocket that the server has accepted."""
        wire = self.ask(path, **headers)
        self.assertEqual(wire.status, "HTTP/1.1 101 Switching Protocols", wire.received)
        return wire

    def ask(self, path: str = "/ws", **headers: str) -> SocketWire:
        """A request for one."""
        wire = SocketWire(self.app, path, **headers)
        if wire.protocol is not None:
            self.addCleanup(wire.end)
        return wire
