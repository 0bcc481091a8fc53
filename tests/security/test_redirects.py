"""No address that a client gives leads its visitor to another site."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from gramex_twisted.testing import AppTestCase, Response

#: What browsers take for another host, or for a script, when they are on http://127.0.0.1/.
ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/\t/evil.example",
    "\n//evil.example",
    "/\r/evil.example",
    "/.//evil.example",
    "/././/evil.example",
    "/a/..//evil.example",
    "/a/../..//evil.example",
    "/%2e//evil.example/..",
    ".//evil.example",
    "./\\evil.example",
    "https://evil.example",
    "https:///evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:///evil.example",
    "http://127.0.0.1@evil.example",
    "http://127.0.0.1.evil.example",
    "http://127.0.0.1:80@evil.example",
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "http://[",
    " //evil.example",
    "\x00//evil.example",
)
FORM = {"Content-Type": ["application/x-www-form-urlencoded"]}


def host_of(location: str) -> str:
    """The host that a browser on http://127.0.0.1/page goes to."""
    cleaned = "".join(char for char in location.strip("".join(map(chr, range(33)))) if char not in "\t\r\n")
    parts = urlsplit(urljoin("http://127.0.0.1/page", cleaned.replace("\\", "/")))
    return parts.hostname or parts.scheme


class RedirectTests(AppTestCase):
    config = """
    app: {session: {type: memory}}
    url:
      any:
        pattern: /any(/.*)?
        handler: FunctionHandler
        kwargs: {function: str("x"), redirect: {query: next, header: Referer, url: /home}}
      all:
        pattern: /(.*)
        priority: -1
        handler: FunctionHandler
        kwargs: {function: handler.redirect(handler.get_arg("to")), methods: GET}
      login:
        pattern: /login
        handler: SimpleAuth
        kwargs: {credentials: {ann: secret}, redirect: {query: next, header: Referer, url: /home}, xsrf_cookies: false}
      logout: {pattern: /logout, handler: LogoutHandler, kwargs: {redirect: {query: next, url: /home}}}
    """

    def location(self, response: Response) -> str:
        self.assertEqual(response.status, 302)
        return response.headers["location"]

    def sign_in(self, path: str) -> Response:
        return self.post(path, data=b"user=ann&password=secret", headers=FORM)

    def test_a_route_leads_to_its_own_site(self) -> None:
        for url in ELSEWHERE:
            location = self.location(self.get(f"/any?next={quote(url, safe='')}"))
            self.assertEqual(host_of(location), "127.0.0.1", f"{url!r}: {location}")
            location = self.location(self.get("/any", headers={"Referer": [url.strip("\x00\t\r\n ")]}))
            self.assertEqual(host_of(location), "127.0.0.1", f"{url!r}: {location}")

    def test_signing_in_and_out_leads_to_its_own_site(self) -> None:
        for url in ELSEWHERE:
            self.app.new_client()
            location = self.location(self.sign_in(f"/login?next={quote(url, safe='')}"))
            self.assertEqual(host_of(location), "127.0.0.1", f"{url!r}: {location}")
            location = self.location(self.get(f"/logout?next={quote(url, safe='')}"))
            self.assertEqual(host_of(location), "127.0.0.1", f"{url!r}: {location}")

    @settings(max_examples=200, deadline=None)
    @given(st.text(st.sampled_from("/\\.:@?#%2e5cf\t\n\r ahtps"), max_size=20))
    def test_whatever_is_asked_for(self, url: str) -> None:
        location = self.location(self.get(f"/any?next={quote(url, safe='')}"))
        self.assertEqual(host_of(location), "127.0.0.1", f"{url!r}: {location}")

    def test_a_path_that_looks_like_a_host_is_none(self) -> None:
        self.assertEqual(self.location(self.get("//evil.example/any?to=x")), "/evil.example/x")
        self.assertEqual(self.location(self.get("///evil.example/any?to=?y")), "/evil.example/any?y")
        uri = {"X-Request-URI": ["//evil.example/any"]}
        self.assertEqual(self.location(self.get("/any?next=x", headers=uri)), "/evil.example/x")
        self.assertEqual(self.location(self.get("/any", headers=uri)), "/home")

    def test_what_stays_is_followed(self) -> None:
        for url, location in (
            ("/here?x=1#y", "/here?x=1#y"),
            ("here", "/here"),
            ("?x", "/any?x"),
            ("/a/../b", "/b"),
            ("http://127.0.0.1/b", "http://127.0.0.1/b"),
            ("/x\r\nSet-Cookie: a=b", "/xSet-Cookie:%20a=b"),
        ):
            self.assertEqual(self.location(self.get(f"/any?next={quote(url, safe='')}")), location)
