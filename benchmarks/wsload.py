"""WebSocket clients that echo: ``python -m benchmarks.wsload PORT --path=/echo --connections=1000 --seconds=5``.

Each client sends a text of 32 bytes, and the next one when it has been echoed. It is bare sockets and epoll, with
frames made beforehand, so that one core of it keeps any Python server busy.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import time

TEXT = b"0123456789abcdef" * 2
MASK = b"\x11\x22\x33\x44"
#: The frame as a client sends it, and the length of it as a server does.
FRAME = struct.pack("!BB", 0x81, 0x80 | len(TEXT)) + MASK + bytes(b ^ MASK[i % 4] for i, b in enumerate(TEXT))
ECHO = 2 + len(TEXT)


def upgrade(port: int, path: str) -> socket.socket:
    """A client that is connected; RuntimeError when the server refuses."""
    client = socket.create_connection(("127.0.0.1", port), timeout=60)
    client.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = client.recv(4096)
        if not piece:
            break
        answer += piece
    if b" 101 " not in answer.partition(b"\r\n")[0]:
        raise RuntimeError(f"{path}: {answer.decode(errors='replace')}")
    client.setblocking(False)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def echo(clients: list[socket.socket], seconds: float) -> float:
    """Messages that were echoed in a second."""
    poll = select.epoll()
    by_number = {client.fileno(): client for client in clients}
    missing = dict.fromkeys(by_number, ECHO)
    for number, client in by_number.items():
        poll.register(number, select.EPOLLIN)
        client.send(FRAME)
    echoed, began = 0, time.perf_counter()
    end = began + seconds
    while (now := time.perf_counter()) < end:
        for number, _ in poll.poll(max(0.0, end - now)):
            client = by_number[number]
            data = client.recv(4096)
            if not data:
                raise RuntimeError("the server closed a connection")
            missing[number] -= len(data)
            if missing[number] <= 0:
                echoed += 1
                missing[number] = ECHO
                client.send(FRAME)
    return echoed / (time.perf_counter() - began)


def main() -> None:
    """Print a JSON object with ``rate``, in messages a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--path", default="/echo")
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    options = parser.parse_args()
    clients = [upgrade(options.port, options.path) for _ in range(options.connections)]
    print(json.dumps({"rate": echo(clients, options.seconds)}))


if __name__ == "__main__":
    main()
