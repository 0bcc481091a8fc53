"""reCAPTCHA against a service of the test's own, on a real port."""

from __future__ import annotations

from typing import Any

from klein import Klein
from treq.client import HTTPClient
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.server import Site

from tests.live import LiveCase

reactor: Any = installed

YAML = """
app: {{session: {{type: memory}}, settings: {{xsrf_cookies: false}}}}
url:
  login:
    pattern: /login
    handler: SimpleAuth
    kwargs:
      credentials: {{a: b}}
      delay: 0
      recaptcha: {{key: site-key, secret: our-secret, url: 'http://127.0.0.1:{port}/verify'}}
  down:
    pattern: /down
    handler: SimpleAuth
    kwargs: {{credentials: {{a: b}}, recaptcha: {{key: k, secret: s, url: 'http://127.0.0.1:1/verify'}}}}
"""


class Service:
    """Answers as reCAPTCHA does; ``answer`` is what it says."""

    app = Klein()

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.answer: bytes = b'{"success": true, "score": 0.9, "action": "login"}'
        self.status = 200

    @app.route("/verify", methods=["POST"])
    def verify(self, request: Any) -> bytes:
        self.asked.append({key.decode(): values[0].decode() for key, values in request.args.items()})
        request.setResponseCode(self.status)
        return self.answer


class RecaptchaTests(LiveCase):
    async def setUp(self) -> None:  # type: ignore[override]
        self.service = Service()
        port = reactor.listenTCP(0, Site(self.service.app.resource()), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        type(self).config = YAML.format(port=port.getHost().port)
        made = super().setUp()
        if isinstance(made, Deferred):
            await made

    async def post(self, path: str = "/login", **form: str) -> tuple[int, str]:
        """An attempt to sign in."""
        client = HTTPClient(Agent(reactor, pool=HTTPConnectionPool(reactor, persistent=False)))
        url = f"http://127.0.0.1:{self.port.getHost().port}{path}"
        response = await client.post(url, data={"user": "a", "password": "b", **form}, allow_redirects=False)
        return response.code, await response.text()

    async def test_a_person_signs_in(self) -> None:
        self.assertEqual((await self.post(recaptcha="token"))[0], 302)
        self.assertEqual(self.service.asked, [{"secret": "our-secret", "response": "token", "remoteip": "127.0.0.1"}])

    async def test_others_do_not(self) -> None:
        self.assertEqual((await self.post())[0], 403)
        self.assertEqual(self.service.asked, [])
        for answer, why in (
            (b'{"success": false, "error-codes": ["timeout-or-duplicate"]}', "timeout-or-duplicate"),
            (b'{"success": true, "score": 0.1}', "machine"),
            (b'{"success": true, "action": "other"}', "another action"),
            (b'{"success": "yes"}', "refused"),
            (b"{}", "refused"),
        ):
            self.service.answer = answer
            status, text = await self.post(recaptcha="token")
            self.assertEqual(status, 403, answer)
            self.assertIn(why, text)

    async def test_a_service_that_fails_is_503(self) -> None:
        for status, answer in ((500, b"{}"), (200, b"<html>"), (200, b"[]")):
            self.service.status, self.service.answer = status, answer
            self.assertEqual((await self.post(recaptcha="token"))[0], 503)
        self.assertEqual((await self.post("/down", recaptcha="token"))[0], 503)

    async def test_the_page_loads_the_script(self) -> None:
        page = (await self.get("/login")).text
        self.assertIn('<script src="https://www.google.com/recaptcha/api.js?render=site-key"></script>', page)
        self.assertIn('{action: "login"}', page)
