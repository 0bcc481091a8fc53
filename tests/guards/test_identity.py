"""X-Gramex-User, one-time passwords and API keys: who a request says it comes from."""

from __future__ import annotations

import time
from typing import Any
from unittest import mock

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from klein import Klein
from tornado.web import create_signed_value
from treq.client import HTTPClient

from gramex_twisted.services.stores.base import StoreError
from gramex_twisted.testing import AppTestCase, Response
from gramex_twisted.web.context import IContext

app = Klein()
SECRET = "the secret of this app"


@app.route("/who")
def who(request: Any) -> bytes:
    return orjson.dumps(IContext(request).current_user)


MODULE = """
def who(handler):
    return [handler.current_user, handler.session.get("user")]

async def who_async(handler):
    return [handler.current_user, handler.session.get("user")]

def keep(handler):
    handler.session["cart"] = 3
    return handler.session["id"]

def session(handler):
    return dict(handler.session)

def broken(handler):
    raise ValueError("bug")

def otp(handler):
    return handler.otp(user={"id": "ann"}, expire=float(handler.get_arg("expire", "60")))

def key(handler):
    return handler.apikey(user={"id": "bot"})

def other(handler):
    return handler.otp(user={"id": "mail"}, type="EMailAuth")
"""
ANN, BOT = {"id": "ann", "type": "OTP"}, {"id": "bot", "type": "Key"}


