"""Times: ``every: 1h 30m``, and the fields of a cron line. Imports croniter when a cron line is first read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: The fields of a cron line, in its order; what is not written is ``*``.
FIELDS = ("minutes", "hours", "dates", "months", "weekdays", "years")
FIRST, LAST = datetime(1970, 1, 1), 2099
DIGITS = re.compile(r"[\d*,/-]+")
ALLOWED = {
    "dates": re.compile(r"[\d*,/?l-]+"),
    "months": re.compile(r"(?:[\d*,/-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)+"),
    "weekdays": re.compile(r"(?:[\d*,/?l#-]|sun|mon|tue|wed|thu|fri|sat)+"),
}
RANGES = {
    "minutes": "0-59",
    "hours": "0-23",
    "dates": "1-31 (or L for the last)",
    "months": "1-12 or jan-dec",
    "weekdays": "0-7 (0 and 7 are Sunday) or sun-sat",
    "years": "1970-2099",
}
DURATION = re.compile(
    r"(?:(?P<w>[\d.]+)\s*w(?:k|ks|eek|eeks)?\s*)?(?:(?P<d>[\d.]+)\s*d(?:ay|ays)?\s*)?"
    r"(?:(?P<h>[\d.]+)\s*h(?:r|rs|our|ours)?\s*)?(?:(?P<m>[\d.]+)\s*m(?:in|ins|inute|inutes)?\s*)?"
    r"(?:(?P<s>[\d.]+)\s*s?(?:ec|ecs|econd|econds)?\s*)?",
    re.IGNORECASE,
)
UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
SHORTEST, LONGEST = 0.1, 10 * 366 * 86400.0


def parse_every(value: object) -> float:
    """Seconds of ``"1 hour"``, ``"3h 30m"``, ``"90s"`` or a number of seconds.

    :raises ValueError: for anything else, and for less than 0.1 seconds or more than 10 years.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a time such as '1 hour', '3h 30m' or 90 (seconds)")
    seconds = _duration(value.strip()) if isinstance(value, str) else float(value)
    if seconds is None:
        raise ValueError(f"must be a time such as '1 hour', '3h 30m' or 90 (seconds), not {value!r}")
    if not SHORTEST <= seconds <= LONGEST:
        raise ValueError(f"must be between 0.1 seconds and 10 years, not {value!r}")
    return seconds


def _duration(text: str) -> float | None:
    found = DURATION.fullmatch(text)
    if not found or not text:
        return None
    try:
        return sum(float(number) * UNITS[unit] for unit, number in found.groupdict().items() if number)
    except ValueError:  # 1.2.3
        return None


@dataclass(frozen=True)
class Cron:
    """A cron line. A moment must fit all of its fields, ``dates`` and ``weekdays`` both.

    ``utc``: the fields are of UTC; otherwise of the system's time zone.
    """

    line: str
    utc: bool = False

    def next(self, after: float) -> float | None:
        """The first time (seconds since 1970) after ``after`` that fits; None when there is none until 2099.

        A time that a clock change leaves out is run at as much later; one that comes twice, once, unless ``hours`` are
        ``*``: every hour then counts, the repeated one too.
        """
        if self.utc:
            found = self._after(datetime.fromtimestamp(after, UTC).replace(tzinfo=None))
            return None if found is None else found.replace(tzinfo=UTC).timestamp()
        if self.line.split()[1] == "*":
            return self._next_hourly(after)
        wall = datetime.fromtimestamp(after)
        while (found := self._after(wall)) is not None:
            moment = found.timestamp()
            if moment > after:
                return moment
            wall = found  # the hour before a clock is put back, which comes again
        return None

    def _next_hourly(self, after: float) -> float | None:
        """By a clock that is never changed; what then does not fit the changed one is no hit."""
        while True:
            shift = datetime.fromtimestamp(after).astimezone().utcoffset() or timedelta()
            found = self._after(datetime.fromtimestamp(after, UTC).replace(tzinfo=None) + shift)
            if found is None:
                return None
            moment = (found - shift).replace(tzinfo=UTC).timestamp()
            if datetime.fromtimestamp(moment).replace(fold=0) == found or self._fits(moment):
                return moment
            after = moment

    def _fits(self, moment: float) -> bool:
        wall = datetime.fromtimestamp(moment).replace(fold=0)
        return self._after(wall - timedelta(seconds=1)) == wall

    def possible(self) -> bool:
        """Whether any moment from 1970 to 2099 fits."""
        return self._after(FIRST - timedelta(seconds=1)) is not None

    def _after(self, wall: datetime) -> datetime | None:
        from croniter import CroniterBadDateError, croniter

        minute, hour, date, month, weekday, year = self.line.split()
        line = f"{minute} {hour} {date} {month} {weekday} 0 {year}"
        try:
            found: datetime = croniter(line, wall, day_or=False, max_years_between_matches=130).get_next(datetime)
        except CroniterBadDateError:
            return None
        return found if found.year <= LAST else None


def cron(fields: Mapping[str, str], utc: bool = False) -> Cron:
    """The Cron of some of FIELDS; each must have been checked.

    :raises ValueError: when no day has such a date.
    """
    made = Cron(" ".join(fields.get(name) or "*" for name in FIELDS), utc)
    if not made.possible():
        written = ", ".join(f"{name}: {fields[name]}" for name in FIELDS if fields.get(name))
        raise ValueError(f"no day from 1970 to 2099 has {written}")
    return made


def check_field(name: str, value: object) -> str:
    """A cron field as croniter takes it: ``*``, ``3,4``, ``1-5``, ``*/4``, ``8-16/2``, names of months and weekdays.

    :raises ValueError: for what is none.
    """
    parts = value if isinstance(value, list) else [value]
    text = ",".join(str(part) for part in parts if isinstance(part, int | str) and not isinstance(part, bool))
    text = text.replace(" ", "").lower()
    from croniter import CroniterError, croniter

    line = ["*"] * 5 + ["0", "*"]
    line[6 if name == "years" else FIELDS.index(name)] = text
    try:
        if text.count(",") < len(parts) - 1 or not ALLOWED.get(name, DIGITS).fullmatch(text):
            raise ValueError
        croniter(" ".join(line), FIRST)
    except (CroniterError, ValueError):
        raise ValueError(f"must be {RANGES[name]}, *, a list or a range such as 1-5 or */2, not {value!r}") from None
    return text
