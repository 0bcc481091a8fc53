"""Pictures and attachments of alerts that come from URLs, of a real server."""

from __future__ import annotations

from email import message_from_string, policy
from email.message import EmailMessage
from typing import Any, cast

from twisted.logger import globalLogPublisher

from gramex_twisted.services.alerts.service import Alerts
from gramex_twisted.services.emails import Emails
from tests.live import LiveCase
from tests.servers import free_port


class FetchedTests(LiveCase):
    config = """
    email: {post: {type: stub, email: app@example.org}}
    url:
      who:
        pattern: /who.txt
        handler: FunctionHandler
        kwargs: {function: 'str((handler.current_user or {}).get("id"))', headers: {Content-Type: text/plain}}
      logo: {pattern: /logo.png, handler: FileHandler, kwargs: {path: logo.png}}
      away: {pattern: /away, handler: FunctionHandler, kwargs: {function: 'handler.redirect("/who.txt")'}}
    alert:
      a: {to: a@example.org, user: {id: '{{ args["id"] }}'}, attachments: ['{{ args["url"] }}/who.txt']}
      images: {to: a@example.org, html: x, images: {a: '{{ args }}/logo.png', b: '{{ args }}/who.txt',
               c: '{{ args }}/nothing'}}
      plain: {to: a@example.org, attachments: ['{{ args }}/away']}
      away: {to: a@example.org, user: {id: ada}, attachments: ['{{ args }}/away']}
    """
    files = {"logo.png": b"\x89PNG\r\n\x1a\n" + bytes(20)}

    def setUp(self) -> None:
        super().setUp()
        self.base = f"http://127.0.0.1:{self.port.getHost().port}"
        self.lines: list[str] = []
        globalLogPublisher.addObserver(self.observe)
        self.addCleanup(globalLogPublisher.removeObserver, self.observe)

    def observe(self, event: Any) -> None:
        if "alerts" in str(event.get("log_namespace", "")):
            self.lines.append(event["log_format"].format(**event))

    async def run_alert(self, name: str, args: Any) -> EmailMessage | None:
        """Its mail."""
        stubs = self.gramex.shared.part(Emails).stubs
        stubs.clear()
        await self.gramex.shared.part(Alerts)[name].run(args=args)
        return cast(EmailMessage, message_from_string(stubs[0]["msg"], policy=policy.default)) if stubs else None

    async def test_a_file_as_a_user_of_the_app_sees_it(self) -> None:
        mail = await self.run_alert("a", {"id": "ada", "url": self.base})
        assert mail is not None
        self.assertEqual([(part.get_filename(), part.get_content_type(), part.get_content())
                          for part in mail.iter_attachments()], [("who.txt", "text/plain", "ada")])  # fmt: skip

    async def test_pictures_that_are_none_are_left_out(self) -> None:
        mail = await self.run_alert("images", self.base)
        assert mail is not None
        self.assertEqual(
            [part["Content-ID"] for part in mail.walk() if part.get_content_maintype() == "image"], ["<a>"]
        )
        self.assertEqual([line.replace(self.base, "") for line in self.lines if "left out" in line],
                         ["alert.images.images.b: left out: /who.txt: is text/plain, and no picture",
                          "alert.images.images.c: left out: /nothing: answers 404"])  # fmt: skip

    async def test_redirects_are_followed_unless_they_would_learn_who_asks(self) -> None:
        mail = await self.run_alert("plain", self.base)
        assert mail is not None
        self.assertEqual([part.get_content() for part in mail.iter_attachments()], ["None"])
        self.assertIsNone(await self.run_alert("away", self.base))
        self.assertTrue(any("/away: answers 302" in line for line in self.lines), self.lines)
        self.flushLoggedErrors()

    async def test_a_server_that_is_not_there(self) -> None:
        self.assertIsNone(await self.run_alert("plain", f"http://127.0.0.1:{free_port()}"))
        self.assertTrue(any("mail 0 cannot be written: http://127.0.0.1" in line for line in self.lines), self.lines)
        self.flushLoggedErrors()
