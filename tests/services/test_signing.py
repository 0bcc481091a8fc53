"""Signed values in Tornado's format, and the secret that signs them."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.web import create_signed_value, decode_signed_value
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.signing import Signer, kept_secret


class SignerTests(SynchronousTestCase):
    def signer(self, secret: str | None = "s3cret") -> Signer:
        return Signer(secret, Path(self.mktemp()))

    def test_what_tornado_signed_is_read(self) -> None:
        self.assertEqual(self.signer().unsign("sid", create_signed_value("s3cret", "sid", "abc").decode()), b"abc")

    def test_tornado_reads_what_we_signed(self) -> None:
        self.assertEqual(decode_signed_value("s3cret", "sid", self.signer().sign("sid", "abc")), b"abc")

    def test_forged_truncated_expired_and_foreign_values_are_nothing(self) -> None:
        signer = self.signer()
        good = signer.sign("sid", "abc")
        old = create_signed_value("s3cret", "sid", "abc", clock=lambda: 0).decode()
        other = Signer("other", Path()).sign("sid", "abc")
        for bad in (
            good[:-1],
            good[1:],
            good[:20],
            good.replace("|", ""),
            old,
            other,
            "",
            "x" * 100_000,
            "2|1:0|",
            None,
        ):
            self.assertIsNone(signer.unsign("sid", bad), bad)
        self.assertIsNone(signer.unsign("user", good), "signed for another purpose")

    @settings(deadline=None, max_examples=200)
    @given(st.text())
    def test_no_text_passes_for_a_signed_value(self, text: str) -> None:
        try:
            self.assertIsNone(Signer("s3cret", Path()).unsign("sid", text))
        except UnicodeEncodeError:
            self.fail("a cookie cannot hold this, but it must not raise either")


class SecretTests(SynchronousTestCase):
    def test_a_secret_is_made_once_and_is_its_owners_alone(self) -> None:
        folder = Path(self.mktemp())
        first, second = Signer(None, folder), Signer(None, folder)
        self.assertEqual(first.secret, second.secret)
        self.assertGreaterEqual(len(first.secret), 60)
        file = folder / "cookie_secret"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual([path.name for path in folder.iterdir()], ["cookie_secret"])

    def test_a_configured_secret_writes_nothing(self) -> None:
        folder = Path(self.mktemp())
        self.assertEqual(Signer("mine", folder).secret, "mine")
        self.assertFalse(folder.exists())

    def test_an_empty_file_is_filled(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "cookie_secret").write_text("")
        self.assertGreaterEqual(len(kept_secret(folder / "cookie_secret")), 60)

    def test_processes_that_start_together_agree(self) -> None:
        file = Path(self.mktemp()).absolute() / "cookie_secret"
        module = "gramex_twisted.services.signing"
        code = f"from pathlib import Path; from {module} import kept_secret; print(kept_secret(Path({str(file)!r})))"
        root = Path(__file__).parent.parent.parent
        runs = [
            subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root)
            for _ in range(4)
        ]
        self.assertEqual(len({run.communicate(timeout=60)[0] for run in runs}), 1)
