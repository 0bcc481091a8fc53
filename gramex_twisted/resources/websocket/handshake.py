"""The opening handshake (RFC 6455, 4.2): what a request must say, and the answer that opens a WebSocket."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from autobahn.websocket.protocol import WebSocketProtocol
from twisted.protocols.policies import ProtocolWrapper

from gramex_twisted.errors import HTTPError

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: Headers of a response with a body.
_OF_BODIES = {"Content-Type", "Content-Length", "Etag", "Transfer-Encoding", "Connection", "Upgrade"}


#: autobahn's parser of that header is a method, but asks nothing of its object.
UNBOUND: Any = None


class Offer(NamedTuple):
    """What a client asks for. ``extensions`` are (name, parameters)."""

    key: bytes
    subprotocols: list[str]
    extensions: list[tuple[str, dict[str, list[Any]]]]


def offer_of(context: Context) -> Offer:
    """The handshake that the request is.

    :raises HTTPError: 426 where it asks for no WebSocket, or for another version; 400 where it is wrong.
    """
    native = context.native
    if "websocket" not in _tokens(native, b"Upgrade") or native.method != b"GET" or native.clientproto != b"HTTP/1.1":
        raise HTTPError(
            426,
            "this address is a WebSocket: connect with new WebSocket(url)",
            headers={"Upgrade": "websocket", "Connection": "Upgrade"},
        )
    if "upgrade" not in _tokens(native, b"Connection"):
        raise HTTPError(400, "the header Connection: Upgrade is missing")
    if _only(native, b"Sec-WebSocket-Version") != b"13":
        raise HTTPError(426, "WebSocket version 13 is wanted", headers={"Sec-WebSocket-Version": "13"})
    key = _only(native, b"Sec-WebSocket-Key").strip()
    try:
        if len(base64.b64decode(key, validate=True)) != 16:
            raise ValueError("not 16 bytes")
    except (binascii.Error, ValueError):
        raise HTTPError(400, "the header Sec-WebSocket-Key has to be 16 bytes in base64") from None
    offered = ",".join(_values(native, b"Sec-WebSocket-Protocol"))
    extensions = ",".join(_values(native, b"Sec-WebSocket-Extensions"))
    return Offer(
        key,
        [part.strip() for part in offered.split(",") if part.strip()],
        WebSocketProtocol._parseExtensionsHeader(UNBOUND, extensions),
    )


def _values(native: Any, name: bytes) -> list[str]:
    return [value.decode("latin-1") for value in native.requestHeaders.getRawHeaders(name) or ()]


def _tokens(native: Any, name: bytes) -> list[str]:
    return [part.strip().lower() for part in ",".join(_values(native, name)).split(",")]


def _only(native: Any, name: bytes) -> bytes:
    values = native.requestHeaders.getRawHeaders(name) or [b""]
    if len(values) > 1:
        raise HTTPError(400, f"the header {name.decode()} comes {len(values)} times")
    value: bytes = values[0]
    return value


def answer(context: Context, key: bytes, subprotocol: str | None, extension: str | None) -> bytes:
    """The head of the response that opens the WebSocket, with the headers and cookies that guards have set."""
    accept = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept}"]
    lines += [f"Sec-WebSocket-Protocol: {subprotocol}"] if subprotocol else []
    lines += [f"Sec-WebSocket-Extensions: {extension}"] if extension else []
    for name, values in context._own_headers.items():
        if name not in _OF_BODIES:
            lines += [f"{name}: {value}" for value in values]
    lines += [f"Set-Cookie: {value}" for value in context.cookie_headers()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


def take_over(context: Context, protocol: Any, head: bytes, opened: Callable[[], None]) -> None:
    """Send ``head``, give the connection to ``protocol`` and call ``opened``: for HTTP the request has ended.

    See https://github.com/twisted/twisted/issues/3204: there is no way of Twisted's own.
    """
    native = context.native
    channel = native.channel
    transport, channel.transport = channel.transport, None
    native.startedWriting = 1
    context._status = native.code = 101
    early = b"".join([*channel._dataBuffer, channel.clearLineBuffer()])
    channel._dataBuffer = []
    if isinstance(transport, ProtocolWrapper):
        transport.wrappedProtocol = protocol
    elif isinstance(getattr(transport, "protocol", None), ProtocolWrapper):
        transport.protocol.wrappedProtocol = protocol
    else:
        transport.protocol = protocol
    native.site.channel_lost(channel)
    transport.unregisterProducer()
    transport.write(head)
    protocol.makeConnection(transport)
    native.finished = 1
    native.notifications = []
    channel.requests.clear()
    opened()
    transport.resumeProducing()
    if early:
        protocol.dataReceived(early)
