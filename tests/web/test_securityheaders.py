"""Headers that tell browsers to be careful."""

from __future__ import annotations

from typing import Any

from gramex_twisted.config.settings import Security
from gramex_twisted.testing import AppTestCase, Response
from gramex_twisted.web.securityheaders import security_headers
from tests.wire import Wire

STATIC = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "frame-ancestors 'self'",
    "referrer-policy": "strict-origin-when-cross-origin",
}
HSTS = {"strict-transport-security": "max-age=31536000"}
HTTPS = {"X-Forwarded-Proto": ["https"]}

MODULE = """
from klein import Klein
from twisted.web.resource import Resource

app = Klein()


@app.route("/ok")
def ok(request):
    return "klein"


class Native(Resource):
    isLeaf = True

    def render_GET(self, request):
        return b"native"


def stream():
    yield "a"


def own(handler):
    handler.set_header("Content-Security-Policy", "default-src 'none'")
    handler.clear_header("Referrer-Policy")
    return "own"


def clears(handler):
    handler.clear()
    return "x"


def large():
    return "y" * 1_000_000
"""

CONFIG = """
    app: {APP}
    handlers:
      BaseHandler: {headers: {Permissions-Policy: camera=()}}
    url:
      text: {pattern: /text, handler: FunctionHandler, kwargs: {function: '"text"'}}
      large: {pattern: /large, handler: FunctionHandler, kwargs: {function: fns.large}}
      stream: {pattern: /stream, handler: FunctionHandler, kwargs: {function: fns.stream}}
      clears: {pattern: /clears, handler: FunctionHandler, kwargs: {function: fns.clears}}
      error: {pattern: /error, handler: FunctionHandler, kwargs: {function: 1 / 0}}
      broken: {pattern: /broken, handler: FunctionHandler, kwargs: {function: 'str('}}
      signed-in: {pattern: /signed-in, handler: FunctionHandler, kwargs: {function: '1', auth: true}}
      klein: {pattern: '/klein/(.*)', handler: fns.app}
      native: {pattern: /native, handler: fns.Native}
      file: {pattern: /file, handler: FileHandler, kwargs: {path: a.txt}}
      small: {pattern: /small, handler: FunctionHandler, kwargs: {function: '1', max_body_size: 3}}
      own: {pattern: /own, handler: FunctionHandler, kwargs: {function: fns.own}}
      route:
        pattern: /route
        handler: FunctionHandler
        kwargs:
          function: '"route"'
          headers:
            Content-Security-Policy: "default-src 'self'"
            referrer-policy: null
            Strict-Transport-Security: max-age=5
            Permissions-Policy: null
      without:
        pattern: /without
        handler: FunctionHandler
        kwargs:
          function: '"without"'
          headers: {X-Content-Type-Options: null, Content-Security-Policy: null, Strict-Transport-Security: null}
"""

PAGES = (
    ("/text", 200),
    ("/large", 200),
    ("/stream", 200),
    ("/clears", 200),
    ("/file", 200),
    ("/klein/ok", 200),
    ("/native", 200),
    ("/signed-in", 302),
    ("/nowhere", 404),
    ("/klein/none", 404),
    ("/error", 500),
    ("/broken", 500),
)


class HeaderTestCase(AppTestCase):
    files = {"fns.py": MODULE, "a.txt": "file"}
    config = CONFIG.replace("APP", "")

    def found(self, response: Response) -> dict[str, str]:
        """The security headers of a response; each is sent once."""
        found = {name: response.all(name) for name in (*STATIC, *HSTS)}
        self.assertTrue(all(len(values) < 2 for values in found.values()), found)
        return {name: values[0] for name, values in found.items() if values}


