"""What the sockets of Twisted can do at less cost than the interfaces of transports ask for.

A transport that is no socket, such as TLS or that of a test, works as it always does.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.tcp import Connection

#: Bytes that are received or sent at once while a long body passes. Twisted's own are 64 and 128 KB.
WIDE = 1 << 18

# glibc takes longer blocks than any that was given back before from the kernel, page by page. One that is never touched
# teaches it to keep blocks of this size, which are needed for each piece received.
bytes(8 * WIDE)


def widen(transport: Any, length: object) -> None:
    """Receive and send ``WIDE`` bytes at once, so that a body of ``length`` bytes takes fewer turns of the reactor.

    :param length: no number where nobody knows it.
    """
    if isinstance(transport, Connection) and (not isinstance(length, int) or length > WIDE):
        transport.bufferSize = transport.SEND_LIMIT = WIDE


def narrow(transport: Any) -> None:
    """The body has passed: receive and send as much as is usual."""
    if isinstance(transport, Connection) and transport.bufferSize == WIDE:
        transport.bufferSize, transport.SEND_LIMIT = Connection.bufferSize, Connection.SEND_LIMIT


def write_now(transport: Any, data: bytes) -> None:
    """``transport.write(data)``, but what the system takes is sent at once, not in another turn of the reactor.

    For what is written once for each thing received: who writes for as long as nobody holds him back, would keep all
    others waiting.
    """
    if isinstance(transport, Connection) and _may_send(transport):
        data = _sent(transport, data)
    if data:
        transport.write(data)


def _sent(transport: Connection, data: bytes) -> bytes:
    """What is left of ``data`` when the system takes no more."""
    rest: bytes | memoryview = data
    while rest:
        sent = transport.writeSomeData(rest)  # type: ignore[arg-type]  # at most SEND_LIMIT bytes
        if not isinstance(sent, int) or not sent:  # a connection that is lost, the reactor finds in its own way
            break
        rest = memoryview(rest)[sent:]
    return bytes(rest)


def _may_send(transport: Connection) -> bool:
    """Whether nothing is before the next bytes, and nobody is to be asked for more when they are sent."""
    return (
        not transport.dataBuffer
        and not transport._tempDataBuffer
        and bool(transport.connected)
        and not transport.disconnecting
        and not transport._aborting
        and not transport.TLS
        and (transport.producer is None or transport.streamingProducer)
    )
