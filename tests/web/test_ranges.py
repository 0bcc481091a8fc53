"""Range headers: what they ask for, and that no answer says more or less than the file holds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.web.ranges import MOST_PARTS, parse_ranges, partial

SIZES = st.integers(0, 200)
NUMBERS = st.one_of(st.just(""), st.integers(0, 300).map(str))
SPECS = st.tuples(NUMBERS, NUMBERS).map("-".join)
HEADERS = st.one_of(
    st.lists(SPECS, max_size=8).map(lambda specs: "bytes=" + ",".join(specs)), st.text(max_size=30), st.just("bytes=")
)


class ParseTests(SynchronousTestCase):
    def test_first_and_last_are_inclusive(self) -> None:
        self.assertEqual(parse_ranges("bytes=0-499", 10000), [range(500)])
        self.assertEqual(parse_ranges("bytes=500-999", 10000), [range(500, 1000)])

    def test_an_open_end_and_a_suffix_reach_the_end(self) -> None:
        self.assertEqual(parse_ranges("bytes=9500-", 10000), [range(9500, 10000)])
        self.assertEqual(parse_ranges("bytes=-500", 10000), [range(9500, 10000)])

    def test_what_reaches_over_the_end_is_cut_there(self) -> None:
        self.assertEqual(parse_ranges("bytes=5-999", 10), [range(5, 10)])
        self.assertEqual(parse_ranges("bytes=-999", 10), [range(10)])

    def test_ranges_outside_the_file_are_not_satisfiable(self) -> None:
        for header in ("bytes=10-", "bytes=10-20", "bytes=-0", "bytes=99999999999999999999-"):
            self.assertEqual(parse_ranges(header, 10), [], header)

    def test_a_range_outside_is_left_out_beside_one_inside(self) -> None:
        self.assertEqual(parse_ranges("bytes=0-1,50-60", 10), [range(2)])

    def test_several_stay_in_the_order_asked(self) -> None:
        self.assertEqual(parse_ranges("bytes=8-9, 0-1", 10), [range(8, 10), range(2)])

    def test_overlapping_ones_are_joined(self) -> None:
        self.assertEqual(parse_ranges("bytes=5-7,0-2,2-5", 10), [range(8)])

    def test_mistakes_and_other_units_are_ignored(self) -> None:
        for header in ("bytes", "bytes=a-b", "bytes=5-2", "lines=0-1", "bytes=-", "bytes=1-2-3", "bytes=1_0-2", ""):
            self.assertIsNone(parse_ranges(header, 100), header)

    def test_too_many_parts_are_ignored(self) -> None:
        header = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(MOST_PARTS + 1))
        self.assertIsNone(parse_ranges(header, 1000))

    @settings(deadline=None, max_examples=300)
    @given(HEADERS, SIZES)
    def test_every_range_lies_in_the_file_and_none_twice(self, header: str, size: int) -> None:
        ranges = parse_ranges(header, size) or []
        positions = [position for item in ranges for position in item]
        self.assertTrue(all(item for item in ranges))
        self.assertEqual(len(positions), len(set(positions)) if len(ranges) > 1 else len(positions))
        self.assertTrue(all(0 <= position < size for position in positions))

    @settings(deadline=None)
    @given(st.integers(0, 100), st.integers(0, 100), SIZES)
    def test_one_range_is_pythons_slice(self, first: int, last: int, size: int) -> None:
        body = bytes(index % 251 for index in range(size))
        ranges = parse_ranges(f"bytes={first}-{last}", size)
        if ranges:
            self.assertEqual(body[ranges[0].start : ranges[0].stop], body[first : last + 1])
        else:
            self.assertTrue(last < first or first >= size)


class PartialTests(SynchronousTestCase):
    def test_one_range_says_where_it_is(self) -> None:
        found = partial("bytes=0-0", 10, "text/plain", "b")
        assert found is not None
        self.assertEqual(
            (found.status, found.headers, list(found.parts)), (206, {"Content-Range": "bytes 0-0/10"}, [range(1)])
        )
        self.assertEqual(found.length, 1)

    def test_an_unsatisfiable_range_says_how_long_the_file_is(self) -> None:
        found = partial("bytes=10-", 10, "text/plain", "b")
        assert found is not None
        self.assertEqual((found.status, found.headers), (416, {"Content-Range": "bytes */10"}))

    def test_several_ranges_are_parts_with_heads_of_their_own(self) -> None:
        found = partial("bytes=0-1,4-5", 10, "text/plain", "b")
        assert found is not None
        body = b"".join(
            part if isinstance(part, bytes) else b"0123456789"[part.start : part.stop] for part in found.parts
        )
        self.assertEqual(
            body,
            b"\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01"
            b"\r\n--b\r\nContent-Type: text/plain\r\nContent-Range: bytes 4-5/10\r\n\r\n45"
            b"\r\n--b--\r\n",
        )
        self.assertEqual(found.length, len(body))
        self.assertEqual(found.headers, {"Content-Type": "multipart/byteranges; boundary=b"})

    def test_a_header_to_ignore_gives_the_whole_body(self) -> None:
        self.assertIsNone(partial("pages=1", 10, "text/plain", "b"))
