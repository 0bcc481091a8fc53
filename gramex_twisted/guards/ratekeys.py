"""``ratelimit.keys``: what requests have in common that are counted together."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

Getter: TypeAlias = "Callable[[Context], Any]"
Period: TypeAlias = Callable[[datetime], tuple[datetime, str]]
"""When the period around a moment (UTC) ends, and what it is called."""


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _hour(moment: datetime) -> tuple[datetime, str]:
    begin = moment.replace(minute=0, second=0, microsecond=0)
    return begin + timedelta(hours=1), begin.isoformat(" ")[:13]


def _day(moment: datetime) -> tuple[datetime, str]:
    begin = _midnight(moment)
    return begin + timedelta(days=1), begin.isoformat()[:10]


def _week(moment: datetime) -> tuple[datetime, str]:
    # Named after its Sunday, so that the week in which a year ends is one week.
    begin = _midnight(moment) - timedelta(days=moment.isoweekday() % 7)
    return begin + timedelta(days=7), f"{begin:%Y %U}"


def _month(moment: datetime) -> tuple[datetime, str]:
    begin = _midnight(moment).replace(day=1)
    return (begin + timedelta(days=31)).replace(day=1), begin.isoformat()[:7]


def _year(moment: datetime) -> tuple[datetime, str]:
    begin = _midnight(moment).replace(month=1, day=1)
    return begin.replace(year=begin.year + 1), begin.isoformat()[:4]


PERIODS: Mapping[str, Period] = {
    "hourly": _hour,
    "daily": _day,
    "weekly": _week,
    "monthly": _month,
    "yearly": _year,
}


def period(name: str, now: float) -> tuple[str, float]:
    """The period ``name`` around ``now``, seconds since the epoch: what it is called, and when it ends.

    Weeks begin on Sunday. All of them are UTC's.
    """
    end, text = PERIODS[name](datetime.fromtimestamp(now, UTC))
    return text, end.timestamp()


def _user(context: Context) -> Any:
    user = context.current_user
    if not isinstance(user, Mapping):
        return user or ""
    return user.get("id", user)


def _user_key(name: str) -> Getter:
    def getter(context: Context) -> Any:
        user = context.current_user
        return user.get(name, "") if isinstance(user, Mapping) else ""

    return getter


def _cookie(name: str) -> Getter:
    return lambda context: context.get_cookie(name, "")


def _environment(name: str) -> Getter:
    value = os.environ.get(name, "")
    return lambda context: value


#: Keys that need a fetched session.
OF_SESSION = frozenset({"user", "session"})

_PLAIN: Mapping[str, Getter] = {
    "user": _user,
    "ip": lambda context: context.request.remote_ip,
    "method": lambda context: context.method,
    "uri": lambda context: context.request.uri,
    "session": lambda context: context.session["id"],
    "name": lambda context: context.name,
}

_PREFIXED: Mapping[str, Callable[[str], Getter]] = {
    "user": _user_key,
    "args": lambda name: lambda context: context.get_argument(name, ""),
    "headers": lambda name: lambda context: context.request.headers.get(name, ""),
    "cookies": _cookie,
    "env": _environment,
    "request": lambda name: lambda context: getattr(context.request, name, ""),
}

#: What may be written, for messages.
KINDS = (*PERIODS, *_PLAIN, *(f"{prefix}.<name>" for prefix in _PREFIXED))


def getter_of(key: str) -> Getter | None:
    """What reads the value of ``key`` (``ip``, ``args.x`` ...) from a request; None when there is no such key."""
    if key in _PLAIN:
        return _PLAIN[key]
    prefix, _, name = key.partition(".")
    return _PREFIXED[prefix](name) if name and prefix in _PREFIXED else None
