"""What app.admin may say."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.document import Document
from gramex_twisted.config.marks import Mark
from gramex_twisted.config.schema import build
from gramex_twisted.config.settings import App
from gramex_twisted.registry import Registry


def listen(admin: Any) -> str | None:
    """Where the admin of an app listens."""
    found = App.model_validate({"admin": admin}).admin
    return None if found is None else found.listen


class AdminOptionsTests(SynchronousTestCase):
    def test_it_is_off_unless_asked_for(self) -> None:
        self.assertIsNone(App().admin)
        self.assertEqual((listen(None), listen(False)), (None, None))

    def test_by_default_only_this_machine_reaches_it(self) -> None:
        for admin in (True, {}, {"listen": None}, 9989, "9989", {"listen": 9989}, "127.0.0.1:9989"):
            self.assertEqual(listen(admin), "tcp:9989:interface=127.0.0.1", admin)

    def test_other_places(self) -> None:
        self.assertEqual(listen("0.0.0.0:80"), "tcp:80:interface=0.0.0.0")
        self.assertEqual(listen("[::1]:80"), r"tcp:80:interface=\:\:1")
        for text in ("unix:/run/x.sock", "tcp:80", "systemd:name=admin", "unix:80"):
            self.assertEqual(listen(text), text)

    def test_what_is_no_place(self) -> None:
        for wrong in ("70000", "host:70000", "somewhere", "", [1], {"listen": True}):
            with self.assertRaises(ValueError, msg=repr(wrong)):
                listen(wrong)

    def errors(self, admin: Any) -> str:
        marks: Any = {("app", "admin", "token"): Mark("gramex.yaml", 3, 5)}
        document = Document({"app": {"admin": admin}}, marks, {}, ())
        with self.assertRaises(ExceptionGroup) as caught:
            build(document, Registry())
        return "\n".join(map(str, caught.exception.exceptions))

    def test_a_short_token_is_an_error_with_its_line_that_does_not_repeat_it(self) -> None:
        for token in ("s3cr3t", "", "x" * 15):
            text = self.errors({"token": token})
            self.assertEqual(
                text,
                "gramex.yaml:3:5: app.admin.token: must have at least 16 characters; leave it out, and one is made",
            )
        text = self.errors({"token": "blank s3cr3t blank"})
        self.assertEqual(text, "gramex.yaml:3:5: app.admin.token: must be printable ASCII without spaces")

    def test_a_long_one_is_taken(self) -> None:
        admin = App.model_validate({"admin": {"token": "x" * 16}}).admin
        assert admin is not None
        self.assertEqual(admin.token, "x" * 16)
