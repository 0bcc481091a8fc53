"""xsrf_cookies: no other site may change something in the name of a visitor."""

from __future__ import annotations

from io import BytesIO
from typing import Any, ClassVar

from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.testing import AppTestCase, Response
from gramex_twisted.web.xsrf import decode_token, encode_token

TOKEN = bytes(range(16))
COOKIE = encode_token(TOKEN, 1700000000).decode()
BROWSER = {"Accept": ["text/html"]}
HELP = "send the _xsrf cookie's value as ?_xsrf=, a form field or the X-Xsrftoken header"
WRONG = f"the XSRF token is not that of the _xsrf cookie; {HELP}"


def tornado_handler(cookie: str = "") -> RequestHandler:
    """What decides in Gramex 1.x."""

    class Connection:
        context = None

        def set_close_callback(self, callback: Any) -> None:
            """There is no client that could leave."""

    request = HTTPServerRequest("POST", "/", connection=Connection())  # type: ignore[arg-type]
    request.headers["Cookie"] = f"_xsrf={cookie}"
    handler = RequestHandler(Application(), request)
    handler.current_user = None
    return handler


class TokenTests(SynchronousTestCase):
    def test_a_token_is_masked_anew_each_time(self) -> None:
        texts = {encode_token(TOKEN, 5) for _ in range(20)}
        self.assertEqual(len(texts), 20)
        self.assertEqual({decode_token(text) for text in texts}, {TOKEN})

    def test_tornado_reads_ours_and_we_read_tornados(self) -> None:
        handler: Any = tornado_handler()
        self.assertEqual(handler._decode_xsrf_token(COOKIE), (2, TOKEN, 1700000000))
        shown = handler.xsrf_token
        self.assertEqual(decode_token(shown), handler._get_raw_xsrf_token()[1])
        self.assertEqual(decode_token(tornado_handler(COOKIE).xsrf_token), TOKEN)

    def test_what_is_not_whole_is_no_token(self) -> None:
        mask, token = "0" * 8, "0" * 32
        for text in (
            "",
            "2",
            "2|||",
            f"2|{mask}||1",
            f"2||{token}|1",
            f"2|{mask}|{token}",
            f"2|{mask}|{token}|",
            f"2|{mask}|{token}|-1",
            f"2|{mask}|{token}|1|1",
            f"2|{mask}|{token}|1\n",
            f"2|{mask}|{token[1:]}|1",
            f"2|{mask}|{token}00|1",
            f"2|{mask}|{token[1:]}g|1",
            f"1|{mask}|{token}|1",
            f"3|{mask}|{token}|1",
            token,
            f"2|{mask}|{token}|{'1' * 21}",
            "2|" * 100_000,
        ):
            self.assertIsNone(decode_token(text.encode()), text[:80])
        self.assertIsNone(decode_token(None))

    @settings(deadline=None, max_examples=200)
    @given(st.binary(max_size=80) | st.from_regex(rb"[12]\|[0-9a-f]{7,9}\|[0-9a-f]{31,33}\|[0-9]{0,3}", fullmatch=True))
    def test_any_bytes_are_decoded_or_refused_as_tornado_does(self, text: bytes) -> None:
        token = decode_token(text)
        if token is not None:
            handler: Any = tornado_handler()
            self.assertEqual(handler._decode_xsrf_token(text.decode())[:2], (2, token))

    @settings(deadline=None, max_examples=100)
    @given(st.binary(min_size=16, max_size=16), st.integers(0, 10**15))
    def test_every_token_comes_back(self, token: bytes, seconds: int) -> None:
        self.assertEqual(decode_token(encode_token(token, seconds)), token)


MODULE = """
from klein import Klein

from gramex_twisted.web.context import IContext

app = Klein()
calls = []


@app.route("/form")
def form(request):
    return IContext(request).xsrf_form_html()


@app.route("/save", methods=["POST"])
def save(request):
    return "saved " + request.args[b"x"][0].decode()


def change(handler):
    calls.append(handler.request.method)
    return "changed"


def count():
    calls.append("count")
    return str(len(calls))


def late(handler):
    yield "begun"
    yield handler.xsrf_token


def page(handler):
    return handler.render("page.html", x=1)


def checks(handler):
    handler.check_xsrf_cookie()
    return "checked"
"""

