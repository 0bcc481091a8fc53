"""Other people's servers behind the proxy: nginx over TCP, TLS and a unix socket; an ASGI app under uvicorn."""

from __future__ import annotations

import gzip

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint

from tests.resources.proxy.support import DEADLINE, Answer, ProxyCase, answer_of, reactor
from tests.upstreams import NginxServer, UvicornServer


class ServerCase(ProxyCase):
    """Asks without scripting the upstream."""

    async def got(self, path: str, *lines: str, method: str = "GET", body: bytes = b"") -> Answer:
        return answer_of(await (await self.ask(path, *lines, method=method, body=body)).closed(), method=method)


class NginxTests(ServerCase):
    config = """
app: {settings: {xsrf_cookies: false}}
handlers: {ProxyHandler: {keep_alive: 4}}
url:
  tcp: {pattern: '/tcp/(.*)', handler: ProxyHandler, kwargs: {url: http://127.0.0.1:PORT/}}
  tls: {pattern: '/tls/(.*)', handler: ProxyHandler, kwargs: {url: https://localhost:TLS/, ca: CERTIFICATE}}
  unknown: {pattern: '/unknown/(.*)', handler: ProxyHandler, kwargs: {url: https://localhost:TLS/}}
  misnamed: {pattern: '/misnamed/(.*)', handler: ProxyHandler, kwargs: {url: https://127.0.0.1:TLS/, ca: CERTIFICATE}}
  unix: {pattern: '/unix/(.*)', handler: ProxyHandler, kwargs: {url: 'http+unix://SOCKET:/'}}
  changed:
    pattern: '/changed/(.*)'
    handler: ProxyHandler
    kwargs: {url: http://127.0.0.1:PORT/, modify: 'response.headers.__setitem__("X-Size", len(response.body))'}
"""

    def configured(self, config: str) -> str:
        self.nginx = nginx = NginxServer.of(self)
        names = {"PORT": nginx.port, "TLS": nginx.tls_port, "CERTIFICATE": nginx.certificate, "SOCKET": nginx.socket}
        for name, value in names.items():
            config = config.replace(name, str(value))
        return super().configured(config)

    async def test_tcp_tls_and_a_unix_socket(self) -> None:
        for route, port in {"tcp": self.nginx.port, "tls": self.nginx.tls_port, "unix": ""}.items():
            for _ in range(2):
                got = await self.got(f"/{route}/hello?x=1")
                self.assertEqual((got.status, got.body), (200, f"hello from {port}/hello?x=1".encode()))
                self.assertTrue(got.headers["server"].startswith("nginx/"))

    async def test_a_certificate_that_is_not_trusted_or_of_another_name_is_502(self) -> None:
        for route in ("unknown", "misnamed"):
            got = await self.got(f"/{route}/hello")
            self.assertEqual(got.status, 502)
            self.assertIn(b"is not who it should be", got.body)

    async def test_files_conditions_and_ranges(self) -> None:
        for route in ("tcp", "tls", "unix"):
            whole = await self.got(f"/{route}/files/hello.txt")
            self.assertEqual((whole.status, whole.body, whole.whole), (200, NginxServer.FILE, True))
            etag = whole.headers["etag"]
            got = await self.got(f"/{route}/files/hello.txt", f"If-None-Match: {etag}")
            self.assertEqual((got.status, got.body, got.headers["etag"]), (304, b"", etag))
            got = await self.got(f"/{route}/files/hello.txt", "Range: bytes=3-5")
            self.assertEqual((got.status, got.body), (206, b"345"))
            got = await self.got(f"/{route}/files/hello.txt", method="HEAD")
            self.assertEqual((got.status, got.headers["content-length"]), (200, str(len(NginxServer.FILE))))

    async def test_what_it_packs_stays_packed(self) -> None:
        got = await self.got("/tcp/packed/hello.txt", "Accept-Encoding: gzip")
        self.assertEqual((got.headers["content-encoding"], gzip.decompress(got.body)), ("gzip", NginxServer.FILE))
        got = await self.got("/changed/packed/hello.txt")
        self.assertEqual((got.headers["x-size"], got.body), (str(len(NginxServer.FILE)), NginxServer.FILE))
        self.assertNotIn("content-encoding", got.headers)

    async def test_redirects_and_cookies(self) -> None:
        for route in ("tcp", "tls"):
            got = await self.got(f"/{route}/moved")
            self.assertEqual((got.status, got.headers["location"]), (301, f"/{route}/files/hello.txt"))
            got = await self.got(f"/{route}/folder")
            self.assertEqual((got.status, got.headers["location"]), (302, f"/{route}/files/"))
            got = await self.got(f"/{route}/cookie")
            self.assertEqual((got.status, got.headers["set-cookie"]), (204, f"a=1; Path=/{route}/; HttpOnly"))

    async def test_its_413_is_heard(self) -> None:
        got = await self.got("/tcp/hello", method="POST", body=bytes(20_000))
        self.assertEqual(got.status, 413)


class Client(WebSocketClientProtocol):  # type: ignore[misc]
    """Sends a message and takes the answer."""

    def onConnect(self, response: object) -> None:
        self.factory.connected.callback(response)

    def onOpen(self) -> None:
        self.sendMessage("héllo".encode())

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.factory.answered.callback((payload, isBinary))
        self.sendClose(1000)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:
        self.factory.closed.callback((wasClean, code))


class UvicornTests(ServerCase):
    config = """
app: {settings: {xsrf_cookies: false}}
handlers: {ProxyHandler: {keep_alive: 4}}
url:
  asgi: {pattern: '/asgi/(.*)', handler: ProxyHandler, kwargs: {url: http://127.0.0.1:PORT/}}
"""

    def configured(self, config: str) -> str:
        return super().configured(config).replace("PORT", str(UvicornServer.of(self).port))

    async def test_bodies_of_every_kind_come_back(self) -> None:
        got = await self.got("/asgi/a/b")
        self.assertEqual((got.status, got.body), (200, b"|GET /a/b 0 127.0.0.1"))
        body = bytes(range(256)) * 2000
        got = await self.got("/asgi/x", method="PUT", body=body)
        self.assertTrue(got.body == body + b"|PUT /x 512000 127.0.0.1")
        client = await self.ask("/asgi/y", "Transfer-Encoding: chunked", method="POST")
        for piece in (b"one ", b"two "):
            client.send(b"4\r\n" + piece + b"\r\n")
            await client.until(piece)  # while the request goes on
        client.send(b"0\r\n\r\n")
        self.assertEqual(answer_of(await client.closed()).body, b"one two |POST /y 8 127.0.0.1")

    async def test_a_websocket_of_real_ends(self) -> None:
        port = self.port.getHost().port
        factory = WebSocketClientFactory(f"ws://127.0.0.1:{port}/asgi/ws?room=1", origin=f"http://127.0.0.1:{port}")
        factory.protocol = Client
        factory.connected, factory.answered, factory.closed = connected, answered, closed = (
            Deferred(),
            Deferred(),
            Deferred(),
        )
        for deferred in (connected, answered, closed):
            deferred.addTimeout(DEADLINE, reactor)
        await TCP4ClientEndpoint(reactor, "127.0.0.1", port).connect(factory)
        self.assertEqual((await connected).headers["x-client"], "room=1")
        self.assertEqual(await answered, ("HÉLLO".encode(), False))
        self.assertEqual(await closed, (True, 1000))
