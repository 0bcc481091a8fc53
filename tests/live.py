"""LiveCase: an app on the real reactor and a real port, for what cannot be had in memory: processes and sockets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

import treq
from twisted.internet import reactor as installed
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, HTTPConnectionPool

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.registry import Registry
from gramex_twisted.testing import Response
from gramex_twisted.web.site import Site

reactor: Any = installed


class LiveCase(TestCase):
    """``config`` is the app's gramex.yaml, ``files`` what lies beside it (path -> text or bytes)."""

    config: ClassVar[str] = ""
    files: ClassVar[Mapping[str, str | bytes]] = {}

    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir(parents=True)
        for name, content in self.files.items():
            self.write(name, content)
        path = self.write("gramex.yaml", self.config)
        registry = Registry()
        environ = {**os.environ, "GRAMEXDATA": str(self.folder / "data")}
        self.gramex = Gramex(schema.build(reader.read(path, environ=environ), registry), reactor, registry)
        self.rows: list[Any] = []
        self.gramex.shared.access_log.append = self.rows.append
        self.gramex.startService()
        self.site = Site(self.gramex.router, reactor)
        self.port = reactor.listenTCP(0, self.site, interface="127.0.0.1")

    async def tearDown(self) -> None:
        await self.port.stopListening()
        self.site.abort()
        await self.site.drain()
        await self.gramex.idle()
        await self.gramex.stopService()

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file of the app (dedented, if it is text)."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dedent(content).encode() if isinstance(content, str) else content)
        return path

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        """The answer to a GET."""
        agent = Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False))
        client = treq.client.HTTPClient(agent)
        url = f"http://127.0.0.1:{self.port.getHost().port}{path}"
        response = await client.get(url, headers=dict(headers or {}), allow_redirects=False)
        body = await response.content()
        found = {
            name.decode("latin-1").lower(): values[-1].decode("latin-1")
            for name, values in response.headers.getAllRawHeaders()
        }
        return Response(response.code, response.phrase.decode("latin-1"), found, body, response.headers)
