"""The bound: the least that twisted.web can do for a request, on the reactor that `twist gramex` uses.

`python bare.py --port N [--folder F]` answers `/function` from one Resource and serves F's files by
twisted.web.static.File. The Site is twisted.web's own with its own access log, which goes where `--log` says.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import uvloop
from twisted.internet import asyncioreactor


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, default=Path())
    parser.add_argument("--log", action="store_true", help="write the access log to standard output, as twist does")
    return parser.parse_args()


def main() -> None:
    """Serve until killed."""
    options = arguments()
    asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import endpoints, reactor
    from twisted.logger import globalLogBeginner, textFileLogObserver
    from twisted.web import resource, server, static

    class Hello(resource.Resource):
        isLeaf = True

        def render_GET(self, request: server.Request) -> bytes:
            request.setHeader(b"content-type", b"text/html; charset=utf-8")
            return b"hello"

    root = resource.Resource()
    root.putChild(b"function", Hello())
    root.putChild(b"file10k", static.File(str(options.folder / "file10k.txt")))
    root.putChild(b"file200m", static.File(str(options.folder / "file200m.bin")))
    observers = [textFileLogObserver(sys.stdout)] if options.log else []
    globalLogBeginner.beginLoggingTo(observers, redirectStandardIO=False)
    endpoint = endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1")
    endpoint.listen(server.Site(root))
    reactor.run()


if __name__ == "__main__":
    main()
