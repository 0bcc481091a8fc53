"""Paths and patterns: no crafted URL leaves the root, nothing ignored is seen."""

from __future__ import annotations

import os
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.files.options import FileOptions
from gramex_twisted.resources.files.paths import Globs, UnsafePathError, Visibility, below, decoded, inside
from gramex_twisted.resources.files.places import Asked, PatternPlaces, TablePlaces, places

PIECES_TEXT = r".. . / // \ %2e %2E%2e %2f %2F %5c %00 % %c0%ae %25 2e a b.txt c: etc passwd ~ * {0} { $HOME"
PIECES = st.sampled_from([*PIECES_TEXT.split(), " ", "é"])
CRAFTED = st.lists(PIECES, max_size=10).map("".join)


class DecodedTests(SynchronousTestCase):
    def test_what_is_harmless_is_decoded(self) -> None:
        for path, expected in {
            "/a/b.txt": "/a/b.txt",
            "": "",
            "/": "/",
            "dir/": "dir/",
            "/caf%C3%A9/x%20y": "/café/x y",
            "a..b/...": "a..b/...",
            "%7Euser": "~user",
        }.items():
            self.assertEqual(decoded(path), expected)

    def test_what_could_leave_or_get_around_is_refused(self) -> None:
        refused = (
            r".. /.. a/../b %2e%2e/x %2E%2E .%2e ./a /./admin //admin/x a//b // /// a%2Fb a%2fb %5C..%5C a\b a%00.txt"
        )
        for path in [*refused.split(), "\0", "c:/x", "C%3A", "/c:x"]:
            self.assertRaises(UnsafePathError, decoded, path)

    def test_invalid_utf8_is_told_apart(self) -> None:
        for path in ("%FF", "%c0%ae%c0%ae", "a/%E9"):
            self.assertRaises(UnicodeDecodeError, decoded, path)

    @settings(deadline=None, max_examples=500)
    @given(CRAFTED)
    def test_no_crafted_path_leaves_the_root(self, crafted: str) -> None:
        try:
            path = below("/srv/root", decoded(crafted))
        except ValueError:
            return
        self.assertTrue(path == "/srv/root" or path.startswith("/srv/root/"), path)
        self.assertNotIn("\0", path)
        self.assertEqual(os.path.normpath(path), path)

    @settings(deadline=None)
    @given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=4))
    def test_quoting_any_safe_name_finds_it_again(self, names: list[str]) -> None:
        path = "/".join(quote(name, safe="") for name in names)
        harmless = all(
            name not in (".", "..") and not set(name) & set("/\\\0") and not (name[1:2] == ":" and name[0].isascii())
            for name in names
        )
        if harmless:
            self.assertEqual(decoded(path), "/".join(names))


class PlacesTests(SynchronousTestCase):
    @settings(deadline=None, max_examples=300)
    @given(CRAFTED)
    def test_no_crafted_path_leaves_a_wildcard_or_table(self, crafted: str) -> None:
        wild = PatternPlaces("/srv", "root/x*.html")
        table = TablePlaces("/srv", {"/(?P<a>.*)": "root/{a}/b", "(.*)": "root/{0}"}, {})
        for kind in (wild, table):
            try:
                found = kind.find(Asked("/" + crafted, crafted))
            except ValueError:
                continue
            self.assertTrue(all(inside(place.path, "/srv/root") for place in found), found)

    def test_the_star_becomes_the_group(self) -> None:
        [place] = places("pages/*.html", "/srv", {}).find(Asked("/page/a/b", "a/b"))
        self.assertEqual((place.path, place.root, place.relative), ("/srv/pages/a/b.html", "/srv/pages", "a/b.html"))

    def test_groups_fill_the_braces_of_a_table(self) -> None:
        kind = places({"/(.*)-(?P<lang>en|de)?": "t/{0}.{lang}.html"}, "/srv", {"lang": "fr"})
        self.assertEqual(kind.find(Asked("/a-de"))[0].path, "/srv/t/a.de.html")
        self.assertEqual(kind.find(Asked("/a-"))[0].path, "/srv/t/a.fr.html")

    def test_a_missing_group_is_a_mistake(self) -> None:
        error = self.assertRaises(ValueError, places, {"/x": "t/{name}"}, "/srv", {})
        self.assertEqual(str(error), "'t/{name}' needs the group {name}, which '/x' does not have")

    def test_a_bad_regular_expression_is_a_mistake(self) -> None:
        error = self.assertRaises(ValueError, places, {"/(": "t"}, "/srv", {})
        self.assertIn("'/(' is not a regular expression", str(error))


class GlobTests(SynchronousTestCase):
    def matches(self, glob: str, relative: str) -> bool:
        return Globs([glob]).match(relative, "/srv/my.python/" + relative)

    def test_without_a_slash_names_count(self) -> None:
        self.assertTrue(self.matches("*.md", "a/b.md"))
        self.assertFalse(self.matches("a*", "a/b.md"))
        self.assertFalse(self.matches("*.py*", "a/b.md"))

    def test_with_a_slash_paths_count(self) -> None:
        for glob in ("a/*.md", "a/**", "**/b.md", "/srv/*/b.md", "a/**/b.md", "./a/b.md", "x/**/a/b.md"):
            self.assertEqual(self.matches(glob, "a/b.md"), glob != "x/**/a/b.md", glob)

    def test_a_suffix_of_the_path_is_enough(self) -> None:
        self.assertTrue(self.matches("private/*", "users/private/x"))


class VisibilityTests(SynchronousTestCase):
    def hidden(self, relative: str, allow: list[str] | None = None, ignore: list[str] | None = None) -> bool:
        defaults = FileOptions(path=".")
        patterns = defaults.ignore if ignore is None else ignore
        return Visibility(patterns, allow or []).hidden(relative, "/srv/" + relative)

    def test_defaults_hide_what_is_not_for_the_web(self) -> None:
        for name in [
            ".env",
            ".git/config",
            "a/.htpasswd",
            "gramex.yaml",
            "gramex-dev.yaml",
            "x.py",
            "x.pyc",
            ".secrets.yaml",
        ]:
            self.assertTrue(self.hidden(name), name)
        for name in ("index.html", "a/b.yaml", "pypi.html", "x.python.txt"[:1]):
            self.assertFalse(self.hidden(name), name)

    def test_upper_case_does_not_help(self) -> None:
        for name in ("GRAMEX.YAML", "x.PY", ".Secrets.yaml"):
            self.assertTrue(self.hidden(name), name)

    def test_allow_beats_ignore(self) -> None:
        self.assertFalse(self.hidden("x.py", allow=["*.py"]))
        self.assertFalse(self.hidden(".well-known/acme/x", allow=[".well-known"]))
        self.assertFalse(self.hidden(".well-known/acme/x", allow=[".well-known/*"]))
        self.assertTrue(self.hidden(".well-known/.x", allow=[".well-known"]))

    def test_secrets_are_never_seen(self) -> None:
        self.assertTrue(self.hidden(".secrets.yaml", allow=["*", ".secrets.yaml"], ignore=[]))
        self.assertTrue(self.hidden("a/.SECRETS.yaml", allow=["*"], ignore=[]))
