"""Sinks: what a kind of channel makes of events, and how it sends them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from gramex_twisted.config.analytics import Channel, Slack, Webhook
from gramex_twisted.services.analytics.about import SECONDARY, About, is_named, secondaries
from gramex_twisted.services.upstream.asking import Answer

#: Records of one request. It is what Google takes, and enough for others.
MOST = 25
#: Bytes of one record.
LONGEST = 8 << 10
#: Characters of a line of Slack.
LONGEST_LINE = 500
#: Statuses after which the same request may succeed.
PASSING = frozenset({408, 425, 429})
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Asking:
    """A POST."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Sink:
    """What of a channel is of its kind."""

    def __init__(self, options: Channel) -> None:
        self.page_views = options.page_views

    def records(self, event: Mapping[str, Any], about: About, client: str) -> Iterator[tuple[str, bytes]]:
        """What is sent of one request: each with a key, since only those with equal ones share a request.

        :param client: the ``client_id``.
        :raises TypeError: for what cannot be told.
        """
        raise NotImplementedError

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """How some records of the same key are sent."""
        raise NotImplementedError

    def may_pass(self, answer: Answer) -> bool:
        """Whether what made ``answer`` an error may be over soon."""
        return answer.code >= 500 or answer.code in PASSING

    def left(self, records: Sequence[bytes], answer: Answer) -> Sequence[bytes]:
        """Those that were not taken, by an answer that is no error."""
        return ()

    def wants(self, event: Mapping[str, Any]) -> bool:
        """Whether there is anything to tell."""
        return self.page_views or is_named(event) or any(is_named(other) for other in secondaries(event))


class EventSink(Sink):
    """Those that get a request as one JSON object."""

    def records(self, event: Mapping[str, Any], about: About, client: str) -> Iterator[tuple[str, bytes]]:
        """See Sink."""
        if self.wants(event):
            yield "", as_json(event, about, client)


class WebhookSink(EventSink):
    """Posts JSON to a server."""

    def __init__(self, options: Webhook) -> None:
        super().__init__(options)
        self.url = options.url
        self.headers = {**JSON, **options.headers}

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """See Sink."""
        return Asking(self.url, self.headers, together(records))


class SlackSink(Sink):
    """Posts a message, with a line for each event."""

    def __init__(self, options: Slack) -> None:
        super().__init__(options)
        self.url = options.url

    def records(self, event: Mapping[str, Any], about: About, client: str) -> Iterator[tuple[str, bytes]]:
        """See Sink."""
        happened = [told(item) for item in (event, *secondaries(event)) if is_named(item)]
        for text in happened or ([""] if self.page_views else []):
            line = f"{about.method} {about.location} ({about.status}){text}"[:LONGEST_LINE]
            yield "", escaped(" ".join(line.split())).encode("utf-8", "replace")

    def request(self, key: str, records: Sequence[bytes], when: datetime) -> Asking:
        """See Sink."""
        text = b"\n".join(records).decode()
        return Asking(self.url, JSON, orjson.dumps({"text": text, "unfurl_links": False, "unfurl_media": False}))


def told(event: Mapping[str, Any]) -> str:
    """An event in words."""
    text = f": {event['category']} / {event['action']}"
    if event.get("label"):
        text += f": {event['label']}"
    return text if event.get("value") is None else f"{text} = {event['value']}"


def escaped(text: str) -> str:
    """``text`` as Slack shows it: nothing in it is a link or calls people."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def as_json(event: Mapping[str, Any], about: About, client: str) -> bytes:
    """A request and its event, as one JSON object.

    :raises TypeError: for what JSON cannot say.
    """
    own = {str(name): value for name, value in event.items() if name != SECONDARY}
    value = {
        "time": datetime.fromtimestamp(about.time, UTC).isoformat(timespec="milliseconds"),
        "client_id": client,
        "route": about.route,
        "method": about.method,
        "status": about.status,
        "page_location": about.location,
        "page_title": about.title,
        "page_referrer": about.referrer,
        "event": own,
        "secondary": [dict(other) for other in secondaries(event)],
    }
    full = {name: item for name, item in value.items() if item not in ("", {}, [])}
    return orjson.dumps(full, default=str, option=orjson.OPT_NON_STR_KEYS)


def together(records: Sequence[bytes]) -> bytes:
    """Several of these as one."""
    return b'{"events":[' + b",".join(records) + b"]}"