CONFIG = """
    app: {session: {type: memory}}
    url:
      change: {pattern: /change, handler: FunctionHandler, kwargs: {function: fns.change}}
      free: {pattern: /free, handler: FunctionHandler, kwargs: {function: fns.change, xsrf_cookies: false}}
      free-set:
        pattern: /free-set
        handler: FunctionHandler
        kwargs: {function: fns.change, xsrf_cookies: false, set_xsrf: true}
      checks: {pattern: /checks, handler: FunctionHandler, kwargs: {function: fns.checks, xsrf_cookies: false}}
      get: {pattern: /get, handler: FunctionHandler, kwargs: {function: fns.change, methods: GET}}
      set: {pattern: /set, handler: FunctionHandler, kwargs: {function: fns.change, set_xsrf: true}}
      plain: {pattern: /plain, handler: FunctionHandler, kwargs: {function: fns.change}}
      token: {pattern: /token, handler: FunctionHandler, kwargs: {function: handler.xsrf_token}}
      form: {pattern: /form, handler: FunctionHandler, kwargs: {function: handler.xsrf_form_html()}}
      late: {pattern: /late, handler: FunctionHandler, kwargs: {function: fns.late}}
      page: {pattern: /page, handler: FunctionHandler, kwargs: {function: fns.page}}
      file:
        pattern: /file
        handler: FileHandler
        kwargs: {path: page.html, transform: {'*.html': {function: template}}}
      files: {pattern: '/files/(.*)', handler: FileHandler, kwargs: {path: ., set_xsrf: true}}
      error: {pattern: /error, handler: FunctionHandler, kwargs: {function: 1 / 0, error: {500: {path: page.html}}}}
      cached: {pattern: /cached, handler: FunctionHandler, kwargs: {function: handler.xsrf_form_html(), cache: true}}
      cached-set:
        pattern: /cached-set
        handler: FunctionHandler
        kwargs: {function: fns.count, cache: true, set_xsrf: true}
      klein: {pattern: '/klein/(.*)', handler: fns.app, kwargs: {set_xsrf: true}}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: no_such_module.fn}}
      shared:
        pattern: /shared
        handler: FunctionHandler
        kwargs: {function: fns.change, cors: {origins: 'https://friend.example.org', auth: true}}
      reads:
        pattern: /reads
        handler: FunctionHandler
        kwargs: {function: fns.change, cors: {origins: 'https://friend.example.org', auth: true, methods: [GET]}}
      all: {pattern: /all, handler: FunctionHandler, kwargs: {function: fns.change, cors: true}}
"""


class XsrfTestCase(AppTestCase):
    files: ClassVar[dict[str, str | bytes]] = {
        "fns.py": MODULE,
        "page.html": "<form>{% module xsrf_form_html() %}{% raw xsrf_form_html() %}</form>",
        "a.txt": "text",
    }
    config = CONFIG

    def send(self, url: str, method: str = "POST", cookie: str | None = COOKIE, **options: Any) -> Response:
        """A request as any client sends it, with its _xsrf cookie."""
        headers = dict(options.pop("headers", {}))
        if cookie is not None:
            headers["Cookie"] = [f"_xsrf={cookie}"]
        return self.request(method, url, headers=headers, xsrf=False, **options)

    def check(self, response: Response, error: str | None = None) -> None:
        """It was let in, or refused with ``error``."""
        if error is None:
            self.assertEqual((response.status, response.text), (200, "changed"))
        else:
            self.assertEqual((response.status, response.json()["error"]), (403, error))


