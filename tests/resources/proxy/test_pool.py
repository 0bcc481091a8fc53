"""Connections to the upstream are kept and used again, where that is safe."""

from __future__ import annotations

from tests.resources.proxy.support import HELLO, Peer, ProxyCase, answer_of


class PoolTests(ProxyCase):
    config = """
app: {settings: {xsrf_cookies: false}}
handlers: {ProxyHandler: {keep_alive: 2, keep_alive_timeout: 60}}
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/}}
  short: {pattern: /short, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, keep_alive_timeout: 0.2}}
"""

    async def first(self, answer: bytes = HELLO, path: str = "/up/1") -> Peer:
        """The upstream's end of a connection on which a request has been answered."""
        client = await self.ask(path)
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(answer)
        self.assertIn(b"hello", await client.closed())
        return peer

    async def test_a_connection_is_used_again(self) -> None:
        peer = await self.first()
        for number in (b"2", b"3"):
            client = await self.ask("/up/" + number.decode())
            self.assertIn(b"GET /" + number, await peer.until(b"\r\n\r\n"))
            peer.send(HELLO)
            self.assertIn(b"hello", await client.closed())
        self.assertEqual(len(self.upstream.peers), 1)

    async def test_requests_at_once_have_connections_of_their_own_and_some_are_kept(self) -> None:
        clients = [await self.ask(f"/up/{number}") for number in range(4)]
        peers = [await self.upstream.next() for _ in clients]
        for peer in peers:
            head = await peer.until(b"\r\n\r\n")
            peer.send(HELLO)
            number = int(head.partition(b"GET /")[2][:1])
            self.assertIn(b"hello", await clients[number].closed())
        for peer in peers[:2]:
            await peer.closed()  # which were not in use for the longest
        self.assertEqual([peer.lost for peer in peers[2:]], [None, None])

    async def test_a_get_is_sent_again_when_the_upstream_was_closing_its_idle_connection(self) -> None:
        peer = await self.first()
        client = await self.ask("/up/2")
        await peer.until(b"\r\n\r\n")
        peer.cut()
        second = await self.upstream.next()
        self.assertIn(b"GET /2 ", await second.until(b"\r\n\r\n"))
        second.send(HELLO)
        self.assertIn(b"hello", await client.closed())

    async def test_it_is_not_sent_a_third_time(self) -> None:
        peer = await self.first()
        client = await self.ask("/up/2")
        await peer.until(b"\r\n\r\n")
        peer.cut()
        (await self.upstream.next()).cut()
        self.assertIn(b" 502 ", await client.closed())

    async def test_a_post_is_never_sent_twice(self) -> None:
        peer = await self.first()
        client = await self.ask("/up/2", method="POST", body=b"once")
        await peer.until(b"once")
        peer.cut()
        self.assertIn(b" 502 ", await client.closed())
        self.assertEqual(len(self.upstream.peers), 1)

    async def test_a_get_whose_answer_has_begun_is_not_sent_again(self) -> None:
        peer = await self.first()
        client = await self.ask("/up/2")
        await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 2")
        peer.close()
        self.assertIn(b" 502 ", await client.closed())
        self.assertEqual(len(self.upstream.peers), 1)

    async def test_what_nobody_asked_for_ends_a_connection(self) -> None:
        for answer in (HELLO + b"x", HELLO + HELLO):
            peer = await self.first(answer)
            await peer.closed()
        peer = await self.first()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        await peer.closed()
        await self.first()
        self.assertEqual(len(self.upstream.peers), 4)

    async def test_an_upstream_that_says_close_gets_no_other_request(self) -> None:
        for head in (b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"):
            peer = await self.first(head + b"Content-Length: 5\r\n\r\nhello")
            await peer.closed()
        answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
        await (await self.first(answer)).closed()
        self.assertEqual(len(self.upstream.peers), 3)

    async def test_an_idle_connection_is_closed_after_a_while(self) -> None:
        peer = await self.first(path="/short")
        await peer.closed()

    async def test_an_answer_given_up_by_its_client_costs_its_connection(self) -> None:
        client = await self.ask("/up/1")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await client.until(b"half")
        client.cut()
        await peer.closed()
        self.assertEqual(answer_of(client.received).body, b"half")
