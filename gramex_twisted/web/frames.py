"""WebSocket frames as a server sends them: whole, unmasked, made once for everybody who gets them."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from gramex_twisted.web.values import dump_json

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
#: The bit that marks a message as compressed.
COMPRESSED = 0x40
_SHORT = [bytes((0x80 | opcode, length)) for opcode in (TEXT, BINARY) for length in range(126)]


class Frame(NamedTuple):
    """A message: its payload, whether it is text, and both as the bytes of one frame."""

    payload: bytes
    text: bool
    raw: bytes


def framed(payload: bytes, opcode: int, flags: int = 0) -> bytes:
    """``payload`` as one frame that is a whole message."""
    length = len(payload)
    if length < 126:
        if opcode <= BINARY and not flags:
            return _SHORT[(opcode - 1) * 126 + length] + payload
        return bytes((0x80 | flags | opcode, length)) + payload
    if length < 1 << 16:
        return struct.pack("!BBH", 0x80 | flags | opcode, 126, length) + payload
    return struct.pack("!BBQ", 0x80 | flags | opcode, 127, length) + payload


def encoded(message: Any, *, binary: bool = False) -> Frame:
    """``message`` as it is sent: text, bytes, or a dict or list as JSON.

    :raises TypeError: for anything else.
    :raises ValueError: for bytes to be sent as text that are not UTF-8.
    """
    if isinstance(message, str):
        payload = message.encode("utf-8")
    elif isinstance(message, (bytes, bytearray, memoryview)):
        payload = bytes(message)
        if not binary:
            _check(payload)
    elif isinstance(message, (dict, list)):
        payload = dump_json(message)
    else:
        raise TypeError(f"a message is text, bytes, a dict or a list, not {type(message).__name__}")
    return Frame(payload, not binary, framed(payload, BINARY if binary else TEXT))


def _check(payload: bytes) -> None:
    try:
        payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"the message is not UTF-8 ({error}): send it with binary=True") from None


def unmasked(mask: bytes, data: bytes) -> bytes:
    """``data`` without its mask of four bytes. For short data nothing is faster than one long number."""
    length = len(data)
    masks = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(data, "little") ^ int.from_bytes(masks, "little")).to_bytes(length, "little")


def cut(reason: str) -> bytes:
    """``reason`` in UTF-8, as far as a close frame has room for it."""
    return reason.encode("utf-8", "replace")[:123].decode("utf-8", "ignore").encode("utf-8")
