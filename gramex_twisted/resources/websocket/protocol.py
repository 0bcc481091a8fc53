"""The WebSocket protocol: autobahn's, with a short way for what nearly all frames are.

A frame that is a whole message and has arrived whole is taken apart right here; everything else (fragments, frames that
arrive in pieces, compressed ones, closing, and every mistake) is autobahn's. What it fails is told to the client with a
close frame, and nothing of that client is read any more.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from twisted.internet.tcp import Connection

from gramex_twisted.resources.websocket.lean import Factory, LeanProtocol
from gramex_twisted.resources.websocket.outbox import FullError, Outbox
from gramex_twisted.web.frames import BINARY, COMPRESSED, PING, PONG, TEXT, Frame, cut, framed, unmasked

#: Bytes of a frame above which autobahn unmasks it, piece by piece as it arrives.
SMALL = 1 << 14
ABNORMAL, NO_CODE = 1006, 1005


class ServerProtocol(LeanProtocol):
    """One connection, open from the start: the handler has shaken hands.

    :param codec: compresses messages; None where that was not agreed upon.
    :param listener: a Connection, which is told of ``received(message, size)``, ``ponged(data)``, ``closing()`` and
        ``lost(code, reason)``.
    """

    held = deaf = heard = False
    out: Outbox

    def __init__(self, factory: Factory, codec: Any, listener: Any) -> None:  # autobahn's makes what is not needed
        self.factory = factory
        self.listener = listener
        self.trafficStats = factory.traffic
        self.maxMessagePayloadSize = self.maxFramePayloadSize = factory.most
        self._perMessageCompress = codec

    def connectionMade(self) -> None:
        """The transport is ours."""
        self.out = Outbox(self.transport, self.factory.limit)
        if hasattr(self.transport, "setTcpNoDelay"):
            with suppress(OSError):  # a unix socket has no such thing
                self.transport.setTcpNoDelay(True)

    # Receiving --------------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        if self.deaf:
            return
        self.heard = True
        if self.data:
            data = self.data + data
            self.data = b""
        self._take(data)

    def hold(self, held: bool) -> None:
        """Take no more messages, or go on with those that have arrived."""
        if held == self.held or self.state != self.STATE_OPEN:
            return
        self.held = held
        if held:
            self.transport.pauseProducing()
        else:
            self.transport.resumeProducing()
            data, self.data = self.data, b""
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Handle the frames in ``data``; what is left of it waits in ``self.data``."""
        self.data = data
        self.out.cork()
        try:
            self.consumeData()
        finally:
            self.out.uncork()

    def consumeData(self) -> None:
        """Handle what has arrived, the short way where that is possible."""
        while not self.held and not self.deaf:
            if self.current_frame is None and not self.inside_message:
                done = self._short_way(self.data)
                self.data = self.data[done:] if done else self.data
                if not self.data or self.held:
                    break
            if not super().processData():
                break

    def _short_way(self, data: bytes) -> int:
        """Handle the frames at the start of ``data`` that are short and whole; how many bytes they have."""
        start, end = 0, len(data)
        while end - start >= 6 and not self.held and self.state == self.STATE_OPEN:
            opcode = data[start] ^ 0x80
            length = data[start + 1] ^ 0x80
            if opcode not in _SHORT or length > 126:
                break
            body = start + 6
            if length == 126:
                length = int.from_bytes(data[start + 2 : start + 4], "big")
                body = start + 8
                if length < 126 or length > SMALL or opcode >= PING:
                    break
            if body + length > end:
                break
            payload = unmasked(data[body - 4 : body], data[body : body + length])
            if not self._short_frame(opcode, payload):
                break
            start = body + length
        return start

    def _short_frame(self, opcode: int, payload: bytes) -> bool:
        """Handle a frame that is a message; False where it is autobahn's to say what is wrong with it."""
        if len(payload) > self.maxMessagePayloadSize:
            return False
        if opcode == TEXT:
            try:
                text = payload.decode("utf-8")
            except UnicodeDecodeError:
                return False
            self.listener.received(text, len(payload))
        elif opcode == BINARY:
            self.listener.received(payload, len(payload))
        elif opcode == PING:
            self._onPing(payload)
        else:
            self._onPong(payload)
        return True

    # A message of several frames gathers in one buffer: a list of pieces costs much more than tiny pieces have bytes.

    def _onMessageBegin(self, isBinary: bool) -> None:
        self.message_is_binary = isBinary
        self.message_data = bytearray()
        self.message_data_total_length = 0

    def onMessageFrameData(self, payload: bytes) -> None:
        if not self.deaf:
            self.message_data += payload

    def onMessageFrameEnd(self) -> None:
        self.frame_data = None

    def onMessageEnd(self) -> None:
        payload, self.message_data = bytes(self.message_data), None
        if self.state == self.STATE_OPEN and not self.deaf:
            self.listener.received(payload if self.message_is_binary else payload.decode("utf-8"), len(payload))

    def _onPing(self, payload: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self._out(self.out.pong, framed(payload, PONG))

    def _onPong(self, payload: bytes) -> None:
        if self.state == self.STATE_OPEN:
            self.listener.ponged(payload)

    # Sending ----------------------------------------------------------------------------------------------------------

    def send(self, frame: Frame) -> None:
        """Send a message."""
        if self._perMessageCompress is None:
            self._out(self.out.write, frame.raw)
        else:
            self._out(self.out.write, self._compressed(frame))

    def _compressed(self, frame: Frame) -> bytes:
        codec = self._perMessageCompress
        codec.start_compress_message()
        payload = codec.compress_message_data(frame.payload) + codec.end_compress_message()
        return framed(payload, TEXT if frame.text else BINARY, COMPRESSED)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """What autobahn sends: close frames and pings."""
        self._out(self.out.write, data)

    def _out(self, write: Any, data: bytes) -> None:
        try:
            write(data)
        except FullError:
            self.overflow()

    def overflow(self) -> None:
        """The client reads too slowly: what waits for it is dropped, and it is told why, if it ever reads that."""
        self.out.drop()
        self._fail_connection(1008, "messages were not read")

    # Closing ----------------------------------------------------------------------------------------------------------

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        """Say what is wrong, and listen no more."""
        if self.state == self.STATE_OPEN:
            self.failedByMe = True
            self.sendCloseFrame(code, cut(reason))
            self.listener.closing()
        self.deaf = True
        self.data = b""
        self._hang_up()

    def _hang_up(self) -> None:
        """Send what is to be sent, then the end; closing at once, with bytes unread, would reset the connection."""
        self.out.flush()
        self.transport.resumeProducing()
        if isinstance(self.transport, Connection) and not self.transport.TLS:
            self.transport.loseWriteConnection()
        else:
            self.transport.loseConnection()

    def close(self, code: int, reason: str) -> None:
        """Begin to close; what arrives until the client has closed too is dropped."""
        if self.state == self.STATE_OPEN:
            self.sendCloseFrame(code, cut(reason))
            self.listener.closing()
            if self.held:
                self.held = False
                self.transport.resumeProducing()
                self._take(self.data)

    def dropConnection(self, abort: bool = False) -> None:
        """The handshake of closing is done."""
        self.deaf = True
        self.data = b""
        self.listener.closing()
        self.out.flush()
        self.transport.loseConnection()

    def abort(self) -> None:
        """Cut the connection."""
        self.transport.abortConnection()

    def connectionLost(self, reason: Any = None) -> None:
        self.state = self.STATE_CLOSED
        self.deaf = True
        self.data = b""
        self.out.drop()
        self.out.resumeProducing()
        self.listener.lost(*self._ending())

    def _ending(self) -> tuple[int, str]:
        """The code and reason of who was first to close."""
        if self.closedByMe or self.failedByMe:
            code, reason = self.localCloseCode, self.localCloseReason
            return (NO_CODE if code is None else code), (reason or b"").decode(errors="replace")
        if self.wasClean:
            code, said = self.remoteCloseCode, self.remoteCloseReason
            return (NO_CODE if code is None else code), said or ""
        return ABNORMAL, "the connection was lost"


_SHORT = frozenset((TEXT, BINARY, PING, PONG))
