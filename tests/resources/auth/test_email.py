"""EMailAuth against a real SMTP server."""

from __future__ import annotations

import re
from typing import Any

from gramex_twisted.testing import App, Response
from tests.resources.auth.mailserver import MailServer
from tests.resources.auth.support import SignInTestCase, Visitor

CONFIG = """
app: {{session: {{type: memory}}, base_url: 'https://app.example.org'}}
email: {{post: {{type: smtp, host: 127.0.0.1, port: {port}, from: 'The app <app@example.org>'}}}}
url:
  login:
    pattern: /login
    handler: EMailAuth
    kwargs: {{service: post}}
  link:
    pattern: /link
    handler: EmailAuth
    kwargs:
      service: post
      delay: 0
      size: 8
      subject: 'Hi {{user}}'
      body: 'Visit {{link}}'
      html: '<a href="{{link}}">{{user}}</a>'
  instant:
    pattern: /instant
    handler: EMailAuth
    kwargs: {{service: post, body: 'Visit {{link}}', instantlogin: true, redirect: {{url: /home}}}}
  own:
    pattern: /own
    handler: EMailAuth
    kwargs: {{service: post, template: own.html, delay: 0}}
  user: {{pattern: /user, handler: FunctionHandler, kwargs: {{function: handler.current_user}}}}
"""


class EMailTestCase(SignInTestCase):
    files = {
        "own.html": "{{ error }}|{{ msg }}|{{ email }}|{{ otp }}|{{ redirect['value'] }}{% module xsrf_form_html() %}"
    }

    def setUp(self) -> None:
        self.mail = MailServer.of(self)
        super().setUp()

    def make_app(self, config: str, registry: Any = None) -> App:
        return super().make_app(CONFIG.format(port=self.mail.port), registry)

    def ask(self, user: str, url: str = "/login") -> Response:
        """Ask for a code."""
        return self.visitor.post(url, user=user)

    def code(self) -> str:
        """The code in the last mail."""
        found = re.search(r"\b\d{6,}\b", self.mail.text())
        assert found
        return found[0]