class EveryAnswerTests(HeaderTestCase):
    def test_every_answer_has_them(self) -> None:
        for url, status in PAGES:
            response = self.get(url)
            self.assertEqual((response.status, self.found(response)), (status, STATIC), url)
        self.forget_errors()

    def test_over_https_there_is_hsts_too(self) -> None:
        for url, status in PAGES:
            response = self.get(url, headers=HTTPS)
            self.assertEqual((response.status, self.found(response)), (status, STATIC | HSTS), url)
        self.forget_errors()

    def test_not_modified_head_options_and_refusals_have_them(self) -> None:
        for url in ("/text", "/file"):
            etag = self.get(url).headers["etag"]
            again = self.get(url, headers={"If-None-Match": [etag], **HTTPS})
            self.assertEqual((again.status, self.found(again)), (304, STATIC | HSTS), url)
            self.assertEqual(self.found(self.request("HEAD", url)), STATIC)
        self.assertEqual(self.found(self.request("OPTIONS", "/text")), STATIC)
        self.assertEqual(self.found(self.request("BREW", "/text", headers=HTTPS)), STATIC | HSTS)
        refused = self.post("/text", xsrf=False)
        self.assertEqual((refused.status, self.found(refused)), (403, STATIC))
        large = self.post("/small", data=b"long")
        self.assertEqual((large.status, self.found(large)), (413, STATIC))

    def test_a_file_that_was_served_over_https_is_served_over_http_without_hsts(self) -> None:
        for headers, expected in ((HTTPS, STATIC | HSTS), ({}, STATIC), (HTTPS, STATIC | HSTS)):
            self.assertEqual(self.found(self.get("/file", headers=headers)), expected)

    def test_tls_is_https_without_a_proxy(self) -> None:
        self.assertEqual(self.found(self.get("https://127.0.0.1/text")), STATIC | HSTS)

    def test_a_trusted_proxy_says_what_the_client_speaks(self) -> None:
        for headers, https in (
            ({"X-Scheme": ["https"]}, True),
            ({"X-Forwarded-Proto": ["HTTPS"]}, True),
            ({"X-Forwarded-Proto": ["http"]}, False),
            ({"X-Forwarded-Proto": ["https, http"]}, False),
            ({"X-Forwarded-Proto": ["evil"]}, False),
        ):
            self.assertEqual(self.found(self.get("/text", headers=headers)), STATIC | (HSTS if https else {}), headers)

    def test_others_are_not_believed(self) -> None:
        wire = Wire(self.app, "203.0.113.5")
        wire.send("GET /text HTTP/1.1\r\nHost: x\r\nX-Forwarded-Proto: https\r\nX-Scheme: https\r\n\r\n")
        self.assertEqual(wire.status, "HTTP/1.1 200 OK")
        self.assertIn(b"\r\nX-Content-Type-Options: nosniff\r\n", wire.received)
        self.assertNotIn(b"Strict-Transport-Security", wire.received)
        wire.leave()


class OverrideTests(HeaderTestCase):
    def test_a_route_replaces_them_and_leaves_them_out_with_null(self) -> None:
        response = self.get("/route", headers=HTTPS)
        self.assertEqual(
            self.found(response),
            {
                "x-content-type-options": "nosniff",
                "content-security-policy": "default-src 'self'",
                "strict-transport-security": "max-age=5",
            },
        )
        self.assertNotIn("permissions-policy", response.headers)
        self.assertNotIn("strict-transport-security", self.get("/route").headers)
        self.assertEqual(
            self.found(self.get("/without", headers=HTTPS)), {"referrer-policy": STATIC["referrer-policy"]}
        )

    def test_a_function_does_too(self) -> None:
        self.assertEqual(
            self.found(self.get("/own")),
            {"x-content-type-options": "nosniff", "content-security-policy": "default-src 'none'"},
        )

    def test_an_app_does_for_all_routes(self) -> None:
        self.app = self.make_app(
            CONFIG.replace(
                "{APP}",
                "{security: {content_security_policy: 'frame-ancestors https://x.org', content_type_options: false, "
                "referrer_policy: no-referrer, strict_transport_security: 'max-age=9; includeSubDomains'}}",
            )
        )
        for url in ("/text", "/file", "/klein/ok", "/nowhere"):
            self.assertEqual(
                self.found(self.get(url, headers=HTTPS)),
                {
                    "content-security-policy": "frame-ancestors https://x.org",
                    "referrer-policy": "no-referrer",
                    "strict-transport-security": "max-age=9; includeSubDomains",
                },
                url,
            )

    def test_base_handler_does_and_a_route_may_undo_it(self) -> None:
        base = "Permissions-Policy: camera=(), Referrer-Policy: null, X-Content-Type-Options: x"
        config = CONFIG.replace("APP", "").replace("Permissions-Policy: camera=()", base)
        self.app = self.make_app(config)
        csp = {"content-security-policy": "frame-ancestors 'self'"}
        for url in ("/text", "/nowhere"):
            self.assertEqual(self.found(self.get(url)), {"x-content-type-options": "x", **csp}, url)
        self.assertEqual(self.found(self.get("/without")), {})

    def test_mistakes_name_their_key(self) -> None:
        for security, message in (
            ('{referrer_policy: "a\\r\\nX-Evil: 1"}', "app.security.referrer_policy: "),
            ("{referrer_policy: true}", "app.security.referrer_policy: "),
            ("{referer_policy: x}", "unknown key 'referer_policy'; did you mean 'referrer_policy'?"),
        ):
            group: Any = self.assertRaises(ExceptionGroup, self.make_app, f"app: {{security: {security}}}")
            self.assertIn(message, str(group.exceptions[0]))

    def test_false_and_empty_are_none(self) -> None:
        none: Any = dict.fromkeys(Security.model_fields, False)
        self.assertEqual(security_headers(Security(**none)), {})
        self.assertEqual(len(security_headers(Security(referrer_policy=""))), 3)
