"""Google Analytics 4. Source: "Measurement Protocol" in Google's developer documentation. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from gramex_twisted.config.analytics import GA4
from gramex_twisted.services.analytics.about import About, is_named, secondaries
from gramex_twisted.services.analytics.sinks import JSON, Asking, Sink

#: Characters of the values of parameters: of those that Google knows as long ones, and of others.
LONG = {"page_location": 1000, "page_referrer": 420, "page_title": 300}
SHORT = 100
LONGEST_NAME = 40
_RESERVED = re.compile(
    r"(_|firebase_|ga_|google_|gtag\.).*|(session_start|first_visit|first_open|user_engagement|error|app_.*|ad_.*|"
    r"notification_.*|os_update|in_app_purchase|screen_view|page_view)"
)


class GoogleSink(Sink):
    """Sends page views and events of one visitor at a time: a request has one ``client_id``."""

    def __init__(self, options: GA4) -> None:
        super().__init__(options)
        keys = urlencode({"measurement_id": options.measurement_id, "api_secret": options.api_secret})
        self.url = f"{options.endpoint}{'&' if '?' in options.endpoint else '?'}{keys}"

    def records(self, event: Mapping[str, Any], about: About, client: str) -> Iterator[tuple[str, bytes]]:
        """See Sink."""
        micros = round(about.time * 1_000_000)
        if self.page_views:
            page = {"page_location": about.location, "page_title": about.title, "page_referrer": about.referrer}
            yield client, as_event("page_view", page, micros)
        for item in (event, *secondaries(event)):
            if is_named(item):
                own = {name: item.get(name) for name in ("category", "label")}
                params = {f"event_{name}": value for name, value in own.items()}
                yield client, as_event(name_of(str(item["action"])), params | {"value": item.get("value")}, micros)

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """See Sink."""
        body = b'{"client_id":"%b","non_personalized_ads":true,"events":[%b]}' % (key.encode(), b",".join(records))
        return Asking(self.url, JSON, body)


def as_event(name: str, params: Mapping[str, Any], micros: int) -> bytes:
    """An event as JSON. ``micros``: when it happened, in microseconds since 1970."""
    clean: dict[str, Any] = {}
    for key, value in params.items():
        value = plain(value, LONG.get(key, SHORT))
        if value is not None:
            clean[key] = value
    clean["engagement_time_msec"] = 1  # reports leave out what has none
    return orjson.dumps({"name": name, "timestamp_micros": micros, "params": clean})


def plain(value: Any, longest: int) -> str | float | None:
    """A parameter's value: a number, or a text of at most ``longest`` characters; None where there is nothing."""
    if isinstance(value, bool) or value is None:
        return None if value is None else str(value).lower()
    if isinstance(value, (int, float)):
        return value if math.isfinite(value) and abs(value) < 2**53 else str(value)[:longest]
    text = str(value).encode("utf-8", "replace").decode()[:longest]
    return text or None


def name_of(action: str) -> str:
    """An event's name of what happened: letters, digits and ``_``, and none that Google keeps for itself."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", action)[:LONGEST_NAME].rstrip("_")
    if not name[:1].isalpha() or _RESERVED.fullmatch(name):
        name = f"event_{name.lstrip('_')}"[:LONGEST_NAME]
    return name
