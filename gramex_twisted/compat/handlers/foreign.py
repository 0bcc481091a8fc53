"""Handlers that are derived from `tornado.web.RequestHandler` alone: what they do, done by a BaseHandler."""

from __future__ import annotations

from typing import Any

from gramex_twisted.compat.handlers.base import BaseHandler

TORNADO = "tornado.web.RequestHandler"
INSTEAD = {
    "tornado.web.StaticFileHandler": "write `handler: FileHandler`",
    "tornado.web.FallbackHandler": "name the WSGI app or the resource of Twisted itself",
    "tornado.websocket.WebSocketHandler": "derive it from gramex.handlers.BaseWebSocketHandler",
}
"""Those that use what only Tornado's server has, and what to do."""


def is_foreign(thing: Any) -> bool:
    """Whether it is a class of handlers of Tornado."""
    return TORNADO in _names(thing)


def refusal(thing: type[Any]) -> str | None:
    """Why such a class cannot be served, and what to do; None where it can."""
    for name in _names(thing):
        if name in INSTEAD:
            return f"is a {name}: {INSTEAD[name]}"
    if getattr(thing, "_stream_request_body", False):
        return "streams request bodies as Tornado does: write a class with streams_body(), or use UploadHandler"
    return None


def adopted(thing: type[Any]) -> type[BaseHandler]:
    """A BaseHandler with the methods of the class. What they inherit from Tornado's, or call there by ``super()``, is
    BaseHandler's."""
    from tornado.web import RequestHandler

    ours: Any = type("BaseHandler", (BaseHandler, RequestHandler), {})  # comes before Tornado's in the order of bases
    return type(thing.__name__, (thing, ours), {"__module__": thing.__module__, "__doc__": thing.__doc__})


def _names(thing: Any) -> list[str]:
    return [f"{base.__module__}.{base.__qualname__}" for base in getattr(thing, "__mro__", ())]
