"""Conditional requests, by the rules of RFC 9110, 13."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from gramex_twisted.web.conditional import precondition, seconds_of, wanted_range

ETAG = '"abc"'
MODIFIED = 784111777
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:49:38 GMT"
EARLIER = "Sun, 06 Nov 1994 08:49:36 GMT"


def headers(**values: str) -> Headers:
    return Headers({name.replace("_", "-"): [value] for name, value in values.items()})


class PreconditionTests(SynchronousTestCase):
    def check(self, expected: int | None, **values: str) -> None:
        self.assertEqual(precondition(headers(**values), ETAG, MODIFIED), expected, values)

    def test_nothing_asked(self) -> None:
        self.check(None)

    def test_if_none_match_compares_weakly(self) -> None:
        self.check(304, If_None_Match='"abc"')
        self.check(304, If_None_Match='W/"abc"')
        self.check(304, If_None_Match='"x", "a,b", "abc"')
        self.check(304, If_None_Match="*")
        self.check(None, If_None_Match='"abcd"')
        self.check(None, If_None_Match='"ab,c"')

    def test_if_modified_since_compares_seconds(self) -> None:
        self.check(304, If_Modified_Since=DATE)
        self.check(304, If_Modified_Since=LATER)
        self.check(None, If_Modified_Since=EARLIER)
        self.check(None, If_Modified_Since="yesterday")

    def test_if_none_match_beats_if_modified_since(self) -> None:
        self.check(None, If_None_Match='"other"', If_Modified_Since=LATER)

    def test_if_match_compares_strongly(self) -> None:
        self.check(None, If_Match='"abc"')
        self.check(412, If_Match='W/"abc"')
        self.check(412, If_Match='"other"')

    def test_if_unmodified_since(self) -> None:
        self.check(412, If_Unmodified_Since=EARLIER)
        self.check(None, If_Unmodified_Since=DATE)

    @settings(deadline=None)
    @given(st.text(st.characters(max_codepoint=255), max_size=40))
    def test_any_header_is_survived(self, text: str) -> None:
        value = text.replace("\n", "").replace("\r", "")
        for name in ("If-None-Match", "If-Match", "If-Modified-Since", "If-Unmodified-Since"):
            found = Headers()
            found.addRawHeader(name.encode(), value.encode("latin-1"))
            self.assertIn(precondition(found, ETAG, MODIFIED), (None, 304, 412))


class RangeTests(SynchronousTestCase):
    def check(self, expected: str | None, **values: str) -> None:
        self.assertEqual(wanted_range(headers(**values), ETAG, MODIFIED), expected, values)

    def test_a_range_alone_applies(self) -> None:
        self.check("bytes=0-1", Range="bytes=0-1")

    def test_if_range_must_be_this_very_file(self) -> None:
        self.check("bytes=0-1", Range="bytes=0-1", If_Range=ETAG)
        self.check("bytes=0-1", Range="bytes=0-1", If_Range=DATE)
        self.check(None, Range="bytes=0-1", If_Range='"other"')
        self.check(None, Range="bytes=0-1", If_Range='W/"abc"')
        self.check(None, Range="bytes=0-1", If_Range=LATER)


class DateTests(SynchronousTestCase):
    def test_all_three_forms_of_rfc_9110(self) -> None:
        for text in (DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"):
            self.assertEqual(seconds_of(text), MODIFIED, text)

    def test_nonsense_is_none(self) -> None:
        for text in ("", "0", "tomorrow", "Sun, 99 Nov 1994 08:49:37 GMT"):
            self.assertIsNone(seconds_of(text), text)
