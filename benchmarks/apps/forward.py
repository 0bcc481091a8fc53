"""The bound for bytes: twisted's own port forwarder, which knows no HTTP.

`python forward.py --port N --to M`
"""

from __future__ import annotations

import argparse
from typing import Any

import uvloop
from twisted.internet import asyncioreactor
from twisted.protocols.portforward import ProxyFactory


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--to", type=int, required=True)
    options = parser.parse_args()
    asyncioreactor.install(uvloop.new_event_loop())
    from twisted.internet import reactor

    factory: Any = ProxyFactory("127.0.0.1", options.to)
    reactor.listenTCP(options.port, factory, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
