"""What the text of an argument means to a column."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.data.types import Kind, QueryError, convert, rounded


class ConvertTests(SynchronousTestCase):
    def test_booleans_are_false_by_a_few_words_and_true_by_all_others(self) -> None:
        for text in ("", "0", "n", "no", "NO", "f", "False", " false "):
            self.assertIs(convert(text, Kind.BOOL), False, text)
        for text in ("1", "y", "yes", "true", "on", "anything"):
            self.assertIs(convert(text, Kind.BOOL), True, text)

    def test_values_have_the_type_of_the_column(self) -> None:
        cases = {
            (Kind.INT, " -12 "): -12,
            (Kind.INT, "+9223372036854775807"): 2**63 - 1,
            (Kind.FLOAT, "1e3"): 1000.0,
            (Kind.FLOAT, ".5"): 0.5,
            (Kind.DECIMAL, "1.10"): Decimal("1.10"),
            (Kind.TEXT, " x "): " x ",
            (Kind.DATE, "2024-02-29"): date(2024, 2, 29),
            (Kind.DATETIME, "2024-02-29"): datetime(2024, 2, 29),
            (Kind.DATETIME, "2024-02-29 08:30"): datetime(2024, 2, 29, 8, 30),
            (Kind.DATETIME, "2024-02-29T08:30:00.5+02:00"): datetime(2024, 2, 29, 6, 30, 0, 500000),
            (Kind.DATETIME, "2024-02-29T08:30:00 02:00"): datetime(2024, 2, 29, 6, 30),
            (Kind.INSTANT, "2024-02-29T08:30:00Z"): datetime(2024, 2, 29, 8, 30, tzinfo=UTC),
            (Kind.INSTANT, "2024-02-29T08:30:00-01:00"): datetime(2024, 2, 29, 9, 30, tzinfo=UTC),
            (Kind.TIME, "23:59:59.000001"): time(23, 59, 59, 1),
        }
        for (kind, text), value in cases.items():
            found = convert(text, kind)
            self.assertEqual((found, type(found)), (value, type(value)), text)

    def test_whatever_is_written_is_a_value_or_a_reason(self) -> None:
        @settings(deadline=None, max_examples=300)
        @given(st.text(max_size=12) | st.text("0123456789+-.:TZeE ", max_size=26), st.sampled_from(Kind))
        def check(text: str, kind: Kind) -> None:
            try:
                value = convert(text, kind)
            except ValueError as error:
                self.assertNotIn("\n", str(error))
                self.assertLess(len(str(error)), 60)
            else:
                self.assertIsNotNone(value)

        check()

    def test_what_was_written_by_python_is_read_back(self) -> None:
        @settings(deadline=None, max_examples=100)
        @given(
            st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),
            st.integers(-(2**63), 2**63 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
        )
        def check(moment: datetime, number: int, fraction: float) -> None:
            self.assertEqual(convert(moment.isoformat(), Kind.DATETIME), moment)
            self.assertEqual(convert(moment.date().isoformat(), Kind.DATE), moment.date())
            self.assertEqual(convert(moment.time().isoformat(), Kind.TIME), moment.time())
            self.assertEqual(convert(str(number), Kind.INT), number)
            self.assertEqual(convert(repr(fraction), Kind.FLOAT), fraction)

        check()

    def test_rounding_hides_in_what_order_floats_were_added(self) -> None:
        self.assertEqual(rounded(0.1 + 0.2), 0.3)
        self.assertEqual(rounded(sum([1.1, 3.3, 0.2, 1.1])), rounded(sum([0.2, 1.1, 1.1, 3.3])))
        self.assertEqual((rounded(1e300), rounded(123456789012345.0)), (1e300, 123456789012345.0))

    def test_an_error_shows_a_bounded_part_of_the_value(self) -> None:
        self.assertEqual(str(QueryError("a", "x" * 100, "no")), f"a={'x' * 60}...: no")
        self.assertEqual(str(QueryError("a\n", "\x1b\x7f", "no")), r"a\x0a=\x1b\x7f: no")
        self.assertEqual(str(QueryError("_limit", "", "no")), "_limit: no")
