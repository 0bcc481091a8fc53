"""cors: which other sites may call a route."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.guards.cors import ORIGIN, origins_pattern
from gramex_twisted.testing import AppTestCase, Response
from tests.wire import Wire

A = "https://a.example.org"
COOKIE = {"Cookie": ["x=1"]}


def matches(pattern: str, origin: str) -> bool:
    return origins_pattern([pattern]).fullmatch(origin) is not None and ORIGIN.fullmatch(origin) is not None


class PatternTests(SynchronousTestCase):
    def test_an_origin_is_compared_whole(self) -> None:
        self.assertTrue(matches("https://example.org", "https://example.org"))
        self.assertTrue(matches("HTTPS://Example.org/", "https://example.org"))
        for other in (
            "http://example.org",
            "https://example.org:8443",
            "https://example.org.evil.com",
            "https://evil-example.org",
            "https://a.example.org",
            "https://exampleXorg",
            "https://example.org.",
            "https://example.org\n",
            "https://user@example.org",
            "https://example.org/path",
            "null",
            "",
        ):
            self.assertFalse(matches("https://example.org", other), other)

    def test_a_wildcard_stays_in_its_part(self) -> None:
        cases = [
            ("https://*.example.org", "https://a.example.org", True),
            ("https://*.example.org", "https://a.b.example.org", True),
            ("https://*.example.org", "https://example.org", False),
            ("https://*.example.org", "https://.example.org", False),
            ("https://*.example.org", "https://evil-example.org", False),
            ("https://*.example.org", "https://a.example.org.evil.com", False),
            ("https://*.example.org", "https://evil.com/.example.org", False),
            ("https://*.example.org", "https://evil.com#.example.org", False),
            ("https://*.example.org", "https://evil.com?.example.org", False),
            ("https://*.example.org", "https://evil.com\\.example.org", False),
            ("https://*.example.org", "https://evil.com:80.example.org", False),
            ("https://*.example.org", "https://evil@a.example.org", False),
            ("https://*.example.org", "https://a.example.org:444", False),
            ("https://app-?.example.org", "https://app-1.example.org", True),
            ("https://app-?.example.org", "https://app-12.example.org", False),
            ("http://localhost:*", "http://localhost:3000", True),
            ("http://localhost:*", "http://localhost.evil.com:3000", False),
            ("http://localhost:*", "http://localhost", False),
            ("*://example.org", "http://example.org", True),
            ("*://example.org", "https://evil.com://example.org", False),
            ("https://*", "https://a.b:8443", True),
            ("https://*", "http://a.b", False),
            ("example.org", "https://example.org", True),
            ("example.org", "http://example.org", True),
            ("example.org", "ftp://example.org", False),
            ("https://example.org:443", "https://example.org", True),
            ("http://[::1]:8000", "http://[::1]:8000", True),
            ("chrome-extension://*", "chrome-extension://abcdef", True),
        ]
        for pattern, origin, expected in cases:
            self.assertEqual(matches(pattern, origin), expected, (pattern, origin))

    def test_what_is_no_origin_is_refused(self) -> None:
        for pattern in ("https://example.org/path", "https://", "https://a b", "https://exämple.org", "a@b", "//a"):
            error = self.assertRaises(ValueError, origins_pattern, [pattern])
            self.assertIn("is not an origin; write scheme, host and port", str(error))

    @settings(deadline=None, max_examples=300)
    @given(
        st.text(alphabet="ab.-:/@#?\\*[]0%, \n", max_size=30), st.sampled_from(["", ".", "-", "a.", "/.", "@", ":1."])
    )
    def test_no_origin_of_another_host_matches_a_wildcard(self, start: str, join: str) -> None:
        for origin in (f"https://{start}{join}example.org", f"https://a.example.org{join}{start}"):
            if matches("https://*.example.org", origin):
                parts = urlsplit(origin)
                self.assertTrue(str(parts.hostname).endswith(".example.org"), origin)
                self.assertEqual((parts.scheme, parts.port, parts.path, parts.username), ("https", None, "", None))


MODULE = """
from klein import Klein
from twisted.web.resource import Resource

from gramex_twisted.errors import HTTPError

app = Klein()


@app.route("/ok")
def ok(request):
    request.setHeader("Vary", "Accept")
    return "klein"


class Native(Resource):
    isLeaf = True

    def render(self, request):
        return b"native"


def fails():
    raise HTTPError(409, "taken")