class IdentityTests(AppTestCase):
    files = {"fns.py": MODULE}
    config = f"""
    app: {{session: {{type: memory}}, settings: {{cookie_secret: {SECRET}}}}}
    url:
      who: {{pattern: /who, handler: FunctionHandler, kwargs: {{function: fns.who}}}}
      async: {{pattern: /async, handler: FunctionHandler, kwargs: {{function: fns.who_async}}}}
      in:
        pattern: /in
        handler: FunctionHandler
        kwargs: {{function: fns.who, auth: {{membership: {{id: [ann, bot]}}}}}}
      keep: {{pattern: /keep, handler: FunctionHandler, kwargs: {{function: fns.keep}}}}
      session: {{pattern: /session, handler: FunctionHandler, kwargs: {{function: fns.session}}}}
      broken: {{pattern: /broken, handler: FunctionHandler, kwargs: {{function: fns.broken}}}}
      otp: {{pattern: /otp, handler: FunctionHandler, kwargs: {{function: fns.otp, xsrf_cookies: false}}}}
      key: {{pattern: /key, handler: FunctionHandler, kwargs: {{function: fns.key}}}}
      other: {{pattern: /other, handler: FunctionHandler, kwargs: {{function: fns.other}}}}
      klein: {{pattern: '/klein/(.*)', handler: tests.guards.test_identity.app, kwargs: {{auth: true}}}}
    """

    def setUp(self) -> None:
        super().setUp()
        self.forget_cookies()

    def forget_cookies(self) -> None:
        """Be another client from now on."""
        self.app.client = HTTPClient(self.app.agent)

    def signed(self, user: str, name: str = "user", secret: str = SECRET, days_ago: float = 0) -> dict[str, list[str]]:
        value = create_signed_value(secret, name, user, clock=lambda: time.time() - days_ago * 86400)
        return {"X-Gramex-User": [value.decode()]}

    def check_refused(self, response: Response, name: str) -> None:
        self.assertEqual(response.status, 400)
        self.assertEqual(response.json()["error"], f"X-Gramex-{name}: not valid, or not any more")
        self.assertNotIn("set-cookie", response.headers)

    # X-Gramex-User ----------------------------------------------------------------------------------------------------

    def test_a_signed_user_signs_the_session_in(self) -> None:
        user = {"id": "ann", "roles": ["x"]}
        first = self.get("/who", headers=self.signed('{"id": "ann", "roles": ["x"]}'))
        self.assertEqual(first.json(), [user, user])
        self.assertIn("sid=", first.headers["set-cookie"])
        self.assertEqual(self.get("/who").json(), [user, user])

    def test_what_is_not_signed_for_this_is_refused(self) -> None:
        for headers in (
            self.signed('{"id": "ann"}', name="sid"),
            self.signed('{"id": "ann"}', secret="another"),
            self.signed('{"id": "ann"}', days_ago=32),
            self.signed("not json"),
            self.signed("null"),
            self.signed("{}"),
            {"X-Gramex-User": ['{"id": "ann"}']},
            {"X-Gramex-User": ["2|1:0|10:9999999999|4:user|8:e30=|0"]},
            {"X-Gramex-User": ["é".encode()]},
        ):
            self.check_refused(self.get("/who", headers=headers), "User")
        self.assertEqual(self.get("/who", headers=self.signed('{"id": "ann"}', days_ago=30)).status, 200)

    def test_an_empty_header_is_none(self) -> None:
        self.assertEqual(self.get("/who", headers={"X-Gramex-User": [""], "X-Gramex-OTP": [""]}).json(), [None, None])
        self.assertEqual(self.get("/who?gramex-otp=&gramex-key=&x=gramex-").json(), [None, None])

    def test_the_user_of_a_session_can_change_and_then_its_id_does(self) -> None:
        before = self.get("/keep").text
        self.get("/who", headers=self.signed('"ann"'))
        after = self.get("/session").json()
        self.assertNotEqual(after.pop("id"), before)
        self.assertEqual((after["user"], after["cart"]), ("ann", 3))
        self.assertNotIn(before, self.app.gramex.shared.sessions.store.entries)
        again = self.get("/who", headers=self.signed('"ann"'))
        self.assertNotIn("set-cookie", again.headers)

    # OTPs -------------------------------------------------------------------------------------------------------------

    def test_an_otp_signs_in_once_by_header_or_query(self) -> None:
        for ask in (
            lambda otp: self.get("/who", headers={"X-Gramex-OTP": [otp]}),
            lambda otp: self.get("/who", params={"gramex-otp": otp}),
            lambda otp: self.get("/async", params={"x": "1", "gramex-otp": otp}),
        ):
            self.forget_cookies()
            otp = self.get("/otp").text
            self.assertEqual(ask(otp).json(), [ANN, ANN])
            self.assertEqual(self.get("/who").json(), [ANN, ANN])
            self.forget_cookies()
            self.check_refused(ask(otp), "OTP")

    def test_one_that_has_expired_is_refused(self) -> None:
        self.check_refused(self.get("/who", params={"gramex-otp": self.get("/otp?expire=0").text}), "OTP")

    def test_two_requests_at_once_with_one_otp_sign_in_once(self) -> None:
        headers = {"X-Gramex-OTP": [self.get("/otp").text]}
        asked = [self.app.start("GET", "/who", headers=headers) for _ in range(5)]
        self.app.pump()
        self.assertEqual(sorted(self.successResultOf(each).status for each in asked), [200, 400, 400, 400, 400])

    def test_keys_and_tokens_of_other_types_are_no_otps_and_no_keys(self) -> None:
        otp, key, other = (self.get(url).text for url in ("/otp", "/key", "/other"))
        for token in (key, other):
            self.check_refused(self.get("/who", headers={"X-Gramex-OTP": [token]}), "OTP")
        for token in (otp, other):
            self.check_refused(self.get("/who", headers={"X-Gramex-Key": [token]}), "Key")
        self.assertEqual(self.get("/who", headers={"X-Gramex-OTP": [otp]}).status, 200)

    @settings(deadline=None, max_examples=40)
    @given(st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f")).filter(str.strip))
    def test_whatever_else_is_sent_is_refused(self, text: str) -> None:
        self.assertEqual(self.get("/who", params={"gramex-otp": text}).status, 400)
        if text.isascii():
            self.assertEqual(self.get("/who", headers={"X-Gramex-Key": [text]}).status, 400)

    def test_bytes_that_are_no_text_are_refused(self) -> None:
        self.assertEqual(self.get("/who?gramex-otp=%ff").status, 400)
        self.check_refused(self.get("/who?gramex-key=a%00b"), "Key")

    # API keys ---------------------------------------------------------------------------------------------------------

    def test_a_key_counts_for_one_request_and_again(self) -> None:
        key = self.get("/key").text
        for _ in range(3):
            response = self.get("/who", headers={"X-Gramex-Key": [key]})
            self.assertEqual(response.json(), [BOT, None])
            self.assertNotIn("set-cookie", response.headers)
        self.assertEqual(self.get("/who", params={"gramex-key": key}).json(), [BOT, None])
        self.assertEqual(self.get("/who").json(), [None, None])
        self.assertEqual(self.app.gramex.shared.sessions.store.entries, {})

    def test_with_a_session_it_signs_in(self) -> None:
        key = self.get("/key").text
        before = self.get("/keep").text
        self.assertEqual(self.get("/who", headers={"X-Gramex-Key": [key]}).json(), [BOT, BOT])
        self.assertEqual(self.get("/who").json(), [BOT, BOT])
        self.assertNotEqual(self.get("/session").json()["id"], before)

    def test_the_cookie_of_another_app_is_no_session(self) -> None:
        headers = {"X-Gramex-Key": [self.get("/key").text], "Cookie": ["sid=abc"]}
        response = self.get("/who", headers=headers)
        self.assertEqual(response.json(), [BOT, None])
        self.assertNotIn("set-cookie", response.headers)

    def test_a_signed_user_comes_before_an_otp_and_a_key_after_it(self) -> None:
        otp, key = self.get("/otp").text, self.get("/key").text
        both = {**self.signed('"eve"'), "X-Gramex-OTP": [otp], "X-Gramex-Key": [key]}
        self.assertEqual(self.get("/who", headers=both).json(), ["eve", "eve"])
        self.forget_cookies()
        del both["X-Gramex-User"]
        self.assertEqual(self.get("/who", headers=both).json()[0], BOT)

    # With the other guards --------------------------------------------------------------------------------------------

    def test_who_is_named_so_passes_auth_also_for_native_resources(self) -> None:
        key = {"X-Gramex-Key": [self.get("/key").text]}
        self.assertEqual((self.get("/in").status, self.get("/in", headers=key).status), (302, 200))
        self.assertEqual(self.get("/klein/who", headers=key).json(), BOT)
        response = self.get("/klein/who", params={"gramex-otp": self.get("/otp").text})
        self.assertEqual(response.json(), ANN)
        self.assertIn("sid=", response.headers["set-cookie"])
        self.assertEqual(self.get("/klein/who").json(), ANN)

    def test_such_requests_need_no_xsrf_token(self) -> None:
        self.assertEqual(self.post("/who", xsrf=False).status, 403)
        key = {"X-Gramex-Key": [self.get("/key").text]}
        self.assertEqual(self.post("/who", xsrf=False, headers=key).status, 200)
        self.assertEqual(self.post(f"/who?gramex-otp={self.get('/otp').text}", xsrf=False).status, 200)
        self.forget_cookies()
        self.assertEqual(self.post("/who", xsrf=False, headers=self.signed('"ann"')).status, 200)

    def test_a_database_that_is_gone_is_503(self) -> None:
        def gone(*args: Any) -> Any:
            raise StoreError("no database")

        self.app.gramex.shared.otps.find = gone
        self.assertEqual(self.get("/who?gramex-key=x").status, 503)
        self.assertEqual(self.get("/who").status, 200)
        self.forget_errors()

    # Secrets ----------------------------------------------------------------------------------------------------------

    def test_no_credential_is_logged(self) -> None:
        key = self.get("/key").text
        records: list[str] = []
        from twisted.logger import globalLogPublisher

        def observe(event: Any) -> None:
            records.append(repr(event))

        globalLogPublisher.addObserver(observe)
        self.addCleanup(globalLogPublisher.removeObserver, observe)
        self.assertEqual(self.get(f"/broken?gramex-key={key}").status, 500)
        self.assertEqual(self.get(f"/who?gramex-key=wrong-{key}").status, 400)
        text = "".join(record for record in records if "log_trace" not in record)
        self.assertIn("gramex-key=***", text)
        self.assertNotIn(key, text)
        self.assertNotIn(key, self.app.rows[-1][6] or "")
        self.forget_errors()

    def test_requests_without_credentials_do_not_parse_their_query(self) -> None:
        with mock.patch("gramex_twisted.web.view.parse_query", side_effect=AssertionError):
            self.assertEqual(self.get("/klein/x?a=1").status, 302)
