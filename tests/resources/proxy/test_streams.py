"""Bodies go through as they come, no faster than the slower side, and both ways at once."""

from __future__ import annotations

from tests.resources.proxy.pushing import BUFFERED, TOTAL, Counter, Pusher
from tests.resources.proxy.support import HELLO, ProxyCase, answer_of, head_of


class StreamTests(ProxyCase):
    config = """
app: {settings: {xsrf_cookies: false}}
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, request_timeout: 60}}
  small: {pattern: /small, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, max_body_size: 1000}}
"""

    async def test_a_slow_client_holds_the_upstream_back(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        client.transport.pauseProducing()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % TOTAL)
        client.transport.resumeProducing()
        head = await client.until(b"\r\n\r\n")
        self.assertIn(b"Content-Length: %d\r\n" % TOTAL, head)
        client.transport.pauseProducing()
        pusher = Pusher(peer, TOTAL)
        self.assertLess(await pusher.held_back(), BUFFERED)
        counter = Counter(client, TOTAL)
        client.transport.resumeProducing()
        self.assertTrue(await counter.done)

    async def test_a_slow_upstream_holds_the_client_back(self) -> None:
        client = await self.client()
        client.send(b"POST /up/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % TOTAL)
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.transport.pauseProducing()
        pusher = Pusher(client, TOTAL)
        self.assertLess(await pusher.held_back(), BUFFERED)
        counter = Counter(peer, TOTAL)
        peer.transport.resumeProducing()
        self.assertTrue(await counter.done)
        peer.send(HELLO)
        self.assertEqual(answer_of(await client.closed()).body, b"hello")

    async def test_the_answer_may_begin_before_the_request_has_ended(self) -> None:
        client = await self.ask("/up/", "Transfer-Encoding: chunked", method="POST")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n")
        await client.until(b"early")
        client.send(b"4\r\nmore\r\n")
        await peer.until(b"more\r\n")
        peer.send(b"5\r\nagain\r\n")
        await client.until(b"again")
        client.send(b"0\r\n\r\n")
        await peer.until(b"0\r\n\r\n")
        peer.send(b"0\r\n\r\n")
        self.assertEqual(answer_of(await client.closed()).body, b"earlyagain")

    async def test_an_upstream_that_wants_no_more_is_heard(self) -> None:
        for end in ("close", "stay"):
            client = await self.ask("/up/", "Transfer-Encoding: chunked", method="POST")
            client.send(b"4\r\nmore\r\n")
            peer = await self.upstream.next()
            await peer.until(b"more\r\n")
            peer.send(b"HTTP/1.1 413 Too Much\r\nContent-Length: 4\r\n\r\nstop")
            if end == "close":
                peer.close()
            got = answer_of(await client.until(b"stop"))
            self.assertEqual((got.status, got.reason, got.body), (413, "Too Much", b"stop"))
            await peer.closed()
            await client.closed()

    async def test_a_body_over_the_limit_is_413_and_the_upstream_does_not_take_it_for_whole(self) -> None:
        client = await self.ask("/small", "Transfer-Encoding: chunked", method="POST")
        client.send(b"a\r\n0123456789\r\n")
        peer = await self.upstream.next()
        await peer.until(b"0123456789\r\n")
        client.send(b"3e8\r\n" + bytes(1000) + b"\r\n")
        self.assertIn(b" 413 ", await client.closed())
        received = await peer.closed()
        self.assertNotIn(b"0\r\n\r\n", received.partition(b"\r\n\r\n")[2])

    async def test_a_client_that_leaves_in_its_body_ends_it_there(self) -> None:
        client = await self.ask("/up/", "Content-Length: 10", method="POST")
        client.send(b"half")
        peer = await self.upstream.next()
        await peer.until(b"half")
        client.cut()
        await peer.closed()
        await self.gramex.idle()

    async def test_an_upstream_that_leaves_in_the_request_is_502(self) -> None:
        client = await self.ask("/up/", "Content-Length: 10", method="POST")
        client.send(b"half")
        peer = await self.upstream.next()
        await peer.until(b"half")
        peer.cut()
        self.assertIn(b" 502 ", await client.closed())

    async def test_a_client_that_asks_whether_to_continue_is_told_so_here(self) -> None:
        client = await self.ask("/up/", "Content-Length: 4", "Expect: 100-continue", method="PUT")
        await client.until(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(b"body")
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual((head.headers["content-length"], head.headers.get("expect")), ("4", None))
        await peer.until(b"body")
        peer.send(HELLO)
        self.assertIn(b"hello", await client.closed())
