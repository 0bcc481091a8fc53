"""The same API on BioThings and Tornado, for a virtual environment with both: `python biothings_api.py --port N`."""

from __future__ import annotations

import argparse
from types import SimpleNamespace
from typing import Any


class Silent:
    """In the place of what tells analytics."""

    async def broadcast(self, event: Any) -> None:
        """Tell nobody."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port

    import echoes  # type: ignore[import-not-found]  # which lies beside it in the folder of the benchmark
    from biothings.utils.serializer import to_json  # type: ignore[import-not-found]
    from biothings.web.handlers import BaseAPIHandler  # type: ignore[import-not-found]
    from biothings.web.options.manager import OptionSet  # type: ignore[import-not-found]
    from tornado.ioloop import IOLoop
    from tornado.web import Application, RequestHandler

    class Api(BaseAPIHandler):  # type: ignore[misc]
        name = "echo"
        kwargs = {
            "*": {**BaseAPIHandler.kwargs["*"]},
            "GET": {
                "q": {"type": str, "required": True},
                "size": {"type": int, "max": 1000},
                "start": {"type": int, "default": 0},
                "fields": {"type": list},
                "sort": {"type": str, "enum": ("name", "number")},
                "verbose": {"type": bool},
            },
        }

        async def get(self) -> None:
            args = self.args
            value = echoes.echo(args.q, args.size, args.start, args.fields, args.sort, args.verbose)
            self.finish(value)

    class Many(BaseAPIHandler):  # type: ignore[misc]
        name = ""

        async def get(self) -> None:
            self.set_header("Content-Type", "application/json; charset=UTF-8")
            self.finish(to_json(echoes.many(), return_bytes=True))

        def write(self, chunk: Any) -> None:
            RequestHandler.write(self, chunk)  # written already

    application: Any = Application([("/api", Api), ("/list", Many)])
    application.biothings = SimpleNamespace(
        config=SimpleNamespace(DEFAULT_CACHE_MAX_AGE=604800),
        optionsets={"echo": OptionSet(Api.kwargs)},
        notifier=Silent(),
    )
    application.listen(port, address="127.0.0.1")
    IOLoop.current().start()


if __name__ == "__main__":
    main()