class CheckTests(XsrfTestCase):
    def test_methods_that_change_need_the_token(self) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            self.check(self.send("/change", method), f"the XSRF token is missing; {HELP}")
            self.check(self.send("/change", method, headers={"X-Xsrftoken": [COOKIE]}))
        for method in ("GET", "OPTIONS"):
            self.check(self.send("/change", method, None))

    def test_nothing_runs_without_it(self) -> None:
        import fns

        self.send("/change", cookie=None)
        self.assertEqual(fns.calls, [])

    def test_it_is_taken_from_query_form_and_headers_under_any_mask(self) -> None:
        text = encode_token(TOKEN, 1).decode()
        self.assertNotEqual(text, COOKIE)
        self.check(self.send("/change", params={"_xsrf": text}))
        self.check(self.send("/change", data={"x": "1", "_xsrf": text}))
        self.check(self.send("/change", data={"_xsrf": text}, files={"f": ("f.bin", BytesIO(b"x" * 100))}))
        self.check(self.send("/change", headers={"X-Xsrftoken": [text]}))
        self.check(self.send("/change", headers={"X-CSRFToken": [text]}))

    def test_one_that_is_right_is_enough(self) -> None:
        self.check(self.send("/change", params={"_xsrf": "old"}, headers={"X-Xsrftoken": [COOKIE]}))

    def test_a_large_form_is_read_in_a_thread(self) -> None:
        ran: list[Any] = []
        threads = self.app.gramex.shared.threads
        run = threads.run

        def noted(function: Any, *values: Any) -> Any:
            ran.append(function.__name__)
            return run(function, *values)

        self.patch(threads, "run", noted)
        self.check(self.send("/change", data={"_xsrf": COOKIE, "x": "y" * 100_000}))
        self.assertIn("check_xsrf_cookie", ran)

    def test_a_client_without_the_cookie_is_told_what_to_send(self) -> None:
        expected = f"the request has no valid _xsrf cookie; {HELP}"
        self.check(self.send("/change", cookie=None), expected)
        self.check(self.send("/change", cookie=None, headers={"X-Xsrftoken": [COOKIE]}), expected)
        self.check(self.send("/change", cookie=None, json={"x": 1}), expected)
        self.assertIn("send the _xsrf cookie&#x27;s value", self.send("/change", headers=BROWSER).text)

    def test_forged_truncated_and_oversized_tokens_are_refused(self) -> None:
        other = encode_token(b"x" * 16, 1).decode()
        for text in (other, COOKIE[:-1] + "x", COOKIE[:40], COOKIE + "|1", "x", "2|||", "0" * 32, "é", COOKIE * 50):
            self.check(self.send("/change", params={"_xsrf": text}), WRONG)
            self.check(self.send("/change", data={"_xsrf": text}), WRONG)
        for cookie in ("", "x", "2|||", COOKIE[:40], COOKIE * 50):
            self.assertEqual(self.send("/change", cookie=cookie, params={"_xsrf": cookie}).status, 403, cookie)

    @settings(deadline=None, max_examples=30)
    @given(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=60))
    def test_no_other_text_is_taken(self, text: str) -> None:
        self.assertEqual(self.send("/change", params={"_xsrf": text}).status, 403)

    def test_a_form_that_cannot_be_read_is_400(self) -> None:
        response = self.send("/change", headers={"Content-Type": ["multipart/form-data"]}, data=b"--x\r\n")
        self.assertEqual(response.status, 400)

    def test_what_the_route_does_not_answer_is_405_or_404(self) -> None:
        self.assertEqual(self.send("/get", cookie=None).status, 405)
        self.assertEqual(self.send("/change", "BREW", None).status, 405)
        self.assertEqual(self.send("/nowhere", cookie=None).status, 404)
        self.assertEqual(self.send("/broken", cookie=None).status, 500)
        self.assertEqual(self.app.gramex.errors[0].message.partition(":")[0], "url.broken.kwargs.function")

    def test_it_is_off_where_the_route_or_the_app_says_so(self) -> None:
        self.check(self.send("/free", cookie=None))
        self.check(self.send("/free-set", cookie=None))
        self.app = self.make_app(CONFIG.replace("app: {", "app: {settings: {xsrf_cookies: false}, "))
        self.check(self.send("/change", cookie=None))

    def test_a_function_may_ask_for_it_itself(self) -> None:
        self.assertEqual(self.post("/checks").json()["error"], f"the request has no valid _xsrf cookie; {HELP}")
        self.assertEqual(self.send("/checks", params={"_xsrf": COOKIE}).text, "checked")


