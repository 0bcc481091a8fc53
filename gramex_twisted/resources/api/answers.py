"""An API's result on its way to bytes: on the reactor where it is small, else in a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from gramex_twisted.resources.api.formats import FORMATS
from gramex_twisted.resources.api.formats.htmlpage import Page, to_html
from gramex_twisted.resources.api.formats.jsontext import to_line
from gramex_twisted.web.run import as_deferred

if TYPE_CHECKING:
    from gramex_twisted.services.container import Services
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

    async def collected(self, values: AsyncIterator[Any] | Iterator[Any]) -> list[Any]:
        """All that an iterator gives; a plain one runs in a thread."""
        if isinstance(values, AsyncIterator):
            found: list[Any] = await as_deferred(_all(values), self.services.reactor, self.context.route.held)
            return found
        listed: list[Any] = await self.services.threads.run(list, values)
        return listed

    def lines(self, values: AsyncIterator[Any] | Iterator[Any]) -> AsyncIterator[bytes] | Iterator[bytes]:
        """Each item of an iterator as a line of JSON, when it comes."""
        return _async_lines(values) if isinstance(values, AsyncIterator) else _lines(values)


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


async def _all(values: AsyncIterator[Any]) -> list[Any]:
    return [value async for value in values]


async def _async_lines(values: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    try:
        async for value in values:
            yield to_line(value)
    finally:
        close = getattr(values, "aclose", None)
        if close is not None:
            await close()


def _lines(values: Iterator[Any]) -> Iterator[bytes]:
    try:
        for value in values:
            yield to_line(value)
    finally:
        close = getattr(values, "close", None)
        if close is not None:
            close()