def breaks():
    raise ValueError("broken")


def stream():
    yield "a"
    yield "b"


calls = []


def count():
    calls.append(1)
    return str(len(calls))


def clears(handler):
    handler.clear()
    return "cleared"


def own(handler):
    handler.set_header("Access-Control-Allow-Origin", "https://own.example.org")
    return "own"
"""

CONFIG = """
    url:
      open: {pattern: /open, handler: FunctionHandler, kwargs: {function: handler.request.method, cors: true}}
      none: {pattern: /none, handler: FunctionHandler, kwargs: {function: '"none"'}}
      off: {pattern: /off, handler: FunctionHandler, kwargs: {function: '"off"', cors: false}}
      closed: {pattern: /closed, handler: FunctionHandler, kwargs: {function: '"no"', cors: {origins: ''}}}
      signed-in: {pattern: /signed-in, handler: FunctionHandler, kwargs: {function: '"in"', auth: true, cors: true}}
      some: &some
        pattern: /some
        handler: FunctionHandler
        kwargs: &kwargs {function: '"some"', cors: {origins: ['https://*.example.org', 'http://localhost:*']}}
      null: {pattern: /null, handler: FunctionHandler, kwargs: {function: '1', cors: {origins: [null], auth: true}}}
      limited:
        pattern: /limited
        handler: FunctionHandler
        kwargs:
          function: '"limited"'
          methods: GET, POST, PUT
          cors: {origins: 'https://a.example.org, https://b.example.org', methods: "GET, put", headers: "X-One, X-T-*",
                 auth: true, max_age: 5}
      fails: {pattern: /fails, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.fails}}
      breaks: {pattern: /breaks, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.breaks}}
      stream: {pattern: /stream, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.stream}}
      clears: {pattern: /clears, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.clears}}
      own: {pattern: /own, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.own}}
      small: {pattern: /small, handler: FunctionHandler, kwargs: {<<: *kwargs, max_body_size: 3}}
      header:
        pattern: /header
        handler: FunctionHandler
        kwargs: {<<: *kwargs, headers: {Access-Control-Allow-Origin: '*', Vary: Accept}}
      cached: {pattern: /cached, handler: FunctionHandler, kwargs: {<<: *kwargs, function: fns.count, cache: true}}
      klein: {pattern: '/klein/(.*)', handler: fns.app, kwargs: {cors: {origins: 'https://*.example.org'}}}
      native:
        pattern: /native
        handler: fns.Native
        kwargs: {cors: {origins: 'https://*.example.org'}, headers: {Vary: Accept}}
      file: {pattern: /file, handler: FileHandler, kwargs: {path: a.txt, cors: {origins: 'https://*.example.org'}}}
