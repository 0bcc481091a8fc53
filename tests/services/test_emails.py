"""services.emails against real SMTP servers: secure ones, and such as refuse, are slow, silent or not there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor as installed

from gramex_twisted.services.emails import Emails
from gramex_twisted.services.mail import MailError
from gramex_twisted.testing import AppTestCase
from tests.live import LiveCase
from tests.resources.auth.mailserver import MailServer
from tests.servers import free_port
from tests.smtp import SecureServer, SilentFactory

reactor: Any = installed


class EmailCase(LiveCase):
    """``emails(section)`` has the services of an app with this ``email:`` section."""

    def setUp(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        self.made: list[Any] = []
        self.factories: list[SilentFactory] = []

    async def tearDown(self) -> None:
        for gramex in self.made:
            await gramex.stopService()
        for factory in self.factories:
            await factory.empty()

    def emails(self, **section: Any) -> Emails:
        """Those of an app of their own."""
        type(self).config = f"email: {section!r}".replace("None", "null").replace("True", "true").replace("'", '"')
        super().setUp()
        self.made.append(self.gramex)
        self.port.stopListening()
        return self.gramex.shared.part(Emails)

    async def refused(self, send: Callable[[], Any]) -> str:
        """What a mail that cannot be sent is refused with."""
        with self.assertRaises(MailError) as caught:
            await send()
        return str(caught.exception)


class DeliveryTests(EmailCase):
    async def test_from_a_coroutine_and_from_a_thread(self) -> None:
        server = MailServer.of(self)
        emails = self.emails(post={"host": "127.0.0.1", "port": server.port, "email": "app@example.org"})
        post = emails["post"]
        await post.mail(to="ada@example.org", subject="Hello", body="From the reactor")
        await self.gramex.shared.threads.run(post.mail, to="bob@example.org", cc="c@x.org", body=".\n..\nFrom a thread")
        self.assertEqual(server.recipients, [["ada@example.org"], ["bob@example.org", "c@x.org"]])
        self.assertEqual([mail.get_content().splitlines() for mail in server.mails],
                         [["From the reactor"], [".", "..", "From a thread"]])  # fmt: skip
        self.assertEqual(str(server.mails[0]["From"]), "app@example.org")
        self.assertEqual(self.gramex.in_flight, 0)

    async def test_starttls_and_a_password(self) -> None:
        server = SecureServer.running(self, implicit=False)
        options = {"type": "smtpstarttls", "host": "localhost", "port": server.port, "user": "ada",
                   "email": "app@example.org", "cafile": server.certificate}  # fmt: skip
        emails = self.emails(good={**options, "password": "lovelace"}, bad={**options, "password": "wrong"})
        await emails["good"].mail(to="ada@example.org", subject="Hello")
        self.assertEqual(len(server.mails), 1)
        text = await self.refused(lambda: emails["bad"].mail(to="ada@example.org"))
        self.assertEqual(text, f"localhost:{server.port}: 535 5.7.8 Authentication credentials invalid")

    async def test_tls_from_the_first_byte(self) -> None:
        server = SecureServer.running(self, implicit=True)
        options = {"type": "smtps", "host": "localhost", "port": server.port, "user": "ada", "password": "lovelace",
                   "email": "app@example.org"}  # fmt: skip
        emails = self.emails(good={**options, "cafile": server.certificate}, unknown=options)
        await emails["good"].mail(to="ada@example.org", subject="Hello")
        self.assertEqual(len(server.mails), 1)
        self.assertIn("certificate verify failed", await self.refused(lambda: emails["unknown"].mail(to="a@x.org")))

    async def test_a_password_is_never_sent_where_tls_is_not_to_be_had(self) -> None:
        server = MailServer.of(self)
        emails = self.emails(post={"type": "smtpstarttls", "host": "127.0.0.1", "port": server.port, "email": "a@x.org",
                                   "password": "secret"})  # fmt: skip
        text = await self.refused(lambda: emails["post"].mail(to="ada@example.org"))
        self.assertIn("STARTTLS", text)
        self.assertEqual(server.mails, [])


class FailureTests(EmailCase):
    async def test_servers_that_refuse_or_are_not_there(self) -> None:
        server = MailServer.of(self)
        port = free_port()
        emails = self.emails(a={"host": "127.0.0.1", "port": server.port}, b={"host": "127.0.0.1", "port": port},
                             c={"host": "nowhere.invalid", "port": 25})  # fmt: skip
        server.refusal = "554 5.7.1 You are a spammer"
        text = await self.refused(lambda: emails["a"].mail(to="ada@example.org"))
        self.assertEqual(text, f"127.0.0.1:{server.port}: 554 5.7.1 You are a spammer")
        self.assertIn("refused", await self.refused(lambda: emails["b"].mail(to="ada@example.org")))
        self.assertIn("nowhere.invalid:25: ", await self.refused(lambda: emails["c"].mail(to="ada@example.org")))
        with self.assertRaisesRegex(ValueError, "no recipient"):
            await emails["a"].mail(subject="x")
        with self.assertRaises(FileNotFoundError):
            await emails["a"].mail(to="ada@example.org", attachments=["nowhere.pdf"])

    async def silent(self, kind: str = "smtp", **factory: bytes) -> tuple[SilentFactory, Any]:
        """A server that answers nothing, with a mailer for it that waits half a second."""
        found = SilentFactory(**factory)
        self.factories.append(found)
        port = reactor.listenTCP(0, found, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        emails = self.emails(post={"type": kind, "host": "127.0.0.1", "port": port.getHost().port, "timeout": 0.5})
        return found, emails["post"]

    async def test_a_server_that_says_nothing_is_given_up_on(self) -> None:
        for greeting, reply in ((b"", b""), (b"220 hello\r\n", b""), (b"220 hello\r\n", b"250-more\r\n"),
                                (b"nonsense\r\n", b""), (b"220 " + b"x" * 100_000, b"")):  # fmt: skip
            _, post = await self.silent(greeting=greeting, reply=reply)
            self.assertIn("127.0.0.1:", await self.refused(lambda post=post: post.mail(to="ada@example.org")))

    async def test_a_server_that_does_not_speak_tls_is_given_up_on(self) -> None:
        for kind, greeting, reply in (("smtps", b"", b""), ("smtps", b"220 hello\r\n", b""),
                                      ("smtpstarttls", b"220 hello\r\n", b"250 STARTTLS\r\n")):  # fmt: skip
            _, post = await self.silent(kind, greeting=greeting, reply=reply)
            self.assertIn("127.0.0.1:", await self.refused(lambda post=post: post.mail(to="ada@example.org")))

    async def test_twenty_mails_to_a_silent_server_delay_no_function(self) -> None:
        _, post = await self.silent()
        mails = [post.mail(to="ada@example.org") for _ in range(20)]
        self.assertEqual(await self.gramex.shared.threads.run(lambda: 5), 5)
        for mail in mails:
            await self.refused(lambda mail=mail: mail)

    async def test_functions_that_wait_for_a_silent_server_keep_none_from_running(self) -> None:
        _, post = await self.silent()
        threads = self.gramex.shared.threads
        mails = [threads.run(post.mail, to="ada@example.org") for _ in range(20)]  # there are 16 workers
        self.assertEqual(await threads.run(lambda: 5).addTimeout(60, reactor), 5)
        for mail in mails:
            await self.refused(lambda mail=mail: mail)


class NamesTests(AppTestCase):
    config = """
    email:
      first: {type: stub, email: app@example.org}
      second: {host: mail.example.org, stub: log}
    """

    def test_services_are_found_by_name(self) -> None:
        emails = self.app.gramex.shared.part(Emails)
        self.assertEqual((list(emails), emails.named(None).name), (["first", "second"], "first"))
        with self.assertRaises(KeyError):
            emails["third"]
        with self.assertRaisesRegex(ValueError, "^no mail service 'third' in email:; there is first, second$"):
            emails.named("third")

    def test_a_stub_keeps_what_it_is_given(self) -> None:
        emails = self.app.gramex.shared.part(Emails)
        self.successResultOf(emails["first"].mail(to="ada@example.org", subject="Hello", body="x"))
        self.successResultOf(emails["second"].mail(to=["b@x.org"], bcc="c@x.org", html="<b>"))
        first, second = emails.stubs
        self.assertEqual((first["from_addr"], first["to_addrs"]), ("app@example.org", ["ada@example.org"]))
        self.assertIn("Subject: Hello", first["msg"])
        self.assertEqual((second["host"], second["port"], second["to_addrs"]),
                         ("mail.example.org", 25, ["b@x.org", "c@x.org"]))  # fmt: skip

    def test_an_app_without_mail_has_no_service(self) -> None:
        emails = self.make_app("url:").gramex.shared.part(Emails)
        with self.assertRaisesRegex(ValueError, "there is none"):
            emails.named(None)
