"""What the client gets of the upstream's answer."""

from __future__ import annotations

import gzip

from tests.resources.proxy.support import HELLO, ProxyCase, answer_of, head_of

MODULE = """
from twisted.internet.defer import succeed

def modify(handler, request, response):
    assert response.effective_url == request.url
    response.body = response.body.decode().upper() + "!"
    response.code, response.reason = 203, "Changed"
    response.headers["X-Own"] = f"{request.method} {response.headers.get('x-count', '-')}"
    response.headers.pop("X-GONE", None)

async def coroutine(response):
    response.body = await succeed(response.body + b" awaited")

def fails(response):
    raise ValueError("no")

def nothing(response):
    pass

def nonsense(response):
    response.body = 5
"""
MODIFIED = "".join(
    f"  {name}: {{pattern: /{name}, handler: ProxyHandler, kwargs: {{url: 'http://UPSTREAM/x', "
    f"modify: modifies.{name}, max_response_size: 1000}}}}\n"
    for name in ("modify", "coroutine", "fails", "nothing", "nonsense")
)


def response(status: str, *lines: str, body: bytes = b"", length: bool = True) -> bytes:
    """The bytes of a response."""
    extra = [f"Content-Length: {len(body)}"] if length else []
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, *extra, "", ""]).encode("latin-1") + body


