"""Times: intervals and cron lines."""

import os
import time
from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.config.cron import FIELDS, Cron, check_field, cron, parse_every


def utc(*parts: int) -> float:
    """Seconds since 1970 of a moment in UTC."""
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]


def in_utc(moment: float | None) -> str:
    """A moment in UTC, for comparison."""
    return "never" if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M")


class EveryTests(SynchronousTestCase):
    def test_units(self) -> None:
        known = {
            "1 hour": 3600,
            "3h 30m": 12600,
            "90s": 90,
            "90": 90,
            "1.5 days": 129600,
            "2 weeks 1 second": 1209601,
            "1W2D3H4M5S": 788645,
            "10 Minutes": 600,
            30: 30,
            0.5: 0.5,
        }
        self.assertEqual({text: parse_every(text) for text in known}, known)

    def test_what_is_no_time(self) -> None:
        for text in (
            "",
            " ",
            "soon",
            "1 month",
            "1 year",
            "h",
            "1..5 h",
            "-5s",
            "5s 1h",
            True,
            None,
            [1],
            "1h;2m",
            "²s",
        ):
            with self.assertRaises(ValueError, msg=repr(text)):
                parse_every(text)

    def test_what_is_too_short_or_too_long(self) -> None:
        for text in (0, "0 hours", 0.01, "1000 weeks", float("inf"), float("nan"), "9" * 400 + " h"):
            with self.assertRaisesRegex(ValueError, r"must be between 0\.1 seconds and 10 years"):
                parse_every(text)


class FieldTests(SynchronousTestCase):
    def test_what_a_field_may_say(self) -> None:
        self.assertEqual(check_field("minutes", 30), "30")
        self.assertEqual(check_field("minutes", [0, 30]), "0,30")
        self.assertEqual(check_field("hours", " 8-16 / 2 "), "8-16/2")
        self.assertEqual(check_field("weekdays", "Mon-Fri"), "mon-fri")
        self.assertEqual(check_field("weekdays", "L5"), "l5")
        self.assertEqual(check_field("dates", "L"), "l")
        self.assertEqual(check_field("months", "JAN,jun"), "jan,jun")

    def test_what_it_may_not(self) -> None:
        wrong = {
            "minutes": [60, -1, "*/0", "x", "", "@daily", "r", "h", "1.5", True, {}, [[1]], "1 * * * *", "5\n6"],
            "hours": [24, "noon"],
            "dates": [0, 32, "z1"],
            "months": [0, 13, "january1", "*/*"],
            "weekdays": [8, "someday", "R"],
            "years": [1969, 2200, "L"],
        }
        for name, values in wrong.items():
            for value in values:
                with self.assertRaisesRegex(ValueError, "^must be ", msg=f"{name}: {value!r}"):
                    check_field(name, value)

    @settings(max_examples=200, deadline=None)
    @given(st.sampled_from(FIELDS), st.text(alphabet="0123456789*,-/l?#monfrijanRhw \n", max_size=8))
    def test_a_field_that_passes_never_fails_later(self, name: str, text: str) -> None:
        try:
            checked = check_field(name, text)
        except ValueError:
            return
        try:
            made = cron({name: checked}, utc=True)
        except ValueError as error:
            self.assertIn("no day from 1970 to 2099 has", str(error))
            return
        found = made.next(0)
        assert found is not None
        self.assertGreater(found, 0)


class CronTests(SynchronousTestCase):
    def test_the_times_of_a_line_in_utc(self) -> None:
        made = cron({"minutes": "0,30", "hours": "8-10/2", "weekdays": "mon-fri"}, utc=True)
        moment: float | None = utc(2026, 1, 2, 8, 0)  # a Friday
        found = []
        for _ in range(5):
            assert moment is not None
            moment = made.next(moment)
            found.append(in_utc(moment))
        self.assertEqual(
            found,
            ["2026-01-02 08:30", "2026-01-02 10:00", "2026-01-02 10:30", "2026-01-05 08:00", "2026-01-05 08:30"],
        )

    def test_dates_and_weekdays_must_both_fit(self) -> None:
        made = cron({"minutes": "0", "hours": "0", "dates": "13", "weekdays": "fri"}, utc=True)
        self.assertEqual(in_utc(made.next(utc(2026, 4, 1))), "2026-11-13 00:00")

    def test_the_last_day_of_a_month(self) -> None:
        made = cron({"minutes": "0", "hours": "12", "dates": "l"}, utc=True)
        self.assertEqual(in_utc(made.next(utc(2028, 2, 1))), "2028-02-29 12:00")

    def test_a_year_that_is_over_has_no_next_time(self) -> None:
        self.assertIsNone(cron({"years": "2010"}, utc=True).next(utc(2026, 1, 1)))

    def test_dates_that_no_day_has(self) -> None:
        for fields in ({"dates": "31", "months": "feb"}, {"dates": "30", "months": "2", "years": "2027"}):
            with self.assertRaisesRegex(ValueError, "^no day from 1970 to 2099 has dates: 3"):
                cron(fields)


class ZoneTests(SynchronousTestCase):
    """In Berlin, clocks went from 2:00 to 3:00 on 29 March 2026, and go from 3:00 back to 2:00 on 25 October."""

    def setUp(self) -> None:
        before = os.environ.get("TZ")
        os.environ["TZ"] = "Europe/Berlin"
        time.tzset()

        def restore() -> None:
            os.environ.pop("TZ") if before is None else os.environ.__setitem__("TZ", before)
            time.tzset()

        self.addCleanup(restore)

    def times(self, made: Cron, after: float, count: int) -> list[str]:
        found = []
        for _ in range(count):
            after = made.next(after) or 0
            found.append(in_utc(after))
        return found

    def test_fields_are_of_local_time(self) -> None:
        made = cron({"minutes": "30", "hours": "9"})
        self.assertEqual(self.times(made, utc(2026, 1, 1), 1), ["2026-01-01 08:30"])
        self.assertEqual(self.times(made, utc(2026, 7, 1), 1), ["2026-07-01 07:30"])

    def test_a_time_that_is_left_out_is_made_up_for(self) -> None:
        made = cron({"minutes": "30", "hours": "2"})
        self.assertEqual(
            self.times(made, utc(2026, 3, 28), 3), ["2026-03-28 01:30", "2026-03-29 01:30", "2026-03-30 00:30"]
        )

    def test_a_time_that_comes_twice_is_run_once(self) -> None:
        made = cron({"minutes": "30", "hours": "2"})
        self.assertEqual(self.times(made, utc(2026, 10, 25), 2), ["2026-10-25 00:30", "2026-10-26 01:30"])

    def test_every_half_hour_is_one_on_the_days_of_change_too(self) -> None:
        made = cron({"minutes": "0,30"})
        for began in (utc(2026, 3, 28, 22), utc(2026, 10, 24, 22)):
            moments = [began]
            for _ in range(20):
                moments.append(made.next(moments[-1]) or 0)
            self.assertEqual({later - earlier for earlier, later in pairwise(moments)}, {1800})
