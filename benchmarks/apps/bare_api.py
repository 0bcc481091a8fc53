"""The bound for an API: one twisted.web Resource that reads six arguments and answers with an object of 2 KB.

`python bare_api.py --port N` answers `/api`, and `/list`, 1 MB of JSON.
"""

from __future__ import annotations

import argparse
from typing import Any

import orjson
import uvloop
from twisted.internet import asyncioreactor


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    asyncioreactor.install(uvloop.new_event_loop())
    import echoes  # type: ignore[import-not-found]  # which lies beside it in the folder of the benchmark
    from twisted.internet import endpoints, reactor
    from twisted.logger import globalLogBeginner
    from twisted.web import resource, server

    def answer(request: server.Request, value: Any) -> bytes:
        request.setHeader(b"content-type", b"application/json; charset=UTF-8")
        return orjson.dumps(value)

    class Api(resource.Resource):
        isLeaf = True

        def render_GET(self, request: server.Request) -> bytes:
            args = {name.decode(): values[-1].decode() for name, values in request.args.items()}
            value = echoes.echo(
                q=args["q"],
                size=int(args["size"]),
                start=int(args["start"]),
                fields=args["fields"].split(","),
                sort=args["sort"],
                verbose=args["verbose"] == "true",
            )
            return answer(request, value)

    class Many(resource.Resource):
        isLeaf = True

        def render_GET(self, request: server.Request) -> bytes:
            return answer(request, echoes.many())

    root = resource.Resource()
    root.putChild(b"api", Api())
    root.putChild(b"list", Many())
    globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)
    endpoints.TCP4ServerEndpoint(reactor, port, interface="127.0.0.1").listen(server.Site(root))
    reactor.run()


if __name__ == "__main__":
    main()
