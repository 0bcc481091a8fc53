"""``redirect:``: where a handler sends the client when it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from twisted.logger import Logger

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

log = Logger()

_SOURCES = ("query", "header", "url")


class Redirects:
    """The places a route may redirect to, in the order they are tried.

    :param option: a URL, or a dict of ``query`` (argument name), ``header`` (header name), ``url``, ``external``.
    :param route: the route's name, for the log.
    :raises ValueError: for any other key.
    """

    def __init__(self, option: str | dict[str, Any] | None, route: str) -> None:
        option = {"url": option} if isinstance(option, str) else dict(option or {})
        self._route = route
        self.external = bool(option.pop("external", False))
        for key in option:
            if key not in _SOURCES:
                raise ValueError(f"unknown key {key!r}; use {', '.join((*_SOURCES, 'external'))}")
        self._sources: tuple[tuple[str, str], ...] = tuple(option.items())

    @property
    def active(self) -> bool:
        """Whether the route redirects at all."""
        return bool(self._sources)

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments that say where to."""
        return tuple(value for source, value in self._sources if source == "query")

    def target(self, context: Context) -> str | None:
        """The first place that is given and allowed."""
        for source, value in self._sources:
            url = self._read(context, source, value)
            if url and (self.external or _stays(url, context)):
                return url
            if url:
                log.error("{route}: not redirecting to another site: {url!r}", route=self._route, url=url)
        return None

    def follow(self, context: Context) -> None:
        """Redirect to the target, else to the home page."""
        target = self.target(context)
        context.redirect(joined(target, context) if target else "/")

    def _read(self, context: Context, source: str, value: str) -> str | None:
        if source == "query":
            found: str | None = context.get_arg(value, None)
            return found
        if source == "url":
            return value
        sent = context.request.headers.get(value)
        # A form's Referer is the form: going back there would be going in circles.
        return None if sent and value.lower() == "referer" and _path(sent) == context.request.path else sent


def joined(url: str, context: Context) -> str:
    """``url``, which may be relative to what the client asked for."""
    here = context.xrequest_uri
    return urljoin("/" + here.lstrip("/") if here.startswith("/") else here, url)  # //host/path is a path here


def _stays(url: str, context: Context) -> bool:
    # /.//host is local, but becomes //host when it is joined to the URL of the page.
    return is_local(url, context) and is_local(joined(url, context), context)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def is_local(url: str, context: Context) -> bool:
    """Whether ``url`` stays on this site, whatever a browser makes of it (``//host``, ``/\\host``, tabs)."""
    cleaned = "".join(char for char in url if char > " ").replace("\\", "/")
    try:
        parts = urlsplit(cleaned)
    except ValueError:
        return False
    if not parts.scheme and not parts.netloc:
        return not cleaned.startswith("//")
    return parts.scheme == context.request.protocol and parts.netloc == context.request.host
