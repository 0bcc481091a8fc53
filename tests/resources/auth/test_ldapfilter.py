"""Templates of LDAP filters and names: what people type stays a value."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ldaptor.protocols import pureldap
from ldaptor.protocols.pureber import BERDecoderContext, berDecodeObject
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.auth.ldapfilter import FilterTemplate, escape_dn, filled, is_dn, names_in

NASTY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.text('*()\\\0&|!=<>~:,+";# ab', min_size=1)


def decoded(template: str, **values: str) -> Any:
    """The filter as ldaptor reads it."""
    context = pureldap.LDAPBERDecoderContext_Filter(fallback=BERDecoderContext())
    wire = FilterTemplate(template).wire(values)
    found, used = berDecodeObject(context, wire)
    assert used == len(wire)
    return found


def shape(found: Any) -> Any:
    """A filter as tuples."""
    kind = type(found).__name__.removeprefix("LDAPFilter_")
    if kind in ("and", "or"):
        return kind, *(shape(part) for part in found)
    if kind == "not":
        return kind, shape(found.value)
    if kind == "present":
        return kind, found.value
    if kind == "substrings":
        return kind, found.type, *(part.value for part in found.substrings)
    return kind, found.attributeDesc.value, found.assertionValue.value


class FilterTests(SynchronousTestCase):
    def test_filters_of_every_kind(self) -> None:
        for template, expected in (
            ("(uid={user})", ("equalityMatch", b"uid", b"a")),
            ("uid={user}", ("equalityMatch", b"uid", b"a")),
            ("(objectClass=*)", ("present", b"objectClass")),
            ("(cn=x*{user}*z)", ("substrings", b"cn", b"x", b"a", b"z")),
            ("(cn=*{user})", ("substrings", b"cn", b"a")),
            ("(n>=5)", ("greaterOrEqual", b"n", b"5")),
            ("(n<=5)", ("lessOrEqual", b"n", b"5")),
            ("(cn~={user})", ("approxMatch", b"cn", b"a")),
            (r"(cn=\2a\c3\a9é )", ("equalityMatch", b"cn", b"*\xc3\xa9\xc3\xa9 ")),
            ("(cn=)", ("equalityMatch", b"cn", b"")),
            (
                "(&(objectClass=person)(|(uid={user})(mail={user}))(!(locked=TRUE)))",
                (
                    "and",
                    ("equalityMatch", b"objectClass", b"person"),
                    ("or", ("equalityMatch", b"uid", b"a"), ("equalityMatch", b"mail", b"a")),
                    ("not", ("equalityMatch", b"locked", b"TRUE")),
                ),
            ),
        ):
            self.assertEqual(shape(decoded(template, user="a")), expected, template)

    def test_a_matching_rule(self) -> None:
        wire = FilterTemplate("(memberOf:dn:1.2.840.113556.1.4.1941:={group})").wire({"group": "cn=x"})
        rule = b"1.2.840.113556.1.4.1941"
        content = bytes((0x81, len(rule))) + rule + b"\x82\x08memberOf\x83\x04cn=x\x84\x01\xff"
        self.assertEqual(wire, bytes((0xA9, len(content))) + content)

    def test_a_long_value_has_a_long_length(self) -> None:
        for size in (127, 128, 255, 256, 70_000):
            self.assertEqual(decoded("(uid={user})", user="x" * size).assertionValue.value, b"x" * size)

    def test_mistakes_are_told_with_their_place(self) -> None:
        for text, place in (
            ("(uid={user}", "character 12 should be ')'"),
            ("(uid={user}))", "character 13 should be the end"),
            ("(&)", "character 3 should be '('"),
            ("(={user})", "character 2 should be an attribute and a value"),
            ("(uid)", "character 2 should be an attribute and a value"),
            (r"(uid=\zz)", "character 6 should be ')'"),
            ("(uid:x=1)", "character 2 should be an attribute"),
            ("(!" * 60 + "(a=b)" + ")" * 60, "nested no deeper than 50"),
        ):
            with self.assertRaises(ValueError) as caught:
                FilterTemplate(text)
            self.assertIn(place, str(caught.exception))

    @settings(deadline=None, max_examples=200)
    @given(NASTY)
    def test_whatever_is_typed_is_a_value(self, typed: str) -> None:
        value = typed.encode("utf-8", "replace")
        self.assertEqual(
            shape(decoded("(&(uid={user})(!(cn=a*{user}*)))", user=typed)),
            ("and", ("equalityMatch", b"uid", value), ("not", ("substrings", b"cn", b"a", value))),
        )


class NameTests(SynchronousTestCase):
    def test_places_are_found_once_each(self) -> None:
        self.assertEqual(names_in("{domain}\\{user}{domain} {} {a-b}"), ("domain", "user"))

    def test_which_templates_are_distinguished_names(self) -> None:
        for template, expected in (("uid={user},dc=x", True), (" cn = {user}", True), ("0.9.2342={u}", True),
                                   ("DOM\\{user}", False), ("{user}@x.org", False), ("{user}", False)):  # fmt: skip
            self.assertEqual(is_dn(template), expected, template)

    @settings(deadline=None, max_examples=200)
    @given(NASTY)
    def test_whatever_is_typed_is_one_value_of_a_name(self, typed: str) -> None:
        """No comma, plus or quote is left that a server would split at."""
        name = filled("uid={user},ou=people", {"user": typed}, escape_dn)
        bare = ""
        rest = name.removeprefix("uid=").removesuffix(",ou=people")
        at = 0
        while at < len(rest):
            if rest[at] == "\\":
                bare += chr(int(rest[at + 1 : at + 3], 16))
                at += 3
            else:
                self.assertNotIn(rest[at], ',+"\\<>;=\0')
                bare += rest[at]
                at += 1
        self.assertEqual(bare, typed)
