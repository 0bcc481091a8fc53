"""The bound for uploads: a protocol that writes what it gets to a file, and says OK at the end.

`python sink.py --port N` takes `PUT` requests with a Content-Length, and answers a GET too.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import uvloop
from twisted.internet import asyncioreactor


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import endpoints, reactor
    from twisted.internet.protocol import Factory, Protocol

    class Sink(Protocol):
        left = -1

        def connectionMade(self) -> None:
            self.file = Path("sink.bin").open("wb", buffering=0)  # noqa: SIM115 - closed when the connection is

        def dataReceived(self, data: bytes) -> None:
            if self.left < 0:
                head, _, data = data.partition(b"\r\n\r\n")
                found = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                self.left = int(found[0].split(b":")[1]) if found else 0
            self.file.write(data)
            self.left -= len(data)
            if self.left <= 0:
                assert self.transport is not None
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK")
                self.transport.loseConnection()

        def connectionLost(self, reason: object = None) -> None:
            self.file.close()

    endpoint = endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1")
    endpoint.listen(Factory.forProtocol(Sink))
    reactor.run()


if __name__ == "__main__":
    main()
