"""Native twisted.web resources and Klein apps, mounted at a route unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource, getChildForRequest

from gramex_twisted.resources.base import Resource, Setup
from gramex_twisted.services.nativesockets import hold_native
from gramex_twisted.web.held import HeldAnswer
from gramex_twisted.web.response import HANDLED
from gramex_twisted.web.stream import ClientGone

if TYPE_CHECKING:
    from collections.abc import Callable

    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request

_METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS")


def as_resource(thing: Any) -> IResource | None:
    """``thing`` as a Twisted resource: one already, a class of them, or a Klein app; None for anything else."""
    provided: Any = IResource
    if isinstance(thing, type) and provided.implementedBy(thing):
        thing = thing()
    if provided.providedBy(thing):
        resource: IResource = thing
        return resource
    make = getattr(thing, "resource", None)
    if callable(make) and hasattr(thing, "route"):
        made = make()
        return made if provided.providedBy(made) else None
    return None


class NativeResource(Resource):
    """Lets a Twisted resource answer. The pattern's last group is the path below it."""

    needs_session = True

    def __init__(self, setup: Setup, resource: IResource) -> None:
        super().__init__(setup)
        self.resource = resource

    def handlers(self) -> dict[str, Callable[[Context], Any]]:
        """Every method is the resource's own business."""
        return dict.fromkeys(_METHODS, self.serve)

    async def serve(self, context: Context) -> Any:
        """Render the resource and wait until it has finished the request."""
        request = context.native
        request.context = context
        self._split_path(request)
        request.setHeader(b"Server", request.site.server)
        request.setHeader(b"Date", request.site.date)
        for name, values in context.route.default_headers.items():
            if name == "Vary":  # beside that of a guard
                values = [*(request.responseHeaders.getRawHeaders(name) or ()), *values]
            request.responseHeaders.setRawHeaders(name, values)
        await self._hand_over(context)
        transport = request.channel.transport
        request.method = context.method.encode("latin-1")
        request.answer = answer = HeldAnswer(context)
        try:
            request.render(getChildForRequest(self.resource, request))
        except BaseException:
            request.answer = None
            _forget_headers(request)
            raise
        channel = getattr(request, "channel", None)  # which a finished request has no more
        if channel is not None and channel.transport is None:
            # Another protocol has taken the connection over, such as a WebSocket: for HTTP the request has ended.
            request.site.channel_lost(channel)
            hold_native(self.services, transport)
            context._status = request.code = 101
            return HANDLED
        try:
            await answer.over
        except (ConnectionDone, ConnectionLost):
            raise ClientGone from None
        except BaseException:
            if not request.startedWriting:
                _forget_headers(request)
            raise
        context._status = request.code
        return HANDLED

    async def _hand_over(self, context: Context) -> None:
        """What guards have set goes out with the resource's own headers; cookies, with the first byte."""
        await context.save_session()
        for name, values in (context._kept or {}).items():
            context.native.responseHeaders.setRawHeaders(name, values)

    def _split_path(self, request: Request) -> None:
        path, below = request.path, b""
        match = request.match
        if match is not None and match.re.groups:
            start = match.start(match.re.groups)
            if start >= 0:
                text = match.string
                path, below = text[:start].encode("latin-1"), text[start:].encode("latin-1")
        request.prepath = [unquote_to_bytes(part) for part in path.strip(b"/").split(b"/") if part]
        request.postpath = [unquote_to_bytes(part) for part in below.split(b"/")] if match is not None else []
        request.sitepath = []  # type: ignore[attr-defined]


def _forget_headers(request: Request) -> None:
    """The error page has headers of its own."""
    request.responseHeaders = Headers()
    request.cookies.clear()
