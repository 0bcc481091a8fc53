"""A real server between clients and an upstream: what a reload and a stop do to what is being proxied."""

from __future__ import annotations

import signal
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from tests.processes import ProcessTestCase, Server
from tests.resources.proxy.support import HELLO, Peer, Upstreams, answer_of
from tests.resources.proxy.test_websocket import SWITCHED, UPGRADE

reactor: Any = installed
CONFIG = """
app: {shutdown_timeout: 20}
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: http://127.0.0.1:PORT/up/}}
  ws: {pattern: /ws, handler: ProxyHandler, kwargs: {url: http://127.0.0.1:PORT/ws}}
"""


class DaemonTests(ProcessTestCase):
    timeout = 180

    async def setUp(self) -> None:  # type: ignore[override]
        super().setUp()
        self.upstream = Upstreams()
        self.listening = reactor.listenTCP(0, self.upstream, interface="127.0.0.1")
        self.clients: list[Peer] = []

    async def tearDown(self) -> None:
        for peer in [*self.clients, *self.upstream.peers]:
            if peer.lost is None and peer.connected:
                peer.cut()
                await peer.closed()
        await self.listening.stopListening()

    def configure(self, old: str = "", new: str = "") -> None:
        config = CONFIG.replace(old, new).replace("PORT", str(self.listening.getHost().port))
        self.write({"gramex.yaml": config})

    async def ask(self, server: Server, path: str, *lines: str) -> Peer:
        client: Peer = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", server.port), Peer())
        self.clients.append(client)
        client.send("\r\n".join([f"GET {path} HTTP/1.1", "Host: app.example", *lines, "", ""]).encode())
        return client

    async def opened(self, server: Server) -> tuple[Peer, Peer]:
        client = await self.ask(server, "/ws", "Connection: Upgrade", *UPGRADE)
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(SWITCHED)
        await client.until(b"\r\n\r\n")
        return client, peer

    async def test_a_reload_leaves_websockets_and_answers_alone_until_their_route_changes(self) -> None:
        self.configure()
        server = await self.serve("--config", str(self.folder / "gramex.yaml"))
        client, peer = await self.opened(server)
        waiting = await self.ask(server, "/up/slow", "Connection: close")
        slow = await self.upstream.next()
        await slow.until(b"GET /up/slow ")
        self.configure("/up/}", "/new/}")
        server.signal(signal.SIGHUP)
        await server.line("reloaded")
        second = await self.ask(server, "/up/x", "Connection: close")
        fresh = await self.upstream.next()
        await fresh.until(b"GET /new/x ")
        fresh.send(HELLO)
        self.assertEqual(answer_of(await second.closed()).body, b"hello")
        slow.send(HELLO)
        self.assertEqual(answer_of(await waiting.closed()).body, b"hello")
        client.send(b"ping")
        await peer.until(b"ping")
        peer.send(b"pong")
        await client.until(b"pong")
        self.configure("PORT/ws", "PORT/other")
        server.signal(signal.SIGHUP)
        await server.line("reloaded")
        await client.closed()
        await peer.closed()

    async def test_a_stop_lets_answers_end_and_closes_websockets(self) -> None:
        self.configure()
        server = await self.serve("--config", str(self.folder / "gramex.yaml"))
        client, peer = await self.opened(server)
        waiting = await self.ask(server, "/up/slow")
        slow = await self.upstream.next()
        await slow.until(b"\r\n\r\n")
        slow.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        await waiting.until(b"abc")
        server.signal(signal.SIGTERM)
        await server.line("SIGTERM: stopping")
        slow.send(b"3\r\ndef\r\n0\r\n\r\n")
        self.assertEqual(answer_of(await waiting.closed()).body, b"abcdef")
        await client.closed()
        await peer.closed()
        self.assertEqual(await server.exited(), 0)
