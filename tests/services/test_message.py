"""services.message: from what user code says to a mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services import message
from gramex_twisted.services.message import Mail, compose

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)


def parsed(mail: Mail) -> EmailMessage:
    """What the receiver's program sees."""
    content = mail.content.replace(b"\r\n", b"\n")
    return cast(EmailMessage, message_from_bytes(content, policy=policy.default))


class MessageCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp())
        self.root.mkdir()

    def compose(self, **options: Any) -> Mail:
        return compose({"to": "ada@example.org", **options}, "App <app@example.org>", self.root)

    def refused(self, **options: Any) -> str:
        with self.assertRaises(ValueError) as caught:
            self.compose(**options)
        return str(caught.exception)


class RecipientTests(MessageCase):
    def test_texts_and_lists_of_texts_with_commas(self) -> None:
        mail = self.compose(to=["a@x.org", "B <b@x.org>, c@x.org"], cc="d@x.org,", bcc=["e@x.org"], Reply_To="r@x.org")
        self.assertEqual(mail.recipients, ("a@x.org", "b@x.org", "c@x.org", "d@x.org", "e@x.org"))
        found = parsed(mail)
        self.assertEqual(str(found["To"]), "a@x.org, B <b@x.org>, c@x.org")
        self.assertEqual((str(found["Cc"]), found["Bcc"], str(found["Reply-To"])), ("d@x.org", None, "r@x.org"))
        self.assertNotIn("e@x.org", found.as_string())

    def test_the_sender(self) -> None:
        mail = self.compose()
        self.assertEqual((mail.sender, str(parsed(mail)["From"])), ("app@example.org", "App <app@example.org>"))
        mail = self.compose(**{"from": "Zoë <z@example.org>"})
        self.assertEqual((mail.sender, str(parsed(mail)["From"])), ("z@example.org", "Zoë <z@example.org>"))
        self.assertEqual(self.compose(sender="s@example.org").sender, "s@example.org")

    def test_a_name_that_is_not_of_ascii_and_a_domain_that_is_not(self) -> None:
        mail = self.compose(to="Żółw <a@bücher.example>")
        self.assertEqual(mail.recipients, ("a@xn--bcher-kva.example",))
        self.assertIn("Żółw", str(parsed(mail)["To"]))

    def test_each_is_sent_to_once(self) -> None:
        self.assertEqual(self.compose(to="a@x.org, a@x.org", cc="a@x.org").recipients, ("a@x.org",))

    def test_nobody(self) -> None:
        for nobody in ("", " , ", [], ["", ""]):
            self.assertEqual(self.refused(to=nobody), "no recipient: to, cc and bcc have no address")

    def test_what_is_no_address(self) -> None:
        for text in (
            "ada",
            "ada@",
            "@x.org",
            "a b@x.org",
            "a@x.org\nBcc: evil@x.org",
            "a@x..org",
            "<>",
            "a@-",
            "é@x.org",
        ):
            self.assertIn("no mail address", self.refused(to=text), text)
        self.assertEqual(self.refused(**{"from": "a@x.org, b@x.org"}), "from: needs one address")

    @settings(max_examples=150, deadline=None)
    @given(st.text(max_size=30), st.text(max_size=40), st.text(max_size=20))
    def test_nothing_that_is_filled_in_adds_a_header_or_a_recipient(self, to: str, subject: str, name: str) -> None:
        try:
            mail = compose({"to": f"{to}, a@x.org", "subject": subject, "x_name": name}, "app@x.org", Path())
        except ValueError:
            return
        known = {"to", "from", "subject", "x-name", "date", "message-id", "auto-submitted", "mime-version",
                 "content-type", "content-transfer-encoding"}  # fmt: skip
        found = message_from_bytes(mail.content, policy=policy.compat32)
        self.assertLessEqual({key.lower() for key in found}, known)


class ContentTests(MessageCase):
    def test_text_and_html_are_alternatives(self) -> None:
        found = parsed(self.compose(subject="Grüße", body="Guten Tag, Zoë\n", html="<b>Zoë</b>"))
        self.assertEqual((found.get_content_type(), found["Subject"]), ("multipart/alternative", "Grüße"))
        self.assertEqual([part.get_content() for part in found.iter_parts()], ["Guten Tag, Zoë\n", "<b>Zoë</b>\n"])

    def test_html_alone_and_nothing(self) -> None:
        self.assertEqual(parsed(self.compose(html="<b>")).get_content_type(), "text/html")
        self.assertEqual(parsed(self.compose()).get_content(), "\n")

    def test_images_are_part_of_the_html(self) -> None:
        (self.root / "logo.png").write_bytes(PNG)
        (self.root / "photo").write_bytes(b"\xff\xd8\xff\xe0")
        found = parsed(self.compose(body="x", html='<img src="cid:logo">', images={"logo": "logo.png", "p": "photo"}))
        related = list(found.iter_parts())[1]
        self.assertEqual(related.get_content_type(), "multipart/related")
        parts = list(related.iter_parts())[1:]  # type: ignore[attr-defined]
        self.assertEqual([(part["Content-ID"], part.get_content_type()) for part in parts],
                         [("<logo>", "image/png"), ("<p>", "image/jpeg")])  # fmt: skip
        self.assertEqual(parts[0].get_content(), PNG)

    def test_attachments(self) -> None:
        (self.root / "a.pdf").write_bytes(b"%PDF")
        (self.root / "b.csv.gz").write_bytes(b"\x1f\x8b")
        items = [
            "a.pdf",
            "b.csv.gz",
            {"filename": "Zoë.txt", "body": "héllo"},
            {"body": b"\0", "content_type": "image/x"},
        ]
        found = parsed(self.compose(body="x", attachments=items))
        self.assertEqual(
            [(part.get_filename(), part.get_content_type()) for part in found.iter_attachments()],
            [
                ("a.pdf", "application/pdf"),
                ("b.csv.gz", "application/octet-stream"),
                ("Zoë.txt", "text/plain"),
                ("data.bin", "image/x"),
            ],
        )
        self.assertEqual([part.get_content() for part in found.iter_attachments()],
                         [b"%PDF", b"\x1f\x8b", "héllo", b"\0"])  # fmt: skip

    def test_one_attachment_needs_no_list(self) -> None:
        (self.root / "a.txt").write_text("x")
        self.assertEqual([part.get_filename() for part in parsed(self.compose(attachments="a.txt")).iter_attachments()],
                         ["a.txt"])  # fmt: skip

    def test_files_that_are_not_there_or_too_large(self) -> None:
        with self.assertRaisesRegex(FileNotFoundError, "nowhere.pdf"):
            self.compose(attachments=["nowhere.pdf"])
        self.patch(message, "MOST_BYTES", 1 << 20)
        (self.root / "large.bin").write_bytes(bytes(700_000))
        self.compose(attachments=["large.bin"])
        self.assertEqual(self.refused(attachments=["large.bin", "large.bin"]), "the files of one mail may have 1 MB")
        self.assertEqual(self.refused(attachments=[{"filename": "x"}]), "attachments: x: needs body")

    def test_headers(self) -> None:
        found = parsed(self.compose(list_id="<x.example.org>", X_Mailer="me\r\nBcc: evil@x.org"))
        self.assertEqual((found["List-ID"], found["X-Mailer"]), ("<x.example.org>", "me Bcc: evil@x.org"))
        self.assertEqual(found["Auto-Submitted"], "auto-generated")
        self.assertEqual(self.refused(content_type="text/evil"), "content_type: is set by the server")
