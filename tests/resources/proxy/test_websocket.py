"""WebSockets are proxied: after the upstream's 101 both sides' bytes are carried across."""

from __future__ import annotations

from pathlib import Path

from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.ssl import CertificateOptions, DefaultOpenSSLContextFactory

from tests.certificates import make_certificate
from tests.resources.proxy.pushing import BUFFERED, TOTAL, Counter, Pusher
from tests.resources.proxy.support import Peer, ProxyCase, answer_of, head_of, reactor

UPGRADE = ["Upgrade: websocket", "Sec-WebSocket-Key: abc", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: chat"]
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: xyz\r\nSec-WebSocket-Protocol: chat\r\n\r\n"
)


class WebSocketTests(ProxyCase):
    config = """
app: {session: {type: memory}}
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/ws/}}
  in: {pattern: /in, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, auth: {login_url: false}}}
  cors:
    pattern: /cors
    handler: ProxyHandler
    kwargs: {url: http://UPSTREAM/, cors: {origins: ['*.example.org']}, request_headers: '*'}
  quiet: {pattern: /quiet, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, websocket_timeout: 2}}
"""

    async def ask(self, path: str, *lines: str, method: str = "GET", body: bytes = b"") -> Peer:
        """A client that has asked for a WebSocket."""
        client = await self.client()
        head = [f"{method} {path} HTTP/1.1", "Host: app.example", "Connection: keep-alive, Upgrade", *UPGRADE, *lines]
        client.send("\r\n".join([*head, "", ""]).encode() + body)
        return client

    async def opened(self, path: str, *lines: str, early: bytes = b"") -> tuple[Peer, Peer]:
        """Both ends of a WebSocket."""
        client = await self.ask(path, *lines)
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(SWITCHED + early)
        await client.until(b"\r\n\r\n")
        return client, peer

    async def test_the_handshake_is_the_upstreams(self) -> None:
        client = await self.ask("/up/chat?room=1", "Origin: http://app.example")
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual(head.line, "GET /ws/chat?room=1 HTTP/1.1")
        self.assertEqual((head.headers["connection"], head.headers["upgrade"]), ("Upgrade", "websocket"))
        self.assertEqual((head.headers["sec-websocket-key"], head.headers["sec-websocket-protocol"]), ("abc", "chat"))
        self.assertEqual(head.headers["origin"], f"http://{self.authority}")
        peer.send(SWITCHED + b"early")
        got = head_of(await client.until(b"\r\n\r\n"))
        self.assertEqual(got.line, "HTTP/1.1 101 Switching Protocols")
        self.assertEqual(got.headers["sec-websocket-accept"], "xyz")
        await client.until(b"early")
        self.assertEqual([(row[0], row[2]) for row in self.logged()], [(101, b"/up/chat?room=1")])

    def logged(self) -> list[tuple[int, bytes, bytes]]:
        """Status, method and address of the requests that have ended."""
        return [(row[0], row[1], row[2]) for row in self.rows]

    async def test_both_sides_say_what_they_like(self) -> None:
        client, peer = await self.opened("/up/")
        for number in range(3):
            client.send(b"ping %d" % number)
            await peer.until(b"ping %d" % number)
            peer.send(b"pong %d" % number)
            await client.until(b"pong %d" % number)

    async def test_when_one_side_ends_so_does_the_other_after_the_last_words(self) -> None:
        for ends in (0, 1):
            sides = await self.opened("/up/")
            sides[ends].send(b"last words")
            sides[ends].close()
            self.assertTrue((await sides[1 - ends].closed()).endswith(b"last words"))
            await sides[ends].closed()

    async def test_a_side_that_does_not_read_holds_the_other_back(self) -> None:
        for slow in (0, 1):
            sides = await self.opened("/up/")
            sides[slow].transport.pauseProducing()
            pusher = Pusher(sides[1 - slow], TOTAL)
            self.assertLess(await pusher.held_back(), BUFFERED)
            counter = Counter(sides[slow], TOTAL)
            sides[slow].transport.resumeProducing()
            self.assertTrue(await counter.done)

    async def test_a_client_that_does_not_wait_for_the_answer_is_heard(self) -> None:
        client = await self.ask("/up/", body=b"hasty")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(SWITCHED)
        await client.until(b"\r\n\r\n")
        await peer.until(b"hasty")

    async def test_what_the_upstream_answers_instead_is_passed_on(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        peer.send(b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 4\r\n\r\nnope")
        got = answer_of(await client.until(b"nope"))
        self.assertEqual((got.status, got.body), (426, b"nope"))

    async def test_guards_come_first(self) -> None:
        client = await self.ask("/in")
        self.assertIn(b" 401 ", await client.until(b"\r\n\r\n"))
        self.assertEqual(self.upstream.peers, [])

    async def test_pages_of_other_sites_may_not_open_one(self) -> None:
        for origin in ("https://evil.example", "http://app.example.evil", "null", "http://[bad"):
            client = await self.ask("/up/", f"Origin: {origin}")
            self.assertIn(b" 403 ", await client.until(b"\r\n\r\n"))
        self.assertEqual(self.upstream.peers, [])

    async def test_unless_cors_lets_them(self) -> None:
        client = await self.ask("/cors", "Origin: https://a.example.org")
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual(head.headers["origin"], f"http://{self.authority}")
        client = await self.ask("/cors", "Origin: https://evil.example")
        self.assertIn(b" 403 ", await client.until(b"\r\n\r\n"))

    async def test_one_that_is_silent_both_ways_is_closed(self) -> None:
        client, peer = await self.opened("/quiet")
        await client.closed()
        await peer.closed()

    async def test_it_does_not_keep_the_app_from_ending(self) -> None:
        client, peer = await self.opened("/up/")
        await self.gramex.idle()
        await self.gramex.drain()
        await client.closed()
        await peer.closed()

    async def test_a_client_that_leaves_before_the_switch_ends_it_there(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        client.cut()
        await peer.closed()
        await self.gramex.idle()


class SecureTests(ProxyCase):
    """The same over TLS on both sides."""

    config = """
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: https://localhost:PORT/, ca: CERTIFICATE}}
"""

    def configured(self, config: str) -> str:
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        certificate, key = make_certificate(folder, "upstream")
        self.options = DefaultOpenSSLContextFactory(str(key), str(certificate))
        self.secure = reactor.listenSSL(0, self.upstream, self.options, interface="127.0.0.1")
        self.addCleanup(self.secure.stopListening)
        names = {"PORT": self.secure.getHost().port, "CERTIFICATE": certificate}
        for name, value in names.items():
            config = config.replace(name, str(value))
        return super().configured(config)

    async def test_both_sides_say_what_they_like_and_hold_each_other_back(self) -> None:
        port = reactor.listenSSL(0, self.site, self.options, interface="127.0.0.1")
        endpoint = SSL4ClientEndpoint(reactor, "127.0.0.1", port.getHost().port, CertificateOptions(verify=False))
        for slow in (0, 1):
            client: Peer = await connectProtocol(endpoint, Peer())
            self.clients.append(client)
            head = ["GET /up/ HTTP/1.1", "Host: app.example", "Connection: Upgrade", *UPGRADE, "", ""]
            client.send("\r\n".join(head).encode())
            peer = await self.upstream.next()
            await peer.until(b"\r\n\r\n")
            peer.send(SWITCHED + b"early")
            await client.until(b"early")
            sides = (client, peer)
            sides[slow].transport.pauseProducing()
            pusher = Pusher(sides[1 - slow], TOTAL)
            self.assertLess(await pusher.held_back(), BUFFERED)
            counter = Counter(sides[slow], TOTAL)
            sides[slow].transport.resumeProducing()
            self.assertTrue(await counter.done)
            sides[slow].close()
            await sides[1 - slow].closed()
        await port.stopListening()