"""


class CorsTestCase(AppTestCase):
    files = {"fns.py": MODULE, "a.txt": "file"}
    config = CONFIG

    def cross(self, url: str, origin: str, method: str = "GET", **headers: str) -> Response:
        """A request by a script of ``origin``."""
        sent = {"Origin": [origin], **{name.replace("_", "-"): [value] for name, value in headers.items()}}
        return self.request(method, url, headers=sent, xsrf=False)

    def preflight(self, url: str, origin: str, method: str = "PUT", **headers: str) -> Response:
        return self.cross(url, origin, "OPTIONS", Access_Control_Request_Method=method, **headers)

    def cors_of(self, response: Response) -> dict[str, str]:
        """Its CORS headers, without their common start; each is sent once."""
        found = {}
        for name, value in response.headers.items():
            if name.startswith("access-control-"):
                self.assertEqual(response.all(name), [value])
                found[name.removeprefix("access-control-")] = value
        return found


class SimpleRequestTests(CorsTestCase):
    def test_true_admits_everybody_by_a_star(self) -> None:
        response = self.cross("/open", A)
        self.assertEqual(self.cors_of(response), {"allow-origin": "*"})
        self.assertEqual((response.text, response.all("vary")), ("GET", []))

    def test_with_a_cookie_the_answer_names_the_origin(self) -> None:
        response = self.cross("/open", A, Cookie="x=1")
        self.assertEqual(self.cors_of(response), {"allow-origin": A, "allow-credentials": "true"})
        self.assertEqual(response.all("vary"), ["Origin"])

    def test_on_a_route_with_auth_it_does_too(self) -> None:
        response = self.cross("/signed-in", A, X_Requested_With="XMLHttpRequest")
        self.assertEqual(response.status, 401)
        self.assertEqual(self.cors_of(response), {"allow-origin": A, "allow-credentials": "true"})

    def test_origins_that_match_are_named(self) -> None:
        for origin in (A, "https://x.y.example.org", "http://localhost:3000", "https://A.Example.ORG"):
            response = self.cross("/some", origin)
            self.assertEqual(self.cors_of(response), {"allow-origin": origin})
            self.assertEqual(response.all("vary"), ["Origin"])

    def test_other_origins_get_no_cors_headers_but_the_answer_varies(self) -> None:
        for origin in ("https://evil-example.org", "https://a.example.org.evil.com", "null", "", "*", "https://"):
            response = self.cross("/some", origin, Cookie="x=1")
            self.assertEqual((self.cors_of(response), response.all("vary")), ({}, ["Origin"]), origin)
        self.assertEqual(self.get("/some").all("vary"), ["Origin"])

    def test_two_origins_are_none(self) -> None:
        response = self.get("/some", headers={"Origin": [A, A]})
        self.assertEqual(self.cors_of(response), {})

    def test_a_very_long_origin_is_refused_at_once(self) -> None:
        self.assertEqual(self.cors_of(self.cross("/some", "https://" + "a." * 5000 + "example.org")), {})

    def test_null_is_an_origin_only_where_it_is_listed(self) -> None:
        self.assertEqual(self.cors_of(self.cross("/null", "null"))["allow-origin"], "null")
        self.assertEqual(self.cors_of(self.cross("/null", A)), {})
        self.assertEqual(self.cors_of(self.cross("/open", "null", Cookie="x=1")), {})
        self.assertEqual(self.cors_of(self.cross("/signed-in", "null")), {})

    def test_without_cors_there_are_no_headers(self) -> None:
        for url in ("/none", "/off", "/closed"):
            self.assertEqual(self.cors_of(self.cross(url, A)), {}, url)

    def test_methods_limits_what_other_sites_may_read(self) -> None:
        self.assertEqual(self.cors_of(self.cross("/limited", A))["allow-origin"], A)
        self.assertEqual(self.cors_of(self.cross("/limited", A, "POST", X_Requested_With="XMLHttpRequest")), {})


class EveryAnswerTests(CorsTestCase):
    def test_errors_have_the_headers_too(self) -> None:
        for url, method, status in (
            ("/fails", "GET", 409),
            ("/breaks", "GET", 500),
            ("/some", "POST", 403),
            ("/limited", "PATCH", 405),
        ):
            response = self.cross(url, A, method)
            self.assertEqual(response.status, status, url)
            if url != "/limited":  # which admits GET and PUT
                self.assertEqual(self.cors_of(response), {"allow-origin": A}, url)
            self.assertEqual(response.all("vary"), ["Origin"], url)
        self.forget_errors()

    def test_a_refused_body_has_them(self) -> None:
        wire = Wire(self.app)
        wire.send(f"POST /small HTTP/1.1\r\nHost: x\r\nOrigin: {A}\r\nContent-Length: 9\r\n\r\n")
        self.assertIn("413", wire.status)
        self.assertIn(f"Access-Control-Allow-Origin: {A}\r\n".encode(), wire.received)
        wire.wait(3)

    def test_streams_native_klein_and_files_have_them(self) -> None:
        for url, text in (("/stream", "ab"), ("/native", "native"), ("/klein/ok", "klein"), ("/file", "file")):
            response = self.cross(url, A, Cookie="x=1")
            self.assertEqual(response.text, text)
            self.assertEqual(self.cors_of(response), {"allow-origin": A, "allow-credentials": "true"}, url)
        self.assertEqual(self.cross("/native", A).all("vary"), ["Origin", "Accept"])
        self.assertEqual(self.cross("/klein/none", A).status, 404)

    def test_a_file_that_is_known_has_them_for_the_origin_that_asks_now(self) -> None:
        for origin in (A, "https://b.example.org", "https://evil.com", A):
            response = self.cross("/file", origin)
            expected = {} if "evil" in origin else {"allow-origin": origin}
            self.assertEqual((response.text, self.cors_of(response)), ("file", expected))
        etag = response.headers["etag"]
        again = self.cross("/file", A, If_None_Match=etag)
        self.assertEqual((again.status, self.cors_of(again)), (304, {"allow-origin": A}))

    def test_a_cached_answer_has_them_for_the_origin_that_asks_now(self) -> None:
        for origin in (A, "https://b.example.org", "https://evil.com", A):
            response = self.cross("/cached", origin)
            expected = {} if "evil" in origin else {"allow-origin": origin}
            self.assertEqual((response.text, self.cors_of(response), response.all("vary")), ("1", expected, ["Origin"]))

    def test_they_survive_clear(self) -> None:
        self.assertEqual(self.cors_of(self.cross("/clears", A)), {"allow-origin": A})

    def test_a_function_may_decide_otherwise(self) -> None:
        self.assertEqual(self.cors_of(self.cross("/own", A)), {"allow-origin": "https://own.example.org"})

    def test_cors_is_stronger_than_a_header_of_the_route(self) -> None:
        response = self.cross("/header", "https://evil.com")
        self.assertEqual((self.cors_of(response), sorted(response.all("vary"))), ({}, ["Accept", "Origin"]))
        self.assertEqual(self.cors_of(self.cross("/header", A)), {"allow-origin": A})


class PreflightTests(CorsTestCase):
    def test_it_is_answered_with_what_the_route_takes(self) -> None:
        response = self.preflight("/open", A, Access_Control_Request_Headers="x-a, content-type")
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(
            self.cors_of(response),
            {
                "allow-origin": "*",
                "allow-methods": "DELETE, GET, PATCH, POST, PUT, HEAD",
                "allow-headers": "x-a, content-type, X-Requested-With",
                "max-age": "600",
            },
        )

    def test_the_options_of_cors_limit_it(self) -> None:
        response = self.preflight("/limited", A, Access_Control_Request_Headers="x-t-1,x-one,x-evil")
        self.assertEqual(
            self.cors_of(response),
            {
                "allow-origin": A,
                "allow-credentials": "true",
                "allow-methods": "GET, PUT, HEAD",
                "allow-headers": "x-t-1, x-one",
                "max-age": "5",
            },
        )

    def test_it_comes_before_auth_and_xsrf(self) -> None:
        response = self.preflight("/signed-in", A)
        self.assertEqual(response.status, 204)
        self.assertEqual(self.cors_of(response)["allow-origin"], A)
        self.assertEqual(self.cors_of(response)["allow-credentials"], "true")

    def test_origins_that_only_look_alike_are_told_nothing(self) -> None:
        for origin in (
            "null",
            "https://evil-example.org",
            "https://a.example.org.evil.com",
            "http://a.example.org",
            "",
        ):
            response = self.preflight("/some", origin, Access_Control_Request_Headers="x-a")
            self.assertEqual((response.status, self.cors_of(response), response.all("vary")), (204, {}, ["Origin"]))

    def test_names_that_are_no_headers_are_not_repeated(self) -> None:
        response = self.preflight("/open", A, Access_Control_Request_Headers="x-a,,a b, <script>,X-A,x-requested-with")
        self.assertEqual(self.cors_of(response)["allow-headers"], "x-a, x-requested-with")

    def test_native_and_file_routes_answer_it_alike(self) -> None:
        for url in ("/native", "/klein/none", "/file"):
            response = self.preflight(url, A)
            self.assertEqual((response.status, self.cors_of(response)["allow-origin"]), (204, A), url)

    def test_other_options_requests_name_the_methods_and_run_nothing(self) -> None:
        response = self.cross("/open", A, "OPTIONS")
        self.assertEqual((response.status, response.body), (204, b""))
        self.assertEqual(response.headers["allow"], "DELETE, GET, PATCH, POST, PUT, HEAD, OPTIONS")
        self.assertEqual(self.request("OPTIONS", "/none").text, "none")


class SetupTests(AppTestCase):
    def test_mistakes_name_their_key(self) -> None:
        for cors, message in (
            (
                "{origins: 'https://example.org/x'}",
                "url.x.kwargs.cors.origins: 'https://example.org/x' is not an origin",
            ),
            ("{methods: GTE}", "url.x.kwargs.cors.methods: 'GTE' is not an HTTP method"),
            ("{origin: a}", "unknown key 'origin'; did you mean 'origins'?"),
            ("{max_age: x}", "url.x.kwargs.cors.max_age: "),
            ("5", "url.x.kwargs.cors: "),
        ):
            app = self.make_app(
                f"url: {{x: {{pattern: /x, handler: FunctionHandler, kwargs: {{function: '1', cors: {cors}}}}}}}"
            )
            [error] = app.gramex.errors
            self.assertIn(message, str(error))