class ResponseTests(ProxyCase):
    config = """
app: {session: {type: memory}}
url:
  plain:
    pattern: '/plain/(.*)'
    handler: ProxyHandler
    kwargs: {url: http://UPSTREAM/base/}
  written:
    pattern: /written
    handler: ProxyHandler
    kwargs:
      url: http://UPSTREAM/
      headers: {Cache-Control: no-store, X-Secret: null, X-Proxy-Url: null, Referrer-Policy: null}
  exact: {pattern: /exact, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/there}}
  cors: {pattern: /cors, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, cors: true}}
  cached: {pattern: /cached, handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, cache: true}}
"""

    async def test_status_reason_headers_and_body_are_the_upstreams(self) -> None:
        answer = response("418 Short and Stout", "X-Tea: 1", "X-Tea: 2", "Content-Type: a/b", body=b"pot")
        _, got = await self.exchange("/plain/x?secret=1", answer=answer)
        self.assertEqual((got.status, got.reason, got.body), (418, "Short and Stout", b"pot"))
        self.assertEqual((got.headers["x-tea"], got.headers["content-type"]), ("1|2", "a/b"))
        self.assertEqual(got.headers["x-proxy-url"], f"http://{self.authority}/base/x")

    async def test_the_upstreams_headers_stand_before_ours_and_none_is_there_twice(self) -> None:
        lines = ["Server: theirs", "Date: then", "Referrer-Policy: origin", "Content-Security-Policy: default-src *"]
        _, got = await self.exchange("/plain/x", answer=response("200 OK", *lines))
        self.assertEqual((got.headers["server"], got.headers["date"]), ("theirs", "then"))
        self.assertEqual(got.headers["referrer-policy"], "origin")
        self.assertEqual(got.headers["content-security-policy"], "default-src *")
        self.assertEqual(got.headers["x-content-type-options"], "nosniff")
        _, got = await self.exchange("/plain/x", answer=response("200 OK"))
        self.assertRegex(got.headers["server"], "^gramex-twisted/[^|]*$")
        self.assertRegex(got.headers["date"], "^[A-Z][a-z][a-z], [^|]*GMT$")

    async def test_the_routes_headers_stand_before_the_upstreams(self) -> None:
        lines = ["Cache-Control: max-age=9", "X-Secret: 1", "Referrer-Policy: origin"]
        _, got = await self.exchange("/written", answer=response("200 OK", *lines))
        self.assertEqual(got.headers["cache-control"], "no-store")
        self.assertEqual({"x-secret", "x-proxy-url", "referrer-policy"} & set(got.headers), set())

    async def test_what_belongs_to_the_upstreams_connection_ends_here(self) -> None:
        lines = ["Connection: X-Hop, keep-alive", "X-Hop: 1", "Keep-Alive: timeout=1", "Upgrade: h2c", "Trailer: X"]
        _, got = await self.exchange("/plain/x", answer=response("200 OK", *lines))
        self.assertEqual({"x-hop", "keep-alive", "upgrade", "trailer"} & set(got.headers), set())

    async def test_bodies_of_every_framing_arrive_whole(self) -> None:
        chunked = response("200 OK", "Transfer-Encoding: chunked", length=False)
        for answer in (
            chunked + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n",
            response("200 OK", body=b"abcde"),
            response("200 OK", length=False) + b"abcde",
            b"HTTP/1.0 200 OK\n\nabcde",
        ):
            _, got = await self.exchange("/plain/x", answer=answer)
            self.assertEqual((got.status, got.body, got.whole), (200, b"abcde", True), answer)

    async def test_answers_without_a_body_have_none(self) -> None:
        _, got = await self.exchange("/plain/x", answer=response("204 No Content", length=False) + b"\r\n")
        self.assertEqual((got.status, got.body, got.headers.get("content-length")), (204, b"", None))
        _, got = await self.exchange("/plain/x", "If-None-Match: x", answer=response("304 Not Modified", "ETag: x"))
        self.assertEqual((got.status, got.body, got.headers["etag"]), (304, b"", "x"))
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"
        _, got = await self.exchange("/plain/x", method="HEAD", answer=answer)
        self.assertEqual((got.status, got.body, got.headers["content-length"]), (200, b"", "12345"))

    async def test_ranges_and_encodings_are_the_upstreams_business(self) -> None:
        answer = response("206 Partial Content", "Content-Range: bytes 2-3/9", "Content-Encoding: gzip", body=b"cd")
        head, got = await self.exchange("/plain/x", "Range: bytes=2-3", "Accept-Encoding: gzip, br", answer=answer)
        self.assertEqual((head.headers["range"], head.headers["accept-encoding"]), ("bytes=2-3", "gzip, br"))
        self.assertEqual((got.status, got.body), (206, b"cd"))
        self.assertEqual((got.headers["content-range"], got.headers["content-encoding"]), ("bytes 2-3/9", "gzip"))

    async def test_interim_answers_do_not_disturb(self) -> None:
        early = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n"
        _, got = await self.exchange("/plain/x", answer=early + HELLO)
        self.assertEqual((got.status, got.body), (200, b"hello"))

    async def test_redirects_to_the_upstream_lead_to_the_route(self) -> None:
        for there, here in {
            f"http://{self.authority}/base/x/y?q=1#f": "/plain/x/y?q=1#f",
            "/base/": "/plain/",
            "other?z": "/plain/a/other?z",
            "../up": "/plain/up",
            f"//{self.authority}/base/x": "/plain/x",
            "/elsewhere": "/elsewhere",
            f"http://{self.authority}//evil.example/": f"http://{self.authority}//evil.example/",
            "/base//evil.example": "/plain//evil.example",
            "https://evil.example/base/": "https://evil.example/base/",
            "http://[bad": "http://[bad",
        }.items():
            _, got = await self.exchange("/plain/a/b", answer=response("302 Found", f"Location: {there}"))
            self.assertEqual((got.status, got.headers["location"]), (302, here))

    async def test_a_redirect_of_a_route_without_a_path_below_leads_there_only(self) -> None:
        _, got = await self.exchange("/exact", answer=response("301 X", "Location: /there?again"))
        self.assertEqual(got.headers["location"], "/exact?again")
        _, got = await self.exchange("/exact", answer=response("301 X", "Location: /there/more"))
        self.assertEqual(got.headers["location"], "/there/more")

    async def test_cookies_are_for_this_host_and_for_the_route(self) -> None:
        for there, here in {
            "a=1; Domain=upstream.example; Path=/; Secure; HttpOnly": "a=1; Path=/plain/; Secure; HttpOnly",
            "a=1; path=/base/x": "a=1; path=/plain/x",
            "a=1; Path=/base": "a=1; Path=/plain",
            "a=1; Path=/other": "a=1; Path=/other",
            "__Host-a=1; Path=/; Secure": "__Host-a=1; Path=/; Secure",
            "a=1": "a=1",
        }.items():
            _, got = await self.exchange(
                "/plain/x", answer=response("200 OK", f"Set-Cookie: {there}", "Set-Cookie: b=2")
            )
            self.assertEqual(got.headers["set-cookie"], f"{here}|b=2")

    async def test_the_upstream_cannot_replace_the_session(self) -> None:
        answer = response("200 OK", "Set-Cookie: sid=evil; Path=/", "Set-Cookie: b=2")
        _, got = await self.exchange("/plain/x", answer=answer)
        self.assertEqual(got.headers["set-cookie"], "b=2")

    async def test_a_route_with_cors_says_itself_who_may_read(self) -> None:
        answer = response("200 OK", "Access-Control-Allow-Origin: https://theirs", "Vary: Accept")
        _, got = await self.exchange("/cors", "Origin: https://ours.example", answer=answer)
        self.assertNotIn("theirs", got.headers["access-control-allow-origin"])
        self.assertIn("Accept", got.headers["vary"])
        _, got = await self.exchange("/plain/x", "Origin: https://ours.example", answer=answer)
        self.assertEqual(got.headers["access-control-allow-origin"], "https://theirs")

    async def test_a_cached_route_asks_for_the_whole_and_asks_once(self) -> None:
        head, got = await self.exchange("/cached", "Accept-Encoding: gzip", "Range: bytes=0-1", 'If-None-Match: "x"')
        self.assertEqual(head.headers["accept-encoding"], "identity")
        self.assertEqual({"range", "if-none-match"} & set(head.headers), set())
        self.assertEqual(got.body, b"hello")
        again = answer_of(await (await self.ask("/cached")).closed())
        self.assertEqual((again.status, again.body, again.headers["content-type"]), (200, b"hello", "text/plain"))
        self.assertEqual(len(self.upstream.peers), 1)

    async def test_a_stream_is_cached_when_it_is_whole(self) -> None:
        client = await self.ask("/cached")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(response("200 OK", "Transfer-Encoding: chunked", length=False) + b"3\r\nabc\r\n")
        await client.until(b"abc")
        peer.send(b"0\r\n\r\n")
        await client.closed()
        again = answer_of(await (await self.ask("/cached")).closed())
        self.assertEqual((again.body, len(self.upstream.peers)), (b"abc", 1))


