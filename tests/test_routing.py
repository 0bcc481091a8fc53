"""Which Endpoint answers a path."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.routing import Route, Router, normalized

MISSING: Any = SimpleNamespace(name="missing")


def router(*patterns: Any) -> Router:
    """A router of patterns, or (pattern, priority) pairs; each endpoint's name is its pattern."""
    routes = []
    for order, given_pattern in enumerate(patterns):
        pattern, priority = given_pattern if isinstance(given_pattern, tuple) else (given_pattern, 0)
        endpoint: Any = SimpleNamespace(name=pattern, order=order)
        routes.append(Route(pattern, priority, order, endpoint))
    return Router(routes, MISSING)


def found(root: Router, path: bytes | str) -> str:
    path = path.encode() if isinstance(path, str) else path
    name: str = root.resolve(path)[0].name
    return name


class RankTests(SynchronousTestCase):
    def test_priority_beats_everything(self) -> None:
        root = router("/a/b/c", ("/.*", 1))
        self.assertEqual(found(root, "/a/b/c"), "/.*")

    def test_more_slashes_win(self) -> None:
        root = router("/.*", "/a/.*", "/a/b/.*")
        self.assertEqual(found(root, "/a/b/c"), "/a/b/.*")
        self.assertEqual(found(root, "/a/x"), "/a/.*")
        self.assertEqual(found(root, "/x"), "/.*")

    def test_fewer_wildcards_win_at_equal_slashes(self) -> None:
        root = router("/(.*)-(.*)", "/(.*)", "/a-b")
        self.assertEqual(found(root, "/a-b"), "/a-b")
        self.assertEqual(found(root, "/x-y"), "/(.*)")

    def test_file_order_decides_between_equals(self) -> None:
        root = router("/(x.*)", "/(.*x)")
        self.assertEqual(found(root, "/x"), "/(x.*)")

    def test_of_two_equal_literals_the_first_counts(self) -> None:
        root = router("/same", "/same")
        self.assertEqual(root.resolve(b"/same")[0].order, 0)

    def test_a_literal_below_a_pattern_with_more_slashes_is_not_reached(self) -> None:
        root = router("/a", "/?/?a")
        self.assertEqual(found(root, "/a"), "/?/?a")


class MatchTests(SynchronousTestCase):
    def test_a_pattern_matches_the_whole_path(self) -> None:
        root = router("/ab")
        for path in ("/a", "/abc", "/x/ab", "/ab/", ""):
            self.assertEqual(found(root, path), "missing")

    def test_a_dot_in_a_literal_is_a_dot(self) -> None:
        root = router("/page.html")
        self.assertEqual(found(root, "/page.html"), "/page.html")
        self.assertEqual(found(root, "/pagexhtml"), "missing")

    def test_an_escaped_literal_is_found(self) -> None:
        self.assertEqual(found(router(r"/page\.html"), "/page.html"), r"/page\.html")

    def test_an_escaped_route_name_cannot_be_slipped_past(self) -> None:
        root = router("/admin/.*", "/(.*)")
        for path in ("/admin/x", "/%61dmin/x", "/%61%64%6D%69%6e/x"):
            self.assertEqual(found(root, path), "/admin/.*")

    def test_an_encoded_slash_is_not_a_slash(self) -> None:
        root = router("/a/b", "/(.*)")
        endpoint, match = root.resolve(b"/a%2fb")
        self.assertEqual((endpoint.name, match[1]), ("/(.*)", "a%2Fb"))

    def test_reserved_characters_match_raw_and_encoded(self) -> None:
        root = router("/@me:a,b", "/#")
        self.assertEqual(found(root, "/%40me%3Aa%2cb"), "/@me:a,b")
        self.assertEqual(found(root, "/%23"), "/#")

    def test_non_ascii_patterns_match_what_browsers_send(self) -> None:
        root = router("/café", "/größe/(.*)")
        self.assertEqual(found(root, "/caf%C3%A9"), "/café")
        self.assertEqual(found(root, "/caf%c3%a9"), "/café")
        self.assertEqual(found(root, "/café"), "/café")
        self.assertEqual(found(root, "/gr%C3%B6%C3%9Fe/x"), "/größe/(.*)")

    def test_a_bad_percent_escape_is_left_alone(self) -> None:
        self.assertEqual(normalized(b"/%zz%4"), "/%zz%4")

    def test_ten_thousand_literals_add_no_patterns_to_try(self) -> None:
        root = router(*(f"/page/{number}" for number in range(10_000)), "/(.*)")
        self.assertEqual(found(root, "/page/9999"), "/page/9999")
        self.assertEqual(len(root._patterns), 1)


class RoutingProperties(SynchronousTestCase):
    @settings(deadline=None, max_examples=200)
    @given(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1), min_size=1, max_size=6))
    def test_a_literal_of_any_text_is_found_by_its_quoted_path(self, names: list[str]) -> None:
        literals = [f"/{name}" for name in names if not re.search(r"[\\^$*+?{}\[\]|()%]", name)]
        root = router(*literals) if literals else router("/x")
        for literal in literals:
            self.assertEqual(found(root, quote(literal)), literal)

    @settings(deadline=None, max_examples=300)
    @given(st.binary(max_size=200))
    def test_any_path_is_routed_somewhere(self, path: bytes) -> None:
        root = router("/a", "/(.*)", "/a/(b|c)/.*")
        self.assertIn(found(root, b"/" + path), {"/a", "/(.*)", "/a/(b|c)/.*", "missing"})

    @settings(deadline=None, max_examples=200)
    @given(st.text(st.characters(min_codepoint=33, max_codepoint=126)))
    def test_normalizing_twice_changes_nothing(self, path: str) -> None:
        once = normalized(path.encode())
        if "%25" not in once:
            self.assertEqual(normalized(once.encode()), once)
