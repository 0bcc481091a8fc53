"""Numbers and times as people read them. HELPERS are the names that the templates know."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from gramex_twisted.daemon.admin.history import SAMPLES

DASH = "\u2013"
UNITS = ("B", "KB", "MB", "GB", "TB")
#: Width and height of the line of requests, in its own units, and how many points it has at most.
WIDTH, HEIGHT, POINTS = 240.0, 48.0, SAMPLES - 1


def number(value: float | None) -> str:
    """``12,345``, ``0.27``, or a dash for nothing."""
    if value is None:
        return DASH
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def size(value: float | None) -> str:
    """Bytes: ``512 B``, ``1.4 MB``."""
    if value is None:
        return DASH
    for unit in UNITS:
        if value < 1024 or unit == UNITS[-1]:
            break
        value /= 1024
    return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.1f} {unit}"


def took(seconds: float | None) -> str:
    """How long something took: ``0.4 ms``, ``12 ms``, ``3.1 s``, ``2 min``."""
    if seconds is None:
        return DASH
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else span(seconds)


def span(seconds: float) -> str:
    """A time that has gone by: ``40 s``, ``12 min``, ``5 h``, ``3 days``."""
    for unit, word in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds // unit:.0f} {word}"
    return f"{int(max(0, seconds))} s"


def ago(moment: float | None) -> str:
    """``12 min ago``, or ``in 3 h`` for what is to come."""
    if moment is None:
        return DASH
    seconds = time.time() - moment
    if abs(seconds) < 1:
        return "now"
    return f"{span(seconds)} ago" if seconds > 0 else f"in {span(-seconds)}"


def since(moment: float) -> str:
    """How long something goes on, that began then."""
    return span(time.time() - moment)


def moment(when: float | None) -> str:
    """``21 Nov 10:20:00`` in the server's time zone, with the year where it is another one."""
    if when is None:
        return DASH
    found = datetime.fromtimestamp(when, UTC).astimezone()
    return f"{found:%-d %b %Y %H:%M}" if found.year != datetime.now(UTC).year else f"{found:%-d %b %H:%M:%S}"


def iso(when: float | None) -> str:
    """For programs, and for whoever looks closely."""
    return "" if when is None else datetime.fromtimestamp(when, UTC).isoformat(" ", "seconds").replace("+00:00", " UTC")


def percent(share: float | None) -> str:
    """``97 %``."""
    return DASH if share is None else f"{share * 100:.0f} %"


def line(values: Sequence[float]) -> str:
    """``values``, of which there are POINTS at most, as an SVG polyline: the newest at the right, the most on top."""
    if len(values) < 2:
        return ""
    most = max(values) or 1.0
    step = WIDTH / (POINTS - 1)
    first = WIDTH - step * (len(values) - 1)
    return " ".join(
        f"{first + i * step:.1f},{HEIGHT - 2 - value / most * (HEIGHT - 4):.1f}" for i, value in enumerate(values)
    )


HELPERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "number": number,
        "size": size,
        "took": took,
        "since": since,
        "ago": ago,
        "moment": moment,
        "iso": iso,
        "percent": percent,
        "line": line,
    }
)
