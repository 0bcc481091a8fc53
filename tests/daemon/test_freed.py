"""A daemon that reloads for months: nothing of the apps that were replaced stays."""

from __future__ import annotations

import signal
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.task import deferLater

from tests.processes import Client, ProcessTestCase, Server, free_port

APP = """
app: {{session: {{type: memory}}}}
schedule: {{never: {{function: str, hours: 3, minutes: 4}}}}
watch: {{notes: {{paths: notes.txt, on_modified: str}}}}
url:
  apps: {{pattern: /apps, handler: FunctionHandler, kwargs: {{function: held.apps}}}}
  version: {{pattern: /, handler: FunctionHandler, kwargs: {{function: "'{version}'", cache: true}}}}
  page: {{pattern: /page, handler: FileHandler, kwargs: {{path: page.html, template: true}}}}
  table: {{pattern: /table, handler: FormHandler, kwargs: {{url: table.csv}}}}
  drive: {{pattern: /drive, handler: DriveHandler, kwargs: {{path: drive}}}}
  json: {{pattern: /json, handler: JSONHandler, kwargs: {{path: data.json}}}}
  lines: {{pattern: /lines, handler: ProcessHandler, kwargs: {{args: [echo, line]}}}}
  limited: {{pattern: /limited, handler: FunctionHandler, kwargs: {{function: str(1), ratelimit: {{limit: 1000, \
keys: [hourly]}}}}}}
  events: {{pattern: /events, handler: FunctionHandler, kwargs: {{function: held.events, \
headers: {{Content-Type: text/event-stream}}}}}}
  proxied: {{pattern: /proxied, handler: ProxyHandler, kwargs: {{url: "http://127.0.0.1:{port}/"}}}}
"""
HELD = """
import gc

def apps():
    gc.unfreeze()
    gc.collect()
    return str(sum(type(thing).__name__ == "Gramex" for thing in gc.get_objects()))

async def events():
    yield "one"
"""
PATHS = ("/", "/page", "/table", "/table?a=1", "/drive", "/json", "/lines", "/limited", "/events", "/proxied")


class FreedTests(ProcessTestCase):
    async def test_apps_that_were_replaced_are_freed_with_all_that_their_handlers_hold(self) -> None:
        Path(self.folder / "drive").mkdir()
        self.write({"held.py": HELD, "page.html": "<p>{{ 1 + 1 }}</p>", "table.csv": "a,b\n1,2\n", "notes.txt": ""})
        port = free_port()
        self.write({"gramex.yaml": APP.format(version="0", port=port)})
        server = await self.serve("--port", str(port))
        for version in "1", "2", "3":
            await self.ask(server)
            self.write({"gramex.yaml": APP.format(version=version, port=port)})
            server.signal(signal.SIGHUP)
            await server.line("reloaded ")
        await self.ask(server)
        for _ in range(100):  # the last one may still be stopping
            left = await self.get(server, "/apps")
            if left == "1":
                break
            await deferLater(reactor, 0.1)
        self.assertEqual(left, "1")

    async def ask(self, server: Server) -> None:
        for path in PATHS:
            await self.get(server, path)

    async def get(self, server: Server, path: str) -> str:
        client = await Client.connect(server.port)
        response = await client.get(path, Connection="close")
        await client.closed
        self.assertEqual(response.status, 200, path)
        return response.body.decode()
