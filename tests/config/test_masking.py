"""Secrets do not show."""

from gramex_twisted.config.masking import masked
from gramex_twisted.config.schema import build
from tests.config.support import FilesCase, Handlers


class MaskTest(FilesCase):
    def masked(self, text: str, secrets: str = "") -> dict:
        config = build(self.read({"gramex.yaml": text, ".secrets.yaml": secrets}), Handlers())
        return masked(config, config.tree)

    def test_keys_named_like_secrets(self) -> None:
        found = self.masked(
            """
app: {settings: {cookie_secret: abcdef, login_url: /in/}, session: {cookie: sid}}
email: {gmail: {type: gmail, email: me@example.org, password: 12345678}}
url:
  g:
    pattern: /g
    handler: my.x
    kwargs: {key: 1234-abcd.apps.example.com, secret: s, access_token: [t1, t2], user_key: user}
  s: {pattern: /s, handler: my.x, kwargs: {credentials: {ada: pw1, bob: {password: pw2, role: x}}}}
  c:
    pattern: /c
    handler: my.x
    kwargs: {cache: {key: [request.uri]}, ratelimit: {keys: [daily]}, headers: {X-Api-Key: k, Accept: a}}
"""
        )
        self.assertEqual(
            found["app"], {"settings": {"cookie_secret": "***", "login_url": "/in/"}, "session": {"cookie": "sid"}}
        )
        self.assertEqual(found["email"]["gmail"], {"type": "gmail", "email": "me@example.org", "password": "***"})
        kwargs = {name: route["kwargs"] for name, route in found["url"].items()}
        self.assertEqual(
            kwargs["g"], {"key": "***", "secret": "***", "access_token": ["***", "***"], "user_key": "user"}
        )
        self.assertEqual(kwargs["s"]["credentials"], {"ada": "***", "bob": {"password": "***", "role": "***"}})
        self.assertEqual(
            kwargs["c"],
            {
                "cache": {"key": ["request.uri"]},
                "ratelimit": {"keys": ["daily"]},
                "headers": {"X-Api-Key": "***", "Accept": "a"},
            },
        )

    def test_passwords_in_urls(self) -> None:
        found = self.masked("db: {url: 'postgresql://me:pw@db.example.org/x', page: 'http://example.org/a@b'}")
        self.assertEqual(found["db"], {"url": "postgresql://me:***@db.example.org/x", "page": "http://example.org/a@b"})

    def test_values_of_the_secrets_file_wherever_they_are(self) -> None:
        found = self.masked(
            "x: [$PIN, 'pre-$WORD-post', $WORD, other, 1]\nvariables: {COPY: $WORD}",
            "WORD: hunter22\nPIN: 4711\nNONE: null\n",
        )
        self.assertEqual(found["x"], ["***", "pre-***-post", "***", "other", 1])
        self.assertEqual(found["variables"], {"COPY": "***"})

    def test_what_is_no_secret_stays(self) -> None:
        tree = {"a": {"b": [1, None, True, 1.5, "text"], "monkey": "see", "tokens_used": 3}}
        found = self.masked("a: {b: [1, null, true, 1.5, text], monkey: see, tokens_used: 3}")
        self.assertEqual(found["a"], tree["a"])
