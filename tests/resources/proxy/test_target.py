"""No request chooses where it goes: the host is the configuration's, and so is what its path begins with."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from hypothesis import example, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.proxy.rewriting import cookie, location
from gramex_twisted.resources.proxy.target import Place, Target, clean_query, climbs
from gramex_twisted.routing import normalized, quoted

FOLDER = Path("/app")
#: What a request line may hold, and more of what attacks are made of.
PATHS = st.lists(
    st.one_of(
        st.sampled_from(
            [b"/", b"//", b"\\", b"..", b".", b"%2e", b"%2F", b"%5c", b"%25", b"%00", b"@", b":", b"#", b"?", b";"]
        ),
        st.sampled_from([b"evil.example", b"http://", b"%", b"%zz", b"%0d%0aX: 1", b"{0}", b"\xff", b"[::1]", b"a"]),
        st.binary(max_size=3).filter(lambda data: not re.search(rb"[\x00-\x20]", data)),
    ),
    max_size=8,
).map(b"".join)


def native(path: bytes, pattern: str) -> Any:
    """A request for ``path``, as the Router has matched it; None where it does not."""
    match = re.compile(quoted(pattern)).fullmatch(normalized(path))
    return None if match is None else SimpleNamespace(path=path, match=match)


class HostTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=400)
    @given(path=PATHS, query=PATHS)
    @example(path=b"@evil.example", query=b"")
    @example(path=b"//evil.example/", query=b"#@evil")
    @example(path=b"%2e%2e%2fadmin", query=b"\r\nX: 1")
    def test_the_host_and_the_beginning_of_the_path_are_the_configurations(self, path: bytes, query: bytes) -> None:
        for url in ("http://host.example/base/", "http://host.example", "http://host.example/base/{0}/end"):
            request = native(b"/r/" + path, "/r/(.*)")
            if request is None:
                continue  # a line break: no request line has one
            target = Target(url, "/r/(.*)", FOLDER)
            try:
                found = target.place(request)
            except HTTPError as error:
                self.assertEqual(error.status_code, 400)
                continue
            whole = target.origin + found.path + b"?" + clean_query(query)
            self.assertRegex(whole, rb"\Ahttp://host\.example/[!$-;=?-~]*\Z")
            self.assertEqual(urlsplit(whole).netloc, b"host.example")
            begin = b"/" if url.endswith("example") else b"/base/"
            self.assertTrue(found.path.startswith(begin), found.path)
            decoded = unquote_to_bytes(unquote_to_bytes(found.path))
            self.assertNotIn(b"..", re.split(rb"[/\\]", decoded))

    @settings(deadline=None, max_examples=200)
    @given(tail=PATHS)
    def test_a_path_of_plain_characters_is_not_changed(self, tail: bytes) -> None:
        tail = re.sub(rb"[^A-Za-z0-9%/+;=@:~-]", b"", tail)
        tail = re.sub(rb"%(?![0-9A-Fa-f]{2})", b"", tail)
        request = native(b"/r/" + tail, "/r/(.*)")
        if request is not None and not climbs(tail):
            self.assertEqual(Target("http://h/b/", "/r/(.*)", FOLDER).place(request).path, b"/b/" + tail)


class TargetTests(SynchronousTestCase):
    def test_hosts_ports_users_and_sockets(self) -> None:
        for url, origin, authority in (
            ("http://Host.Example", b"http://host.example", b"host.example"),
            ("https://h:8443/x", b"https://h:8443", b"h:8443"),
            ("http://[::1]:80/", b"http://[::1]:80", b"[::1]:80"),
            ("http://u:p@h/", b"http://h", b"h"),
            ("http://bücher.example/", b"http://xn--bcher-kva.example", b"xn--bcher-kva.example"),
            ("http+unix:///run/a.sock:/x", b"http+unix://%2Frun%2Fa.sock", b"localhost"),
            ("http+unix:///run/a.sock", b"http+unix://%2Frun%2Fa.sock", b"localhost"),
            ("http+unix://%2Frun%2Fa.sock/x", b"http+unix://%2Frun%2Fa.sock", b"localhost"),
            ("http+unix://a.sock:/x", b"http+unix://%2Fapp%2Fa.sock", b"localhost"),
        ):
            target = Target(url, "/r", FOLDER)
            self.assertEqual((target.origin, target.authority), (origin, authority), url)

    def test_mistakes_are_told(self) -> None:
        for url, told in {
            "ftp://h/": "is no URL of http://",
            "/path": "is no URL of http://",
            "http://{0}/": "the host comes from the configuration alone",
            "http://h{0}.example/": "the host comes from the configuration alone",
            "http+unix:///run/{0}.sock:/": "the path of the socket comes from the configuration alone",
            "http+unix:///" + "x" * 120: "over 107 bytes",
            "http://": "'' is no host",
            "http://h:99999/": "'h:99999' is no host",
            "http://h h/": "'h h' is no host",
            "http://h/{1}": "the pattern has no group {1}",
            "http://h/{name}": "the pattern has no group {name}",
            "http://h/{0:>9}": "can have no format",
            "http://h/{": "Single '{'",
            "http://h/a/../b": "may not hold '..'",
        }.items():
            with self.assertRaises(ValueError, msg=url) as caught:
                Target(url, "/r/(.*)", FOLDER)
            self.assertIn(told, str(caught.exception), url)

    def test_what_a_trailing_group_matches_is_appended_where_nothing_is_named(self) -> None:
        for pattern, path, expected in (
            ("/r/(.*)", b"/r/x/y", b"/b/x/y"),
            ("/r/(?P<rest>.+)$", b"/r/x", b"/b/x"),
            ("/r/([a-z]+)", b"/r/x", b"/b/"),
            ("/(.*)/r", b"/x/r", b"/b/"),
            ("/r", b"/r", b"/b/"),
        ):
            self.assertEqual(Target("http://h/b/", pattern, FOLDER).place(native(path, pattern)).path, expected)

    def test_literal_routes_need_no_match(self) -> None:
        place = Target("http://h/b?x=1", "/r", FOLDER).place(SimpleNamespace(path=b"/r", match=None))
        self.assertEqual(place, Place(b"/b", b"/b", b"/r", False))

    def test_climbing_is_seen_through_every_disguise(self) -> None:
        for path in (b"/..", b"/../", b"/a/../b", b"/%2e%2E", b"/%252e%252e/", b"/..%2f", b"/..%5cx", b"/..;a=b/x"):
            self.assertTrue(climbs(path), path)
        for path in (b"/", b"/...", b"/a..b", b"/..a", b"/%2e", b"/a%2e%2eb"):
            self.assertFalse(climbs(path), path)


class RewritingTests(SynchronousTestCase):
    PLACE = Place(b"/b/x", b"/b/", b"/r/", True)

    @settings(deadline=None, max_examples=200)
    @given(value=PATHS)
    def test_a_rewritten_location_never_leads_elsewhere_than_it_did(self, value: bytes) -> None:
        value = re.sub(rb"[\x80-\xff]", b"", value)
        found = location(value, b"http://up.example/b/x", frozenset({b"up.example"}), self.PLACE)
        if found != value:
            self.assertTrue(found.startswith(b"/r/"), found)

    def test_a_unix_sockets_redirects_lead_to_the_route(self) -> None:
        asked = b"http+unix://%2Frun%2Fa.sock/b/x"
        for value in (b"/b/y", b"y", b"http://localhost/b/y"):
            self.assertEqual(location(value, asked, frozenset({b"localhost"}), self.PLACE), b"/r/y")

    def test_a_cookie_without_a_name_is_left(self) -> None:
        self.assertEqual(cookie(b"", b"sid", self.PLACE), b"")
        self.assertEqual(cookie(b"; Path=/b/z;;", None, self.PLACE), b"; Path=/r/z;;")