class EMailTests(EMailTestCase):
    def test_a_mailed_code_signs_in_once(self) -> None:
        page = self.ask("Bob@Example.org")
        self.assertIn("We have mailed a code to bob@example.org.", page.text)
        self.assertIn('autocomplete="one-time-code"', page.text)
        self.assertEqual(self.mail.recipients, [["bob@example.org"]])
        self.assertEqual(self.mail.mails[-1]["From"], "The app <app@example.org>")
        code = self.code()
        self.assertEqual(len(code), 6)
        self.assertEqual(self.visitor.post("/login", user="bob@example.org", password=code).status, 302)
        self.assertEqual(
            self.visitor.get("/user").json(), {"id": "bob@example.org", "email": "bob@example.org", "hd": "example.org"}
        )
        again = Visitor(self)
        again.get("/login")
        self.assertEqual(again.post("/login", wait=1, user="bob@example.org", password=code).status, 401)

    def test_spaces_in_a_code_do_not_matter(self) -> None:
        self.ask("bob@example.org")
        code = self.code()
        self.assertEqual(
            self.visitor.post("/login", user="bob@example.org", password=f" {code[:3]} {code[3:]}").status, 302
        )

    def test_five_guesses_end_a_code(self) -> None:
        self.ask("bob@example.org", "/link")
        code = self.mail.link().rpartition("=")[2]
        self.assertEqual(len(code), 8)
        for _ in range(5):
            self.assertEqual(self.visitor.post("/link", user="bob@example.org", password="00000000x").status, 401)
        self.assertEqual(self.visitor.post("/link", user="bob@example.org", password=code).status, 401)

    def test_a_code_is_for_one_address_and_one_route(self) -> None:
        self.ask("bob@example.org", "/link")
        code = self.mail.link().rpartition("=")[2]
        self.assertEqual(self.visitor.post("/link", user="eve@example.org", password=code).status, 401)
        self.assertEqual(self.visitor.post("/own", user="bob@example.org", password=code).status, 401)

    def test_a_code_expires_and_guessing_does_not_prolong_it(self) -> None:
        sessions = self.app.gramex.shared.sessions
        now = sessions.clock()
        self.ask("bob@example.org", "/link")
        code = self.mail.link().rpartition("=")[2]
        sessions.store.clock = lambda: now + 14 * 60
        self.assertEqual(self.visitor.post("/link", user="bob@example.org", password="x").status, 401)
        sessions.store.clock = lambda: now + 16 * 60
        self.assertEqual(self.visitor.post("/link", user="bob@example.org", password=code).status, 401)

    def test_the_next_code_ends_the_one_before(self) -> None:
        self.ask("bob@example.org")
        first = self.code()
        self.ask("bob@example.org")
        if first != self.code():  # one time in a million
            self.assertEqual(self.visitor.post("/login", wait=1, user="bob@example.org", password=first).status, 401)
        self.assertEqual(self.visitor.post("/login", user="bob@example.org", password=self.code()).status, 302)

    def test_what_is_no_address_gets_no_mail(self) -> None:
        for user in ("", "bob", "a@b@c", "a@b,c@d", "a@b\r\nBcc: x@y", "<a@b>", "a b@c", "bob@", "@x", "a..b@c.d"):
            self.assertEqual(self.ask(user).status, 400, user)
        self.assertEqual(self.mail.recipients, [])

    def test_five_mails_an_hour_are_enough(self) -> None:
        self.assertEqual([self.ask("bob@example.org").status for _ in range(6)], [200] * 5 + [429])

    def test_a_mail_that_is_refused_is_said(self) -> None:
        self.mail.refusal = "550 no such user"
        response = self.ask("bob@example.org")
        self.assertEqual(response.status, 503)
        self.assertIn("The mail could not be sent.", response.text)

    def test_a_link_shows_a_button_and_does_not_sign_in(self) -> None:
        self.ask("bob@example.org", "/link")
        self.assertEqual(self.mail.mails[-1]["Subject"], "Hi bob@example.org")
        html = self.mail.mails[-1].get_body(("html",))
        assert html is not None
        self.assertIn("&amp;password=", html.get_content())
        path = self.mail.link().removeprefix("https://app.example.org")
        page = self.visitor.get(path)
        code = path.rpartition("=")[2]
        self.assertIn(f'value="{code}"', page.text)
        self.assertEqual(self.visitor.get("/user").text, "")
        self.assertEqual(self.visitor.post("/link", user="bob@example.org", password=code).status, 302)

    def test_an_instant_link_signs_in(self) -> None:
        self.ask("bob@example.org", "/instant")
        response = self.visitor.get(self.mail.link().removeprefix("https://app.example.org"))
        self.assertEqual((response.status, response.headers["location"]), (302, "/home"))
        self.assertEqual(self.visitor.get("/user").json()["id"], "bob@example.org")

    def test_an_own_template_gets_upstreams_names(self) -> None:
        page = self.visitor.get("/own?next=/shop")
        self.assertTrue(page.text.startswith("None|None|||/shop<"), page.text)
        response = self.visitor.post("/own", user="bob@example.org", password="1")
        self.assertTrue(response.text.startswith("wrong-pw|This code is wrong"), response.text)
        self.mail.refusal = "550 no"
        self.assertTrue(self.ask("bob@example.org", "/own").text.startswith("not-sent|The mail could not be sent."))

    def test_two_who_sign_in_at_once_do_not_meet(self) -> None:
        one, two = Visitor(self), Visitor(self)
        codes = []
        for visitor, user in ((one, "one@example.org"), (two, "two@example.org")):
            visitor.get("/login")
            visitor.post("/login", user=user)
            codes.append(self.code())
        first = one.start("/login", user="one@example.org", password=codes[0])
        second = two.start("/login", user="two@example.org", password=codes[1])
        one.keep(self.successResultOf(first)), two.keep(self.successResultOf(second))
        self.assertEqual(one.get("/user").json()["id"], "one@example.org")
        self.assertEqual(two.get("/user").json()["id"], "two@example.org")


class WithoutBaseTests(EMailTestCase):
    def make_app(self, config: str, registry: Any = None) -> App:
        without = CONFIG.replace(", base_url: 'https://app.example.org'", "")
        return super(EMailTestCase, self).make_app(without.format(port=self.mail.port), registry)

    def test_mails_have_the_code_and_no_link(self) -> None:
        for url in ("/login", "/link", "/instant"):
            self.ask("ada@example.org", url)
            message = self.mail.mails[-1]
            self.assertNotRegex(message.as_string(), "https?:|Visit|href", url)
            self.assertEqual(self.visitor.post(url, user="ada@example.org", password=self.code()).status, 302)
