"""What the upstream gets of a request."""

from __future__ import annotations

from tests.resources.proxy.support import HELLO, ProxyCase, head_of

MODULE = """
from twisted.internet.defer import inlineCallbacks, succeed

def prepare(handler, request):
    request.url += "&added=1"
    request.method = "PATCH"
    request.headers["X-Own"] = handler.request.path
    request.headers.add("X-Own", "two")
    del request.headers["ACCEPT"]
    request.body = (request.body or b"").upper().decode()

async def coroutine(handler, request):
    request.headers["X-Own"] = await succeed(repr(request))

@inlineCallbacks
def inline(request):
    request.headers["X-Own"] = yield succeed("inline")

def elsewhere(request):
    request.url = request.url.replace("/nowhere", "/somewhere")
    request.headers["Host"] = "other.example"

def nonsense(request):
    request.url = "file:///etc/passwd"

def injects(handler, request):
    request.headers["X-Own"] = "a\\r\\nX-Evil: 1"
"""
PREPARED = "".join(
    f"  {name}: {{pattern: /{name}, handler: ProxyHandler, kwargs: {{url: 'http://UPSTREAM/nowhere?x=1', "
    f"prepare: prepares.{name}}}}}\n"
    for name in ("prepare", "coroutine", "inline", "elsewhere", "nonsense", "injects")
)


