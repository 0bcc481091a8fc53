"""The bound for process output: a twisted.web resource that writes what a ProcessProtocol receives.

`python bare_process.py --port N` answers every URL with 50 MB from `head -c`.
"""

from __future__ import annotations

import argparse
import shutil

import uvloop
from twisted.internet import asyncioreactor


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import endpoints, reactor
    from twisted.internet.protocol import ProcessProtocol
    from twisted.python.failure import Failure
    from twisted.web import resource, server

    class Pipe(ProcessProtocol):
        def __init__(self, request: server.Request) -> None:
            self.request = request

        def connectionMade(self) -> None:
            self.request.registerProducer(self.transport, True)

        def outReceived(self, data: bytes) -> None:
            self.request.write(data)

        def processEnded(self, reason: Failure) -> None:
            self.request.unregisterProducer()
            self.request.finish()

    class Head(resource.Resource):
        isLeaf = True

        def render_GET(self, request: server.Request) -> int:
            command = [shutil.which("head") or "head", "-c", "50000000", "/dev/zero"]
            reactor.spawnProcess(Pipe(request), command[0], command)
            return server.NOT_DONE_YET

    endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1").listen(server.Site(Head()))
    reactor.run()


if __name__ == "__main__":
    main()
