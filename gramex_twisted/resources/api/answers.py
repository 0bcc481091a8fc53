"""An API's result on its way to bytes: on the reactor where it is small, else in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.api.formats import FORMATS
from gramex_twisted.resources.api.formats.htmlpage import Page, to_html
from gramex_twisted.resources.api.formats.jsontext import to_line
from gramex_twisted.resources.api.reshaping import DROPPED, Reshaping
from gramex_twisted.web.run import as_deferred

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
    from gramex_twisted.services.threads import Threads
    from gramex_twisted.web.context import Context

#: Characters of texts that count as one item of a value.
TEXT = 64
_CONTAINERS, _SCALARS = frozenset({dict, list, tuple}), frozenset({int, float, bool, type(None)})


class Answer:
    """Writes the answers to one request."""

    def __init__(self, services: Services, context: Context) -> None:
        self.services = services
        self.context = context

    async def encoded(self, value: Any) -> bytes:
        """``value`` in the format of the request.

        :raises TypeError: for one that it cannot say.
        """
        name = self.context.format or "json"
        if is_light(value, FORMATS[name].light):
            return self.page(name, value)
        body: bytes = await self.services.threads.run(self.page, name, value)
        return body

    def page(self, name: str, value: Any) -> bytes:
        """``value`` in the format ``name``."""
        encode = FORMATS[name].encode
        return to_html(value, self._page()) if encode is None else encode(value)

    def _page(self) -> Page:
        request = self.context.request
        context = self.context
        repeatable = context.method in ("GET", "HEAD") and "GET" in context.route.handlers
        return Page(unquote(request.path), request.query, context.get_status(), repeatable)

    async def collected(self, values: AsyncIterator[Any] | Iterator[Any], most: int) -> list[Any]:
        """All that an iterator gives; a plain one runs in a thread.

        :raises HTTPError: 413 for more than ``most`` items. The iterator is closed then.
        """
        if isinstance(values, AsyncIterator):
            found: list[Any] = await as_deferred(_all(values, most), self.services.reactor, self.context.route.held)
            return found
        listed: list[Any] = await self.services.threads.run(_listed, values, most)
        return listed

    def lines(
        self, values: AsyncIterator[Any] | Iterator[Any], reshaping: Reshaping | None
    ) -> AsyncIterator[bytes] | Iterator[bytes]:
        """Each item of an iterator as a line of JSON, when it comes."""
        if isinstance(values, AsyncIterator):
            return _async_lines(values, reshaping, self.services.threads)
        return _lines(values, reshaping)


def is_light(value: Any, most: int) -> bool:
    """Whether ``value`` has at most ``most`` items, long texts counting as several. Looks at no more than these."""
    waiting: list[Any] = [(value,)]
    while waiting:
        items = waiting.pop()
        most -= len(items)
        if most < 0:
            return False
        for item in items.values() if isinstance(items, dict) else items:
            kind = type(item)
            if kind is str or kind is bytes:
                if len(item) > TEXT:
                    most -= len(item) // TEXT
            elif kind in _CONTAINERS:
                waiting.append(item)
            elif kind not in _SCALARS:
                most -= 10  # a date, say
                if hasattr(item, "__len__"):
                    return False  # or a DataFrame: who knows
    return most >= 0


async def _all(values: AsyncIterator[Any], most: int) -> list[Any]:
    found: list[Any] = []
    try:
        async for value in values:
            found.append(value)
            if len(found) > most:
                raise too_many(most)
    finally:
        await _aclose(values)
    return found


def _listed(values: Iterator[Any], most: int) -> list[Any]:
    try:
        found = list(islice(values, most + 1))
    finally:
        _close(values)
    if len(found) > most:
        raise too_many(most)
    return found


def too_many(most: int) -> HTTPError:
    """413, for an iterator that does not end in time."""
    message = f"the answer has more than {most} items; ask for format=jsonl, which sends each when it comes"
    return HTTPError(413, message, details={"keyword": "format", "max": most})


async def _async_lines(
    values: AsyncIterator[Any], reshaping: Reshaping | None, threads: Threads
) -> AsyncIterator[bytes]:
    try:
        async for value in values:
            item = value if reshaping is None else await threads.run(reshaping.document, value)
            if item is not DROPPED:
                yield to_line(item)
    finally:
        await _aclose(values)


def _lines(values: Iterator[Any], reshaping: Reshaping | None) -> Iterator[bytes]:
    try:
        for value in values:
            item = value if reshaping is None else reshaping.document(value)
            if item is not DROPPED:
                yield to_line(item)
    finally:
        _close(values)


async def _aclose(values: AsyncIterator[Any]) -> None:
    close = getattr(values, "aclose", None)
    if close is not None:
        await close()


def _close(values: Iterator[Any]) -> None:
    close = getattr(values, "close", None)
    if close is not None:
        close()
