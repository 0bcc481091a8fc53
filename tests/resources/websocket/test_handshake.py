"""Before a WebSocket is open it is an HTTP request, and what goes wrong is an HTTP answer."""

from __future__ import annotations

from gramex_twisted.errors import ConfigError
from gramex_twisted.resources.websocket.origins import Origins, split_port
from tests.resources.websocket.support import ECHO, KEY, SocketTestCase, text
from tests.wire import Wire

CONFIG = """
app: {session: {type: memory}, ratelimit: {type: memory}}
url:
  ws: {pattern: /ws, handler: WebSocketHandler, kwargs: {on_message: handler.write_message(message)}}
  in: {pattern: /in, handler: FunctionHandler, kwargs: {function: functions.sign_in}}
  members: {pattern: /members, handler: WebSocketHandler, kwargs: {auth: true, open: functions.hello}}
  staff:
    pattern: /staff
    handler: WebSocketHandler
    kwargs: {auth: {membership: {role: staff}}}
  limited: {pattern: /limited, handler: WebSocketHandler, kwargs: {ratelimit: {keys: [hourly], limit: 1}}}
  listed: {pattern: /listed, handler: WebSocketHandler, kwargs: {origins: [example.org, 'https://other.org:8443']}}
  all: {pattern: /all, handler: WebSocketHandler, kwargs: {origins: '*'}}
  chosen: {pattern: /chosen, handler: WebSocketHandler, kwargs: {select_subprotocol: functions.choose}}
  fixed: {pattern: /fixed, handler: WebSocketHandler, kwargs: {select_subprotocol: '"v9"'}}
  session: {pattern: /session, handler: WebSocketHandler, kwargs: {session: true}}
"""
FUNCTIONS = """
def sign_in(handler):
    handler.session["user"] = {"id": "ann", "role": "guest"}

def hello(handler):
    handler.write_message(f"hello {handler.current_user.id}")

def choose(handler, subprotocols):
    handler.set_header("X-Offered", ",".join(subprotocols))
    return "v2" if "v2" in subprotocols else None
"""


class HandshakeCase(SocketTestCase):
    config = CONFIG
    files = {"functions.py": FUNCTIONS}


