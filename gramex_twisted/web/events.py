"""Server-sent events: their text, and the Context's methods for them.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.python.threadable import isInIOThread

from gramex_twisted.web.values import dump_json

if TYPE_CHECKING:
    from gramex_twisted.services.eventstreams import OpenEvents

TYPE = "text/event-stream"
#: A comment, which clients ignore: it shows both ends that the other is there.
HEARTBEAT = b":\n\n"

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One event. ``data``: text, or what becomes JSON. ``event``: its type, ``message`` where there is none. ``id``:
    what a client says in Last-Event-ID when it comes back. ``retry``: milliseconds after which it does.

    :raises ValueError: for a line end or NUL in ``event`` or ``id``, and a ``retry`` that is no whole number.
    """

    data: Any = ""
    event: str | None = None
    id: str | int | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        for name in ("event", "id"):
            value = getattr(self, name)
            if value is not None and re.search("[\r\n\0]", str(value)):
                raise ValueError(f"the {name} of a server-sent event is one line without NUL, not {value!r}")
        if self.retry is not None and (not isinstance(self.retry, int) or self.retry < 0):
            raise ValueError(f"retry of a server-sent event is in whole milliseconds, not {self.retry!r}")


def encoded(value: Any) -> bytes:
    """An Event, or its data alone, as it is sent; None as a heartbeat."""
    if value is None:
        return HEARTBEAT
    event = value if isinstance(value, Event) else Event(value)
    lines = [f"{name}: {part}" for name in ("event", "id", "retry") if (part := getattr(event, name)) is not None]
    lines += [f"data: {line}" for line in _LINE_END.split(_text(event.data))]
    return "\n".join([*lines, "", ""]).encode("utf-8", "replace")


def _text(data: Any) -> str:
    if isinstance(data, (bytes, bytearray)):
        return bytes(data).decode("utf-8", "replace")
    return data if isinstance(data, str) else dump_json(data).decode("utf-8")


class Told(dict[str, Any]):
    """What ``handler.event`` is: a dict of its own for each request, which makes a server-sent event when called."""

    def __call__(
        self, data: Any = "", event: str | None = None, id: str | int | None = None, retry: int | None = None
    ) -> Event:
        """An event for a generator to yield."""
        return Event(data, event, id, retry)


class Events:
    """Methods of the Context for server-sent events."""

    route: Any
    request: Any
    get_header: Callable[[str], str | None]
    set_header: Callable[[str, object], None]
    _events: OpenEvents | None = None
    _told: Told | None = None

    @property
    def last_event_id(self) -> str | None:
        """The ``id`` of the last event that the client has had, where it comes back after its connection was lost."""
        last: str | None = self.request.headers.get("Last-Event-ID")
        return last

    @property
    def sends_events(self) -> bool:
        """Whether the response is a stream of events, by its Content-Type."""
        return (self.get_header("Content-Type") or "").partition(";")[0].strip().lower() == TYPE

    @property
    def event(self) -> Told:
        """Called, ``handler.event(data, event, id, retry)``, an event for a generator to yield. And a dict, in which an
        API says what analytics are told of this request: ``category``, ``action``, ``label``, ``value`` ..."""
        if self._told is None:
            self._told = Told()
        return self._told

    @event.setter
    def event(self, told: Mapping[str, Any]) -> None:
        """Tell analytics this."""
        self._told = Told(told)

    def send_event(
        self, data: Any = "", event: str | None = None, id: str | int | None = None, retry: int | None = None
    ) -> Deferred[None] | None:
        """Send one server-sent event now.

        In a thread it returns when a slow client has caught up. On the reactor it returns a Deferred: await it.

        :raises ClientGone: when the client has left, or the server ends the stream.
        """
        from gramex_twisted.web.response import send_part

        if not self.sends_events:
            self.set_header("Content-Type", f"{TYPE}; charset=UTF-8")
        made = Event(data, event, id, retry)

        def send() -> Deferred[None]:
            return Deferred.fromCoroutine(send_part(self, made))  # type: ignore[arg-type]

        if isInIOThread():
            return send()
        self.route.services.threads.call_in_reactor(send)
        return None
