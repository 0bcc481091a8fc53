"""A cache gives nobody what was made for another."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

MODULE = """
calls = []


def secret(handler):
    calls.append(1)
    return f"{len(calls)}: " + handler.request.headers.get("Authorization", "for all")


def varies(handler):
    calls.append(1)
    handler.set_header("Vary", handler.get_arg("vary"))
    return f"{len(calls)}: " + handler.request.headers.get("Cookie", "no cookie")


def cookie(handler):
    calls.append(1)
    handler.set_header("Set-Cookie", "header=1")
    handler.set_cookie("own", "2")
    return str(len(calls))
"""


class CacheTests(AppTestCase):
    files = {"kept.py": MODULE}
    config = """
    app: {session: {type: memory}}
    url:
      secret: {pattern: /secret, handler: FunctionHandler, kwargs: {function: kept.secret, cache: true}}
      keyed:
        pattern: /keyed
        handler: FunctionHandler
        kwargs: {function: kept.secret, cache: {key: [request.uri, headers.authorization]}}
      varies: {pattern: /varies, handler: FunctionHandler, kwargs: {function: kept.varies, cache: true}}
      known:
        pattern: /known
        handler: FunctionHandler
        kwargs: {function: kept.varies, cache: {key: [request.uri, cookies.theme]}}
      cookie: {pattern: /cookie, handler: FunctionHandler, kwargs: {function: kept.cookie, cache: true}}
    """

    def setUp(self) -> None:
        super().setUp()
        import kept  # type: ignore[import-not-found]

        kept.calls.clear()

    def told(self, path: str, **headers: str) -> str:
        return self.get(path, headers={name: [value] for name, value in headers.items()}).text

    def test_what_credentials_have_opened_is_theirs(self) -> None:
        self.assertEqual(self.told("/secret", Authorization="Basic ann"), "1: Basic ann")
        self.assertEqual(self.told("/secret"), "2: for all")
        self.assertEqual(self.told("/secret"), "2: for all")
        self.assertEqual(self.told("/secret", Authorization="Basic bob"), "3: Basic bob")

    def test_unless_they_are_part_of_the_key(self) -> None:
        for _ in range(2):
            self.assertEqual(self.told("/keyed", Authorization="Basic ann"), "1: Basic ann")
        self.assertEqual(self.told("/keyed", Authorization="Basic bob"), "2: Basic bob")

    def test_an_answer_that_depends_on_cookies_or_credentials_is_not_kept(self) -> None:
        for vary in ("Cookie", "Accept, cookie", "Authorization", "*"):
            first = self.told(f"/varies?vary={vary}", Cookie="who=ann")
            second = self.told(f"/varies?vary={vary}")
            self.assertIn("who=ann", first)
            self.assertIn("no cookie", second, vary)

    def test_one_that_depends_on_what_the_cache_looks_after_is(self) -> None:
        first = self.told("/varies?vary=Accept-Encoding")
        self.assertEqual(self.told("/varies?vary=Accept-Encoding"), first)

    def test_a_key_with_a_cookie_stands_for_vary(self) -> None:
        light = self.told("/known?vary=Cookie", Cookie="theme=light")
        self.assertEqual(self.told("/known?vary=Cookie", Cookie="theme=light"), light)
        self.assertIn("theme=dark", self.told("/known?vary=Cookie", Cookie="theme=dark"))

    def test_cookies_are_not_given_out_again(self) -> None:
        self.assertEqual(self.get("/cookie").all("set-cookie"), ["header=1", "own=2; Path=/"])
        self.app.new_client()
        again = self.get("/cookie")
        self.assertEqual((again.text, again.all("set-cookie")), ("1", []))
