"""The same URLs in plain Tornado, with the access log that `tornado.options` sets up.

`python tornado_app.py --port=N --folder=F`
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from tornado import options, web, websocket


class Now(web.RequestHandler):
    """`/function`: the least that Tornado can do for a request."""

    def get(self) -> None:
        self.write("hello")


class Later(web.RequestHandler):
    """`/async`: a coroutine that has nothing to wait for."""

    async def get(self) -> None:
        self.write("hello")


class Threaded(web.RequestHandler):
    """A plain function in asyncio's thread pool: `/def` and `/sleep`."""

    seconds = 0.0

    def initialize(self, seconds: float) -> None:
        self.seconds = seconds

    async def get(self) -> None:
        self.write(await asyncio.get_running_loop().run_in_executor(None, self.work))

    def work(self) -> str:
        """What the thread does."""
        if self.seconds:
            time.sleep(self.seconds)
        return "hello"


class Template(web.RequestHandler):
    """`/template`: the template that the other servers render."""

    def get(self) -> None:
        self.render("table.template.html")


class Echo(websocket.WebSocketHandler):
    """`/echo`: sends back what it gets."""

    def on_message(self, message: str | bytes) -> None:
        self.write_message(message)


class OneFile(web.StaticFileHandler):
    """The file of the folder that is named like the URL."""

    names = {"/file10k": "file10k.txt", "/file200m": "file200m.bin"}

    async def get(self, path: str, include_body: bool = True) -> None:
        await super().get(self.names[path], include_body)


def application(folder: Path) -> web.Application:
    """The routes, with the files of ``folder``."""
    routes: list[Any] = [
        ("/function", Now),
        ("/async", Later),
        ("/def", Threaded, {"seconds": 0}),
        ("/sleep", Threaded, {"seconds": 2}),
        ("(/file10k|/file200m)", OneFile, {"path": str(folder)}),
        ("/template", Template),
        ("/echo", Echo),
    ]
    return web.Application(routes, template_path=str(folder))


async def main() -> None:
    """Serve until killed."""
    options.define("port", type=int)
    options.define("folder", type=str)
    options.parse_command_line()
    application(Path(options.options.folder)).listen(options.options.port, "127.0.0.1", backlog=1024)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
