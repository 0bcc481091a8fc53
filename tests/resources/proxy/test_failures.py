"""Upstreams that are not there, hang, lie or break off: the client learns it, and nothing broken looks whole."""

from __future__ import annotations

from typing import Any

from tests.resources.proxy.support import HELLO, Answer, ProxyCase, answer_of
from tests.servers import free_port

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#: What is no response, with what the client is told.
NONSENSE = {
    b"nonsense\r\n\r\n": b"no HTTP response",
    b"HTTP/2 200 OK\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 2000 OK\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nbad name: 1\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nX: a\rSet-Cookie: b\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nX: a\x00b\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * (1 << 20) + b"\r\n\r\n": b"no HTTP response",
    b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200_000 + b"\r\n": b"no HTTP response",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000 + HELLO: b"no HTTP response",
    CHUNKED + b"nonsense\r\n": b"cannot be passed on",
    CHUNKED + b"3\r\nabcd\r\n": b"cannot be passed on",
    CHUNKED + b"-3\r\nabc\r\n": b"cannot be passed on",
}


class FailureTests(ProxyCase):
    config = """
url:
  up: {pattern: '/up/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/}}
  down: {pattern: /down, handler: ProxyHandler, kwargs: {url: http://127.0.0.1:DOWN/}}
  nowhere: {pattern: /nowhere, handler: ProxyHandler, kwargs: {url: http://upstream.invalid/}}
  socket: {pattern: /socket, handler: ProxyHandler, kwargs: {url: 'http+unix:///tmp/no-such-socket:/'}}
  circle: {pattern: /circle, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/circle}}
  hasty: {pattern: /hasty, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, request_timeout: 2}}
  fragile: {pattern: /fragile, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, cache: true}}
"""

    def configured(self, config: str) -> str:
        return super().configured(config).replace("DOWN", str(free_port()))

    async def refused(self, path: str) -> Answer:
        return answer_of(await (await self.ask(path)).closed())

    async def test_one_that_is_not_there_is_502(self) -> None:
        got = await self.refused("/down")
        self.assertEqual((got.status, got.reason), (502, "Bad Gateway"))
        self.assertIn(b"the upstream refused the connection", got.body)
        self.assertNotIn(b"127.0.0.1", got.body)
        self.assertIn(b"cannot be", (await self.refused("/nowhere")).body)
        got = await self.refused("/socket")
        self.assertEqual(got.status, 502)

    async def test_one_that_closes_without_an_answer_is_502(self) -> None:
        for how in ("close", "cut"):
            client = await self.ask("/up/")
            peer = await self.upstream.next()
            await peer.until(b"\r\n\r\n")
            getattr(peer, how)()
            got = answer_of(await client.closed())
            self.assertEqual(got.status, 502)
            self.assertIn(b"closed the connection without a whole answer", got.body)

    async def test_one_that_closes_in_its_head_is_502(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-")
        peer.close()
        self.assertEqual(answer_of(await client.closed()).status, 502)

    async def test_one_that_hangs_is_504(self) -> None:
        client = await self.ask("/hasty")
        peer = await self.upstream.next()
        got = answer_of(await client.closed())
        self.assertEqual((got.status, got.reason), (504, "Gateway Timeout"))
        self.assertIn(b"did not answer within 2 s", got.body)
        await peer.closed()

    async def test_one_that_falls_silent_cuts_the_client_off(self) -> None:
        client = await self.ask("/hasty")
        peer = await self.upstream.next()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        got = answer_of(await client.closed())
        self.assertEqual((got.status, got.body, got.whole), (200, b"half", False))
        self.assertFalse(client.ended_well)
        await peer.closed()

    async def test_nonsense_is_502(self) -> None:
        for answer, told in NONSENSE.items():
            client = await self.ask("/up/")
            peer = await self.upstream.next()
            await peer.until(b"\r\n\r\n")
            peer.send(answer)
            got = answer_of(await client.closed())
            self.assertEqual(got.status, 502, answer[:80])
            self.assertIn(told, got.body, answer[:80])
            await peer.closed()

    async def test_an_answer_that_breaks_off_never_looks_whole(self) -> None:
        broken = {
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf": "close",
            CHUNKED + b"4\r\nhalf\r\n": "close",
            CHUNKED + b"8\r\nhalf": "close",
            b"HTTP/1.1 200 OK\r\n\r\nhalf": "cut",
        }
        for path in ("/up/", "/fragile"):
            for answer, how in broken.items():
                client = await self.ask(path)
                peer = await self.upstream.next()
                await peer.until(b"\r\n\r\n")
                peer.send(answer)
                await client.until(b"half")
                getattr(peer, how)()
                got = answer_of((await client.closed()) + b"\r\n" * ("chunked" not in str(client.received)))
                self.assertFalse(got.whole, (path, answer))
                self.assertFalse(client.ended_well, (path, answer))

    async def test_bad_chunks_after_good_ones_cut_the_client_off(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        peer.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc")
        peer.send(b"nonsense\r\n")
        got = answer_of(await client.closed())
        self.assertEqual((got.body, got.whole, client.ended_well), (b"abc", False, False))

    async def test_more_than_the_content_length_is_not_passed_on(self) -> None:
        _, got = await self.exchange("/up/", answer=HELLO + b"HTTP/1.1 200 OK\r\n\r\nevil")
        self.assertEqual((got.body, got.whole), (b"hello", True))

    async def test_redirects_are_not_followed(self) -> None:
        answer = b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"
        _, got = await self.exchange("/up/", answer=answer)
        self.assertEqual((got.status, got.headers["location"], len(self.upstream.peers)), (302, "/up/", 1))

    async def test_a_proxy_that_leads_to_itself_ends(self) -> None:
        port = self.port.getHost().port
        self.target.origin = f"http://127.0.0.1:{port}".encode()
        got = await self.refused("/circle")
        self.assertEqual(got.status, 508)
        self.assertIn(b"does one lead to itself?", got.body)

    @property
    def target(self) -> Any:
        """Where /circle leads."""
        return self.gramex.shared.resources["circle"].target

    async def test_a_client_that_leaves_ends_the_request_there(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        client.cut()
        await peer.closed()
        await self.gramex.idle()

    async def test_a_client_that_leaves_in_the_answer_ends_it_there(self) -> None:
        client = await self.ask("/up/")
        peer = await self.upstream.next()
        peer.send(CHUNKED + b"3\r\nabc\r\n")
        await client.until(b"abc")
        client.cut()
        await peer.closed()
        await self.gramex.idle()
