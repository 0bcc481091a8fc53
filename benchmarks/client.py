"""A keep-alive load client in one thread of Python, for machines without wrk.

`python -m benchmarks.client URL [--connections 16] [--seconds 5]` prints the line of JSON that `benchmarks.load` reads.
It tops out near 20,000 requests a second, so a very fast server is measured low.
"""

from __future__ import annotations

import argparse
import json
import re
import selectors
import socket
import time
from urllib.parse import urlsplit

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Connection:
    """One connection that always has one request under way."""

    def __init__(self, host: str, port: int, request: bytes) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.request = request
        self.ask()

    def ask(self) -> None:
        """Send the request and expect a new response."""
        self.head: bytes | None = b""
        self.status = 0
        self.remaining = 0
        self.asked = time.perf_counter()
        self.socket.sendall(self.request)

    def receive(self) -> tuple[int, bool]:
        """Read what is there: the number of bytes, and whether the response is complete. Never reads two responses.

        ConnectionError when the server closed, ValueError for a response without a Content-Length.
        """
        data = self.socket.recv(262144)
        if not data:
            raise ConnectionError("the server closed a keep-alive connection")
        size = len(data)
        if self.head is None:
            self.remaining -= size
            return size, self.remaining <= 0
        self.head += data
        end = self.head.find(b"\r\n\r\n")
        if end < 0:
            return size, False
        match = LENGTH.search(self.head, 0, end + 2)
        if match is None:
            raise ValueError("the response has no Content-Length")
        self.status = int(self.head[9:12])
        self.remaining = int(match[1]) - (len(self.head) - end - 4)
        self.head = None
        return size, self.remaining <= 0


def percentile(values: list[float], percent: float) -> float:
    """The ``percent`` percentile of sorted ``values``, 0 when there are none."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0.0


def run(url: str, connections: int, seconds: float, cookie: str = "") -> dict[str, float]:
    """Load ``url`` and return the fields of `benchmarks.load.Load`."""
    parts = urlsplit(url)
    sent = f"Cookie: {cookie}\r\n" if cookie else ""
    request = f"GET {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\n{sent}\r\n".encode()
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = Connection(parts.hostname or "", parts.port or 80, request)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    latencies: list[float] = []
    received = errors = 0
    begin = now = time.perf_counter()
    while now < begin + seconds:
        for key, _ in selector.select(timeout=begin + seconds - now):
            connection = key.data
            size, complete = connection.receive()
            received += size
            if complete:
                latencies.append(time.perf_counter() - connection.asked)
                errors += connection.status >= 400
                connection.ask()
        now = time.perf_counter()
    latencies.sort()
    return {
        "requests": len(latencies),
        "seconds": now - begin,
        "bytes": received,
        "p50": percentile(latencies, 50),
        "p99": percentile(latencies, 99),
        "errors": errors,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--cookie", default="")
    options = parser.parse_args()
    print("JSON " + json.dumps(run(options.url, options.connections, options.seconds, options.cookie)))


if __name__ == "__main__":
    main()
