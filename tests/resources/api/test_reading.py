"""The quick way to read a query: what it reads is what the other way reads."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.resources.api.reading import SHORT, _texts, plain_texts
from gramex_twisted.web.queries import parse_query

KNOWN = frozenset({"a", "b c", "size", "ü"})
QUERIES = st.lists(st.sampled_from(["a", "size", "b", "=", "&", "x y", "é", "%41", "+", "\t", "", "&a=", "1,2"])).map(
    lambda parts: "".join(parts).encode()
)


class PlainTests(SynchronousTestCase):
    def test_known_arguments_alone_each_with_all_its_values(self) -> None:
        found = plain_texts(b"a=1&x=2&a=3&size&a=b=c&=4&&", KNOWN)
        self.assertEqual(found, {"a": ["1", "3", "b=c"], "size": [""]})

    def test_what_is_encoded_long_or_strange_is_left_to_the_other_way(self) -> None:
        for query in (b"a=%41", b"a=x+y", b"a=\xc3\xa9", b"a=\x01", b"a=" + b"x" * SHORT):
            self.assertIsNone(plain_texts(query, KNOWN), query[:20])

    @settings(deadline=None, max_examples=200)
    @given(QUERIES | st.binary(max_size=30))
    def test_both_ways_agree(self, query: bytes) -> None:
        found = plain_texts(query, KNOWN)
        if found is not None and b" " not in query:  # a request line has no space in its address
            self.assertEqual(found, _texts(parse_query(query), KNOWN))
