"""How passwords are kept and compared."""

from __future__ import annotations

import hashlib
from base64 import b64encode

from argon2 import PasswordHasher
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import TestCase

from gramex_twisted.resources.auth.hashes import hashed, matches, same, weak
from gramex_twisted.resources.auth.passwords import NOBODY
from gramex_twisted.resources.auth.sha256crypt import sha256_crypt

#: Passwords, and what crypt(3) of libxcrypt makes of them.
VECTORS = [
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
    ("This is just a test", "$5$rounds=5000$toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5"),
    (
        "a very much longer text to encrypt.  This one even stretches over morethan one line.",
        "$5$rounds=1400$anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1",
    ),
    (
        "we have a short salt string but not a short password",
        "$5$rounds=77777$short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/",
    ),
]


class CryptTests(TestCase):
    def test_it_makes_what_crypt_makes(self) -> None:
        for password, expected in VECTORS:
            self.assertEqual(sha256_crypt(password, expected), expected)

    def test_the_rounds_have_a_least(self) -> None:
        few, least = sha256_crypt("x", "$5$rounds=10$salt"), sha256_crypt("x", "$5$rounds=1000$salt")
        self.assertEqual(few, least)

    def test_too_many_rounds_match_nothing(self) -> None:
        self.assertEqual(sha256_crypt("x", "$5$rounds=999999999$salt"), "")


class MatchTests(TestCase):
    def test_every_format(self) -> None:
        key = hashlib.pbkdf2_hmac("sha256", b"p\xc3\xa4ss", b"salt", 1000)
        key512 = hashlib.pbkdf2_hmac("sha512", b"p\xc3\xa4ss", b"salt", 1000)
        lib = b64encode(key).decode().rstrip("=").replace("+", ".")
        for stored in (
            hashed("päss"),
            f"$pbkdf2-sha256$1000$c2FsdA${lib}",
            f"$pbkdf2-sha512$1000$c2FsdA${b64encode(key512).decode().rstrip('=').replace('+', '.')}",
            f"pbkdf2:sha256:1000$salt${key.hex()}",
            f"pbkdf2_sha256$1000$salt${b64encode(key).decode()}",
            sha256_crypt("päss", "$5$rounds=1000$salt"),
            hashlib.sha256("päss".encode()).hexdigest(),
            "päss",
        ):
            self.assertTrue(matches(stored, "päss", legacy=True), stored)
            for wrong in ("pass", "", stored + "x", "päss "):
                self.assertFalse(matches(stored, wrong, legacy=True), (stored, wrong))

    def test_damaged_hashes_match_nothing(self) -> None:
        for stored in ("$argon2id$", "$argon2id$v=19$m=1,t=1,p=1$x$y", "$pbkdf2-sha256$1$!$!", "pbkdf2:sha256:0$s$ab"):
            for password in ("", "x", "argon2id"):
                self.assertFalse(matches(stored, password, legacy=True), stored)

    def test_without_legacy_a_hash_is_text(self) -> None:
        digest = hashlib.sha256(b"x").hexdigest()
        self.assertTrue(matches(digest, digest))
        self.assertFalse(matches(digest, "x"))

    def test_nothing_matches_nothing(self) -> None:
        self.assertFalse(matches("", "", legacy=True))

    @settings(deadline=None, max_examples=50)
    @given(st.text(), st.text())
    def test_texts_are_the_same_when_they_are(self, one: str, other: str) -> None:
        self.assertEqual(same(one, other), one == other)
        self.assertTrue(same(one, one))

    def test_only_what_costs_less_is_weak(self) -> None:
        for stored, expected in (
            (hashed("x"), False),
            (PasswordHasher().hash("x"), False),
            (PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x"), True),
            ("x", True),
            ("$argon2i$v=19$m=65536,t=3,p=1$c2FsdHNhbHQ$aaaa", True),
        ):
            self.assertEqual(weak(stored), expected, stored)

    def test_the_hash_of_nobody_costs_what_others_do(self) -> None:
        self.assertEqual(NOBODY.split("$")[:4], hashed("x").split("$")[:4])
        self.assertFalse(matches(NOBODY, ""))