class RequestTests(ProxyCase):
    files = {"prepares.py": MODULE}
    config = (
        """
app: {settings: {xsrf_cookies: false}, session: {type: memory}}
url:
  plain: {pattern: '/plain/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/base/}}
  all:
    pattern: '/all/(.*)'
    handler: ProxyHandler
    kwargs: {url: http://UPSTREAM/, request_headers: {'*': true, X-Dropped: false, X-Set: 'for {handler.name}'}}
  some:
    pattern: /some
    handler: ProxyHandler
    kwargs: {url: http://user:pa%3Ass@UPSTREAM/x, request_headers: [Cookie, X-Passed, Host]}
  dynamic:
    pattern: /dynamic
    handler: ProxyHandler
    kwargs:
      url: http://UPSTREAM/?key=secret&fixed=1
      default: {alt: json, who: '{handler.name}', many: [a, b], n: 5}
      request_headers: {X-Arg: '{handler.args[x][0]}'}
  groups: {pattern: '/groups/(\\w+)/(.*)', handler: ProxyHandler, kwargs: {url: 'http://UPSTREAM/{1}/of/{0}?g={0}'}}
  names: {pattern: '/names/(?P<a>.*)', handler: ProxyHandler, kwargs: {url: 'http://UPSTREAM/<{a}>'}}
"""
        + PREPARED
    )

    async def test_path_and_query_go_behind_the_url_as_they_are(self) -> None:
        head, answer = await self.exchange("/plain/a%20b/%2F/c;d=1%2B?q=%C3%A9&q=+&empty=&x?y")
        self.assertEqual(head.line, "GET /base/a%20b/%2F/c;d=1%2B?q=%C3%A9&q=+&empty=&x?y HTTP/1.1")
        self.assertEqual(head.headers["host"], self.authority)
        self.assertEqual((answer.status, answer.body), (200, b"hello"))

    async def test_what_a_url_may_not_hold_is_encoded(self) -> None:
        head, _ = await self.exchange('/plain/<a>"%zz\\?q="<#>')
        self.assertEqual(head.line, "GET /base/%3Ca%3E%22%25zz%5C?q=%22%3C%23%3E HTTP/1.1")

    async def test_only_what_tells_of_the_message_is_passed_on_by_default(self) -> None:
        sent = [
            "Accept: text/html",
            "Accept-Encoding: br",
            "User-Agent: test",
            "If-None-Match: *",
            "Cookie: a=1",
            "Authorization: Basic x",
            "X-Other: 1",
            "Origin: http://app.example",
        ]
        head, _ = await self.exchange("/plain/", *sent)
        expected = {"accept", "accept-encoding", "user-agent", "if-none-match", "host", "connection"}
        self.assertEqual(set(head.headers) - expected, {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"})
        self.assertEqual(head.headers["accept-encoding"], "br")

    async def test_a_star_passes_all_but_what_belongs_to_this_connection_and_this_server(self) -> None:
        sent = [
            "X-Other: 1",
            "X-Other: 2",
            "X-Dropped: 1",
            "X-Set: theirs",
            "Authorization: Basic x",
            "Keep-Alive: timeout=5",
            "TE: trailers",
            "Trailer: X",
            "Proxy-Authorization: Basic y",
            "X-Hop: 1",
            "Connection: X-Hop",
            "X-Http-Method-Override: DELETE",
            "X-Original-Url: /admin",
            "X_Forwarded_For: 6.6.6.6",
            "X_Plain: 1",
        ]
        head, _ = await self.exchange("/all/", *sent)
        self.assertEqual((head.headers["x-other"], head.headers["authorization"]), ("1|2", "Basic x"))
        self.assertEqual((head.headers["x-set"], head.headers["x_plain"]), ("for all", "1"))
        gone = "x-dropped keep-alive te trailer proxy-authorization x-hop x-original-url x_forwarded_for"
        self.assertEqual({*gone.split(), "x-http-method-override"} & set(head.headers), set())
        self.assertEqual(head.headers["connection"], "close")

    async def test_a_list_passes_those_named_and_the_urls_user_signs_in(self) -> None:
        head, _ = await self.exchange(
            "/some", "Cookie: a=1", "X-Passed: yes", "X-Other: no", "X-Forwarded-For: 1.2.3.4"
        )
        self.assertEqual((head.headers["cookie"], head.headers["x-passed"]), ("a=1", "yes"))
        self.assertEqual(head.headers["host"], "app.example")
        self.assertEqual(head.headers["authorization"], "Basic dXNlcjpwYTpzcw==")
        self.assertNotIn("x-other", head.headers)

    async def test_the_session_cookie_stays_here(self) -> None:
        head, _ = await self.exchange("/all/", "Cookie: a=1; sid=2|secret; b=2")
        self.assertEqual(head.headers["cookie"], "a=1; b=2")
        head, _ = await self.exchange("/all/", "Cookie: sid=2|secret")
        self.assertNotIn("cookie", head.headers)

    async def test_credentials_of_this_server_stay_here(self) -> None:
        client = await self.ask("/all/?a=1&gramex-key=secret", "X-Gramex-Key: secret")
        self.assertIn(b" 400 ", await client.closed())  # it is not valid: nothing is asked
        self.assertEqual(self.upstream.peers, [])

    async def test_it_says_for_whom_it_asks(self) -> None:
        head, _ = await self.exchange("/all/", "Forwarded: for=evil", "X-Real-Ip: 9.9.9.9")
        self.assertEqual(head.headers["x-forwarded-for"], "127.0.0.1")
        self.assertEqual((head.headers["x-forwarded-proto"], head.headers["x-forwarded-host"]), ("http", "app.example"))
        self.assertEqual({"forwarded", "x-real-ip"} & set(head.headers), set())

    async def test_defaults_are_added_where_the_request_says_nothing_else(self) -> None:
        head, _ = await self.exchange("/dynamic?x=1&alt=xml")
        expected = "GET /?key=secret&fixed=1&who=dynamic&many=a&many=b&n=5&x=1&alt=xml HTTP/1.1"
        self.assertEqual(head.line, expected)
        self.assertEqual(head.headers["x-arg"], "1")

    async def test_a_text_that_names_what_the_request_lacks_or_a_line_break_is_400(self) -> None:
        client = await self.ask("/dynamic")
        self.assertIn(b"request_headers.X-Arg: the request has no 'x'", await client.closed())
        client = await self.ask("/dynamic?x=1%0d%0aX-Evil:1")
        self.assertIn(b" 400 ", await client.closed())
        self.assertEqual(self.upstream.peers, [])

    async def test_groups_stand_where_the_url_says(self) -> None:
        head, _ = await self.exchange("/groups/abc/d%2Fe%3F")
        self.assertEqual(head.line, "GET /d%2Fe%3F/of/abc?g=abc HTTP/1.1")
        head, _ = await self.exchange("/names/x%3Fy=%2561")
        self.assertEqual(head.line, "GET /%3Cx%3Fy=%2561%3E HTTP/1.1")

    async def test_a_path_that_climbs_is_400(self) -> None:
        for path in ("..", "a/../../b", "%2e%2e/x", "..%2fx", "%252e%252e/x", "..;/x", "..\\x", "a/..%00"):
            client = await self.ask(f"/plain/{path}")
            self.assertIn(b" 400 ", await client.closed(), path)
        self.assertEqual(self.upstream.peers, [])

    async def test_the_method_is_what_the_request_means(self) -> None:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"):
            head, _ = await self.exchange("/plain/x", method=method)
            self.assertEqual(head.line, f"{method} /base/x HTTP/1.1")
        head, _ = await self.exchange("/plain/x", "X-Http-Method-Override: PUT", method="POST")
        self.assertEqual(head.line, "PUT /base/x HTTP/1.1")

    async def test_a_body_keeps_its_length(self) -> None:
        client = await self.ask("/plain/x", "Content-Type: text/csv", method="POST", body=b"a,b\n" * 10)
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual((head.headers["content-length"], head.headers["content-type"]), ("40", "text/csv"))
        await peer.until(b"a,b\n" * 10)
        peer.send(HELLO)
        self.assertIn(b"hello", await client.closed())

    async def test_a_chunked_body_is_chunked_anew(self) -> None:
        client = await self.ask("/plain/x", "Transfer-Encoding: chunked", method="PUT")
        client.send(b"3;ext=1\r\nabc\r\n")
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual(head.headers["transfer-encoding"], "chunked")
        self.assertNotIn("content-length", head.headers)
        self.assertEqual(await peer.until(b"abc\r\n"), b"3\r\nabc\r\n")
        client.send(b"2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n")
        self.assertEqual(await peer.until(b"0\r\n\r\n"), b"2\r\nde\r\n0\r\n\r\n")
        peer.send(HELLO)
        self.assertIn(b"hello", await client.closed())

    async def test_a_post_without_a_body_says_so(self) -> None:
        head, _ = await self.exchange("/plain/x", "Content-Length: 0", method="POST")
        self.assertEqual(head.headers["content-length"], "0")


class PrepareTests(ProxyCase):
    files = {"prepares.py": MODULE}
    config = "app: {settings: {xsrf_cookies: false}}\nurl:\n" + PREPARED

    async def test_prepare_changes_everything_in_place(self) -> None:
        client = await self.ask("/prepare?a=b", "Accept: x/y", method="POST", body=b"body")
        peer = await self.upstream.next()
        head = head_of(await peer.until(b"\r\n\r\n"))
        self.assertEqual(head.line, "PATCH /nowhere?x=1&a=b&added=1 HTTP/1.1")
        self.assertEqual((head.headers["x-own"], head.headers["content-length"]), ("/prepare|two", "4"))
        self.assertNotIn("accept", head.headers)
        await peer.until(b"BODY")
        peer.send(HELLO)
        self.assertIn(b"hello", await client.closed())

    async def test_it_may_be_a_coroutine_of_either_kind(self) -> None:
        head, _ = await self.exchange("/coroutine")
        self.assertEqual(head.headers["x-own"], f"<GET http://{self.authority}/nowhere?x=1>")
        head, _ = await self.exchange("/inline")
        self.assertEqual(head.headers["x-own"], "inline")

    async def test_it_may_ask_somebody_else(self) -> None:
        head, _ = await self.exchange("/elsewhere")
        self.assertEqual((head.line, head.headers["host"]), ("GET /somewhere?x=1 HTTP/1.1", "other.example"))

    async def test_what_cannot_be_sent_is_500(self) -> None:
        client = await self.ask("/nonsense")
        self.assertIn(b"file:///etc/passwd", await client.closed())
        client = await self.ask("/injects")
        self.assertIn(b"HTTP/1.1 500 ", await client.closed())
        self.assertEqual(self.upstream.peers, [])


class ForwardedTests(ProxyCase):
    sent = ("X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https", "X-Forwarded-Host: public.example")
    proxies = "[127.0.0.1]"
    expected = ("6.6.6.6, 127.0.0.1", "https", "public.example")
    config = """
app: {trusted_proxies: TRUSTED}
url:
  all: {pattern: '/all/(.*)', handler: ProxyHandler, kwargs: {url: http://UPSTREAM/, request_headers: '*'}}
"""

    def configured(self, config: str) -> str:
        return super().configured(config).replace("TRUSTED", self.proxies)

    async def test_only_a_trusted_proxy_before_us_is_believed(self) -> None:
        head, _ = await self.exchange("/all/", *self.sent)
        names = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host")
        self.assertEqual(tuple(head.headers[name] for name in names), self.expected)


class PretenderTests(ForwardedTests):
    proxies = "[10.0.0.1]"
    expected = ("127.0.0.1", "http", "app.example")