class ModifyTests(ProxyCase):
    files = {"modifies.py": MODULE}
    config = "url:\n" + MODIFIED

    async def test_modify_changes_everything_in_place(self) -> None:
        answer = response("200 OK", "X-Count: 3", "X-Gone: 1", 'Etag: "a"', "Content-Type: text/plain", body=b"body")
        head, got = await self.exchange("/modify", "Range: bytes=0-1", "Accept-Encoding: br", answer=answer)
        self.assertEqual((got.status, got.reason, got.body), (203, "Changed", b"BODY!"))
        self.assertEqual((got.headers["x-own"], got.headers["etag"]), ("GET 3", 'W/"a"'))
        self.assertEqual((got.headers["content-length"], got.headers["content-type"]), ("5", "text/plain"))
        self.assertNotIn("x-gone", got.headers)
        self.assertNotIn("range", head.headers)
        self.assertEqual(head.headers["accept-encoding"], "gzip")

    async def test_it_sees_what_gzip_has_packed(self) -> None:
        packed = gzip.compress(b"two ") + gzip.compress(b"members")
        _, got = await self.exchange("/modify", answer=response("200 OK", "Content-Encoding: gzip", body=packed))
        self.assertEqual(got.body, b"TWO MEMBERS!")
        self.assertNotIn("content-encoding", got.headers)

    async def test_it_may_be_a_coroutine_and_the_body_may_come_in_pieces(self) -> None:
        client = await self.ask("/coroutine")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        for piece in (b"HTTP/1.1 200 OK\r\nContent-Len", b"gth: 4\r\n\r\nbo", b"dy"):
            peer.send(piece)
        self.assertEqual(answer_of(await client.closed()).body, b"body awaited")

    async def test_head_is_get_without_the_body(self) -> None:
        head, got = await self.exchange("/modify", method="HEAD", answer=response("200 OK", body=b"body"))
        self.assertEqual(head.line, "GET /x HTTP/1.1")
        self.assertEqual((got.status, got.body, got.headers["content-length"]), (203, b"", "5"))

    async def test_what_is_too_long_is_502(self) -> None:
        bomb = gzip.compress(bytes(1_000_000))
        for answer in (
            response("200 OK", body=bytes(1001)),
            response("200 OK", "Transfer-Encoding: chunked", length=False)
            + b"3e9\r\n"
            + bytes(1001)
            + b"\r\n0\r\n\r\n",
            response("200 OK", "Content-Encoding: gzip", body=bomb),
        ):
            _, got = await self.exchange("/nothing", answer=answer)
            self.assertEqual(got.status, 502)
            self.assertIn(b"over 1000 bytes", got.body)
        _, got = await self.exchange("/nothing", answer=response("200 OK", body=bytes(1000)))
        self.assertEqual((got.status, len(got.body)), (200, 1000))

    async def test_what_is_no_gzip_is_502(self) -> None:
        for body in (b"plain", gzip.compress(b"body")[:-4]):
            _, got = await self.exchange("/nothing", answer=response("200 OK", "Content-Encoding: gzip", body=body))
            self.assertEqual(got.status, 502)

    async def test_one_that_fails_is_500(self) -> None:
        for path in ("/fails", "/nonsense"):
            _, got = await self.exchange(path)
            self.assertEqual(got.status, 500)

    async def test_an_answer_that_breaks_off_is_502(self) -> None:
        client = await self.ask("/nothing")
        peer = await self.upstream.next()
        await peer.until(b"\r\n\r\n")
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        peer.close()
        self.assertEqual(answer_of(await client.closed()).status, 502)
        self.assertEqual(head_of(peer.received).line, "GET /x HTTP/1.1")