class CrossSiteTests(XsrfTestCase):
    evil: ClassVar[dict[str, list[str]]] = {"Origin": ["https://evil.example.com"], "Sec-Fetch-Site": ["cross-site"]}
    friend: ClassVar[dict[str, list[str]]] = {
        "Origin": ["https://friend.example.org"],
        "Sec-Fetch-Site": ["cross-site"],
        "Sec-Fetch-Mode": ["cors"],
    }
    missing = f"the XSRF token is missing; {HELP}"

    def test_a_form_of_another_site_is_refused(self) -> None:
        for encoding in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "text/plain"):
            headers = {**self.evil, "Sec-Fetch-Mode": ["navigate"], "Content-Type": [encoding]}
            response = self.send("/change", headers=headers, data=b"--b--\r\n")
            self.assertEqual(response.status, 403, encoding)

    def test_json_as_text_is_refused(self) -> None:
        headers = {**self.evil, "Sec-Fetch-Mode": ["no-cors"], "Content-Type": ["text/plain"]}
        self.check(self.send("/change", headers=headers, data=f'{{"_xsrf": "{COOKIE}"}}'.encode()), self.missing)

    def test_fetch_of_another_site_is_refused_though_it_says_cors(self) -> None:
        headers = {**self.evil, "Sec-Fetch-Mode": ["cors"]}
        for url in ("/change", "/shared", "/reads"):
            self.check(self.send(url, headers=headers), self.missing)
        self.check(self.send("/change", headers=self.friend), self.missing)

    def test_a_method_override_changes_nothing(self) -> None:
        for method in ("GET", "HEAD", "OPTIONS", "DELETE"):
            self.check(self.send(f"/change?x-http-method-override={method}"), self.missing)
            self.check(self.send("/change", headers={"X-HTTP-Method-Override": [method]}), self.missing)
        self.check(self.send("/change?x-http-method-override=DELETE", headers={"X-Xsrftoken": [COOKIE]}))

    def test_fetch_of_the_same_site_is_let_in(self) -> None:
        for site in ("same-origin", "same-site", "Same-Origin"):
            self.check(self.send("/change", headers={"Sec-Fetch-Mode": ["cors"], "Sec-Fetch-Site": [site]}))
        for site in ("none", "cross-site", "x", "same-origin, cross-site"):
            headers = {"Sec-Fetch-Mode": ["cors"], "Sec-Fetch-Site": [site]}
            self.check(self.send("/change", headers=headers), self.missing)
        for mode in ("navigate", "no-cors", "same-origin", "websocket", ""):
            headers = {"Sec-Fetch-Mode": [mode], "Sec-Fetch-Site": ["same-origin"]}
            self.check(self.send("/change", headers=headers), self.missing)

    def test_fetch_outside_browsers_is_let_in_without_cookies_only(self) -> None:
        self.check(self.send("/change", cookie=None, headers={"Sec-Fetch-Mode": ["cors"]}))
        self.check(self.send("/change", headers={"Sec-Fetch-Mode": ["cors"]}), self.missing)

    def test_xmlhttprequest_is_let_in(self) -> None:
        for cookie in (None, COOKIE):
            self.check(self.send("/change", cookie=cookie, headers={"X-Requested-With": ["xmlhttprequest"]}))
        self.check(self.send("/change", headers={"X-Requested-With": ["fetch"]}), self.missing)

    def test_other_sites_are_not_told_that_they_may_send_that_header(self) -> None:
        asks = {
            **self.evil,
            "Access-Control-Request-Method": ["POST"],
            "Access-Control-Request-Headers": ["x-requested-with"],
        }
        for url in ("/change", "/shared"):
            response = self.request("OPTIONS", url, headers=asks)
            self.assertNotIn("access-control-allow-origin", response.headers, url)
            self.assertNotIn("access-control-allow-headers", response.headers, url)

    def test_an_origin_that_cors_admits_is_let_in(self) -> None:
        self.check(self.send("/shared", headers=self.friend))
        self.check(self.send("/all", headers=self.friend))

    def test_only_with_the_methods_that_cors_admits(self) -> None:
        self.check(self.send("/reads", headers=self.friend), self.missing)
        self.check(self.send("/reads?x-http-method-override=GET", headers=self.friend), self.missing)

    def test_null_is_not_everybody(self) -> None:
        headers = {**self.friend, "Origin": ["null"]}
        self.check(self.send("/all", headers=headers), self.missing)
        self.check(self.send("/shared", headers=headers), self.missing)

    def test_an_admitted_origins_form_still_needs_the_token(self) -> None:
        self.check(self.send("/shared", headers={**self.friend, "Sec-Fetch-Mode": ["navigate"]}), self.missing)

    def test_a_request_that_a_key_has_signed_needs_none(self) -> None:
        endpoint = next(route.endpoint for route in self.app.gramex.router.routes if route.endpoint.name == "change")

        async def signs(context: Any) -> None:
            context.signed = True

        endpoint.guards = (signs, *endpoint.guards)
        self.check(self.send("/change", cookie=None))


