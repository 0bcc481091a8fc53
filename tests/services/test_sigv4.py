"""Signatures of requests to AWS, against the published examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.services.sigv4 import Credentials, sign

KEY = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
WHEN = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = "https://example.amazonaws.com"


def signature(method: str, path: str, headers: dict[str, str], body: bytes = b"", when: datetime = WHEN) -> str:
    """That of the test suite's service."""
    signed = sign(method, HOST + path, headers, body, KEY, "us-east-1", "service", when)
    return signed["Authorization"].rpartition("Signature=")[2]


class SigningTests(SynchronousTestCase):
    def test_the_examples_of_amazons_test_suite_have_their_signatures(self) -> None:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        self.assertEqual(
            [
                signature("GET", "/", {}),
                signature("GET", "/?Param2=value2&Param1=value1", {}),
                signature("POST", "/", {}),
                signature("POST", "/", form, b"Param1=value1"),
            ],
            [
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ],
        )

    def test_the_headers_name_the_key_the_scope_and_what_is_signed(self) -> None:
        signed = sign("POST", f"{HOST}:8443/", {"Content-Type": "a/b"}, b"", KEY, "eu-west-1", "sns", WHEN)
        self.assertEqual(signed["Host"], "example.amazonaws.com:8443")
        self.assertEqual(signed["X-Amz-Date"], "20150830T123600Z")
        self.assertTrue(
            signed["Authorization"].startswith(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/eu-west-1/sns/aws4_request, "
                "SignedHeaders=content-type;host;x-amz-date, Signature="
            )
        )

    def test_the_token_of_a_temporary_key_is_sent_and_signed(self) -> None:
        temporary = Credentials(KEY.key, KEY.secret, "token/+=")
        signed = sign("POST", HOST, {}, b"", temporary, "us-east-1", "service", WHEN)
        self.assertEqual(signed["X-Amz-Security-Token"], "token/+=")
        self.assertIn("SignedHeaders=host;x-amz-date;x-amz-security-token,", signed["Authorization"])

    def test_times_of_every_zone_are_told_in_utc(self) -> None:
        india = WHEN.astimezone(timezone(timedelta(hours=5, minutes=30)))
        self.assertEqual(signature("GET", "/", {}, when=india), signature("GET", "/", {}))

    def test_the_secret_is_not_shown(self) -> None:
        shown = repr(Credentials("AKID", "s3cret", "t0ken"))
        self.assertNotIn("s3cret", shown)
        self.assertNotIn("t0ken", shown)