class UpgradeTests(HandshakeCase):
    def test_the_answer_is_the_one_of_the_standard(self) -> None:
        head = self.open().head
        self.assertIn(b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", head)
        self.assertIn(b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n", head)
        self.assertIn(b"\r\nServer: gramex-twisted/", head)
        self.assertNotIn(b"Sec-WebSocket-Extensions", head)

    def test_it_is_in_the_access_log_once_as_101(self) -> None:
        wire = self.open()
        wire.send(text("hello"))
        wire.end()
        self.assertEqual([row[0] for row in self.app.rows if row[2] == b"/ws"], [101])
        self.assertEqual((self.app.gramex.in_flight, self.app.site.channels), (0, set()))

    def test_a_plain_request_is_told_to_upgrade(self) -> None:
        for method in ("GET", "HEAD"):
            wire = Wire(self.app)
            wire.send(f"{method} /ws HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertIn(" 426 ", wire.status)
            self.assertIn(b"\r\nUpgrade: websocket\r\n", wire.received)
            wire.leave()
        self.assertIn("this address is a WebSocket", self.get("/ws").text)
        self.assertEqual(self.post("/ws").status, 405)

    def test_what_is_no_handshake_is_refused_with_its_reason(self) -> None:
        for status, reason, headers in [
            (426, "version 13", {"Sec_WebSocket_Version": "8"}),
            (400, "Sec-WebSocket-Key", {"Sec_WebSocket_Key": ""}),
            (400, "Sec-WebSocket-Key", {"Sec_WebSocket_Key": "dG9vIHNob3J0"}),
            (400, "Sec-WebSocket-Key", {"Sec_WebSocket_Key": "?" * 24}),
            (400, "comes 2 times", {"Sec-WebSocket-Key": KEY}),
        ]:
            wire = self.ask(**headers)
            self.assertIn(f" {status} ", wire.status)
            self.assertIn(reason.encode(), wire.received)
        plain = self.get("/ws", headers={"Upgrade": ["websocket"], "Sec-WebSocket-Version": ["13"]})
        self.assertEqual(plain.status, 400)
        self.assertIn("Connection: Upgrade", plain.text)

    def test_frames_that_come_with_the_handshake_are_not_lost(self) -> None:
        head = (
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        )
        wire = self.open()
        wire.send(text("1"))
        self.assertEqual(wire.texts(), ["1"])
        early = Wire(self.app)
        early.send(head.encode() + text("early"))
        self.assertTrue(early.received.endswith(b"\x81\x05early"))
        early.transport.protocol.connectionLost(None)  # type: ignore[attr-defined]

    def test_no_more_are_opened_while_the_server_stops(self) -> None:
        self.app.site.draining = True
        self.assertIn(" 503 ", self.ask().status)


class GuardTests(HandshakeCase):
    def sign_in(self) -> str:
        return self.get("/in").headers["set-cookie"].partition(";")[0]

    def test_without_a_user_it_is_401_and_no_redirect_that_no_browser_follows(self) -> None:
        self.assertIn(" 401 ", self.ask("/members").status)
        self.assertIn(b"sign in first", self.ask("/members").received)

    def test_with_one_it_opens_and_knows_who_it_is(self) -> None:
        self.assertEqual(self.open("/members", Cookie=self.sign_in()).texts(), ["hello ann"])

    def test_who_may_not_is_403(self) -> None:
        self.assertIn(" 403 ", self.ask("/staff", Cookie=self.sign_in()).status)

    def test_rate_limits_count_connections(self) -> None:
        self.assertIn(b"X-Ratelimit-Remaining: 0", self.open("/limited").head)
        self.assertIn(" 429 ", self.ask("/limited").status)

    def test_a_session_begins_where_the_route_says_so(self) -> None:
        self.assertIn(b"\r\nSet-Cookie: sid=", self.open("/session").head)
        self.assertNotIn(b"Set-Cookie", self.open("/ws").head)


class OriginTests(HandshakeCase):
    def admitted(self, path: str, **headers: str) -> bool:
        status = self.ask(path, **headers).status
        self.assertIn(status.split()[1], ("101", "403"))
        return " 101 " in status

    def test_pages_of_the_same_origin_may_connect(self) -> None:
        for origin, may in [
            ("http://localhost", True),
            ("http://localhost:80", True),
            ("HTTP://LOCALHOST", True),
            ("https://localhost", False),
            ("http://localhost:8080", False),
            ("http://example.org", False),
            ("http://localhost.evil.org", False),
            ("http://localhost@evil.org", False),
            ("null", False),
            ("", False),
            ("file://", False),
        ]:
            self.assertEqual(self.admitted("/ws", Origin=origin), may, origin)

    def test_a_program_without_an_origin_may(self) -> None:
        self.assertTrue(self.admitted("/ws"))

    def test_a_domain_is_itself_and_its_subdomains(self) -> None:
        for origin, may in [
            ("http://example.org", True),
            ("https://example.org:8443", True),
            ("https://www.example.org", True),
            ("https://a.b.example.org", True),
            ("https://evil-example.org", False),
            ("https://example.org.evil.org", False),
            ("https://example.com", False),
            ("https://other.org:8443", True),
            ("https://www.other.org:8443", True),
            ("http://other.org:8443", False),
            ("https://other.org", False),
            ("http://localhost", True),
        ]:
            self.assertEqual(self.admitted("/listed", Origin=origin), may, origin)

    def test_a_star_is_everybody(self) -> None:
        for origin in ("https://anywhere.example", "null"):
            self.assertTrue(self.admitted("/all", Origin=origin))

    def test_what_a_trusted_proxy_says_counts(self) -> None:
        said = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "app.example.org"}
        self.assertTrue(self.admitted("/ws", Origin="https://app.example.org", **said))
        self.assertFalse(self.admitted("/ws", Origin="http://localhost", **said))

    def test_the_refusal_names_the_origin(self) -> None:
        self.assertIn(b"pages of http://evil.org may not connect", self.ask(Origin="http://evil.org").received)

    def test_what_is_no_domain_is_an_error_with_its_place(self) -> None:
        for wrong in ("http://", "example.org/path", "*.example.org", "a b"):
            with self.assertRaisesRegex(ValueError, "is no domain"):
                Origins([wrong])
        app = self.make_app("url: {x: {pattern: /x, handler: WebSocketHandler, kwargs: {origins: 'a b'}}}")
        [error] = app.gramex.errors
        self.assertIsInstance(error, ConfigError)
        self.assertIn("url.x.kwargs.origins: 'a b' is no domain", str(error))

    def test_ports_of_hosts(self) -> None:
        for host, wanted in [
            ("a.org", ("a.org", "")),
            ("a.org:81", ("a.org", "81")),
            ("[::1]", ("[::1]", "")),
            ("[::1]:81", ("[::1]", "81")),
        ]:
            self.assertEqual(split_port(host), wanted)


class SubprotocolTests(HandshakeCase):
    def test_the_function_chooses_among_what_is_offered(self) -> None:
        head = self.open("/chosen", Sec_WebSocket_Protocol="v1, v2").head
        self.assertIn(b"\r\nSec-WebSocket-Protocol: v2\r\n", head)
        self.assertIn(b"X-Offered: v1,v2", head)

    def test_it_may_choose_none(self) -> None:
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.open("/chosen", Sec_WebSocket_Protocol="v1").head)
        self.assertNotIn(b"Sec-WebSocket-Protocol", self.open("/chosen").head)

    def test_it_cannot_choose_another(self) -> None:
        self.assertIn(" 500 ", self.ask("/fixed", Sec_WebSocket_Protocol="v1").status)
        self.assertIn(b"Sec-WebSocket-Protocol: v9", self.open("/fixed", Sec_WebSocket_Protocol="v9").head)


class OptionTests(HandshakeCase):
    def test_mistakes_are_told_with_their_place(self) -> None:
        for kwargs, message in [
            ("cache: true", "url.x.kwargs.cache: a WebSocket cannot be cached"),
            ("get_compression_options: {mem_level: 10}", "get_compression_options.mem_level: "),
            ("on_mesage: str(1)", "did you mean"),
            ("on_message: 'str('", "url.x.kwargs.on_message"),
            ("max_message_size: 0", "max_message_size"),
        ]:
            app = self.make_app(f"url: {{x: {{pattern: /x, handler: WebSocketHandler, kwargs: {{{kwargs}}}}}}}")
            self.assertIn(message, "\n".join(map(str, app.gramex.errors)), kwargs)

    def test_the_short_name_of_gramex_works(self) -> None:
        self.app = self.make_app(f"url: {{x: {{pattern: /ws, handler: Websocket, kwargs: {{on_message: '{ECHO}'}}}}}}")
        wire = self.open()
        wire.send(text("x"))
        self.assertEqual(wire.texts(), ["x"])