class CookieTests(XsrfTestCase):
    def visit(self, url: str) -> Response:
        """A GET of somebody new: a header of its own keeps the test's cookies out."""
        return self.get(url, headers={"Cookie": ["a=b"]})

    def cookie_of(self, response: Response) -> tuple[str, list[str]]:
        """The token's cookie, and its attributes."""
        [text] = response.all("set-cookie")
        value, *attributes = text.removeprefix("_xsrf=").split("; ")
        return value, sorted(attributes)

    def test_a_page_and_its_cookie_belong_together(self) -> None:
        for url in ("/token", "/form", "/page", "/file", "/klein/form"):
            response = self.visit(url)
            cookie, attributes = self.cookie_of(response)
            self.assertEqual(attributes, ["Path=/", "SameSite=Lax"], url)
            token = response.text.partition('value="')[2].partition('"')[0] or response.text
            self.check(self.send("/change", cookie=cookie, data={"_xsrf": token}))

    def test_the_form_field_is_html(self) -> None:
        html = self.send("/form", "GET").text
        self.assertRegex(html, r'^<input type="hidden" name="_xsrf" value="2\|\w{8}\|\w{32}\|\d+"/>$')

    def test_templates_have_it_as_a_module_and_a_function(self) -> None:
        self.assertEqual(self.get("/page").text.count("<input"), 2)
        self.assertEqual(self.get("/file").text.count("<input"), 2)
        self.assertEqual(self.get("/error").text.count("<input"), 2)
        self.forget_errors()

    def test_a_cookie_that_is_there_is_kept(self) -> None:
        response = self.send("/token", "GET")
        self.assertEqual(response.all("set-cookie"), [])
        self.assertEqual(decode_token(response.body), TOKEN)
        self.assertNotEqual(response.text, COOKIE)

    def test_one_that_is_no_token_is_replaced(self) -> None:
        response = self.send("/token", "GET", "x")
        self.assertEqual(decode_token(self.cookie_of(response)[0].encode()), decode_token(response.body))

    def test_set_xsrf_sets_it_on_get_alone(self) -> None:
        for url in ("/set", "/free-set", "/files/a.txt", "/klein/form"):
            self.assertIsNotNone(decode_token(self.cookie_of(self.visit(url))[0].encode()), url)
        self.assertEqual(self.post("/set").all("set-cookie"), [])
        self.assertEqual(self.get("/plain").all("set-cookie"), [])

    def test_over_https_it_is_secure(self) -> None:
        response = self.get("/set", headers={"X-Forwarded-Proto": ["https"]})
        self.assertEqual(self.cookie_of(response)[1], ["Path=/", "SameSite=Lax", "Secure"])

    def test_it_lasts_as_long_as_a_session_might(self) -> None:
        response = self.get("/set", headers={"Cookie": ["sid=x"]})
        self.assertIn("expires=", " ".join(self.cookie_of(response)[1]))

    def test_it_is_on_error_pages_too(self) -> None:
        self.assertIsNotNone(decode_token(self.cookie_of(self.get("/error"))[0].encode()))
        self.forget_errors()

    def test_it_cannot_be_made_after_the_response_has_begun(self) -> None:
        request = self.app.start("GET", "/late")
        self.app.pump()
        self.assertIn("read handler.xsrf_token before flush()", self.log_of("/late")[6])
        self.failureResultOf(request)

    def test_a_native_form_is_checked_and_left_whole(self) -> None:
        self.assertEqual(self.send("/klein/save", data={"x": "1"}).status, 403)
        self.assertEqual(self.send("/klein/save", data={"x": "1", "_xsrf": COOKIE}).text, "saved 1")

    def test_a_cache_gives_nobody_the_token_of_another(self) -> None:
        first, second = (self.visit("/cached") for _ in range(2))
        tokens = [
            decode_token(page.text.partition('value="')[2].partition('"')[0].encode()) for page in (first, second)
        ]
        self.assertNotEqual(*tokens)
        cookies = [decode_token(self.cookie_of(page)[0].encode()) for page in (first, second)]
        self.assertEqual(tokens, cookies)

    def test_a_page_that_only_sets_the_cookie_is_cached_without_it(self) -> None:
        first, second = (self.visit("/cached-set") for _ in range(2))
        self.assertEqual((first.text, second.text), ("1", "1"))
        self.assertNotEqual(self.cookie_of(first), self.cookie_of(second))

    def test_two_visitors_have_two_tokens(self) -> None:
        first, second = (decode_token(self.visit("/token").body) for _ in range(2))
        self.assertNotEqual(first, second)
