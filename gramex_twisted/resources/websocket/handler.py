"""WebSocketHandler: guards, then the handshake, then a connection that is no request any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from gramex_twisted.errors import HTTPError
from gramex_twisted.functions import Function
from gramex_twisted.resources.base import Resource, Setup
from gramex_twisted.resources.websocket.connection import Connection
from gramex_twisted.resources.websocket.deflate import Compression, Deflate, negotiate
from gramex_twisted.resources.websocket.handshake import Offer, answer, offer_of, take_over
from gramex_twisted.resources.websocket.lean import Factory
from gramex_twisted.resources.websocket.options import VARIABLES, Plan, WebSocketOptions
from gramex_twisted.resources.websocket.origins import Origins
from gramex_twisted.resources.websocket.protocol import ServerProtocol
from gramex_twisted.services.websockets import WebSockets
from gramex_twisted.web.response import HANDLED

if TYPE_CHECKING:
    from gramex_twisted.web.context import Context

COMPRESSION = "get_compression_options"


class WebSocketHandler(Resource):
    """Opens WebSockets, and calls the route's functions for them."""

    options_model = WebSocketOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options = self.options
        self.functions = self.made_functions(setup)
        self.compression = self._compression()
        try:
            self.origins = Origins(options.origins or ())
        except ValueError as error:
            raise setup.error(str(error), "origins") from None
        if options.cache:
            raise setup.error("a WebSocket cannot be cached: remove this line", "cache")
        self.plan = Plan.of(setup, options, self.functions)
        # A function in a thread fetches the session when it asks for it; on the reactor it must be there.
        self.needs_session = any(
            not self.threaded(function) and (function.mode == "async" or "handler" in function.source)
            for function in self.functions.values()
        )
        self.factory = Factory(self.services.reactor, options.max_message_size, options.max_buffer)

    def made_functions(self, setup: Setup) -> dict[str, Function]:
        """What is called for a WebSocket, by the names of ``VARIABLES``."""
        return {
            name: setup.function(spec, variables, name)
            for name, variables in VARIABLES.items()
            if (spec := getattr(self.options, name)) is not None and not (name == COMPRESSION and _is_mapping(spec))
        }

    def admits(self, context: Context) -> bool:
        """Whether pages of the request's origin may connect."""
        return self.origins.admits(context)

    def _compression(self) -> Compression | None:
        spec = self.options.get_compression_options
        if not _is_mapping(spec):
            return None
        try:
            return Compression(**spec)
        except ValidationError as error:
            key, message = error.errors()[0]["loc"][0], error.errors()[0]["msg"]
            raise self.setup.error(message, COMPRESSION, str(key)) from None

    async def on_GET(self, context: Context) -> Any:
        """Open the WebSocket; it goes on when the request has ended.

        :raises HTTPError: where there is none to be opened.
        """
        offer = offer_of(context)
        if not self.admits(context):
            sent = context.request.headers.get("Origin", "")
            raise HTTPError(403, f"pages of {sent[:200]} may not connect: see `origins` of this route")
        if context.native.site.draining or self.services.part(WebSockets).draining:
            raise HTTPError(503, "the server is stopping", headers={"Retry-After": "5"})
        subprotocol = await self._subprotocol(context, offer)
        agreed = await self._agreed(context, offer)
        if self.options.session:
            await context.load_session()
            context.session.used = True
        await context.save_session()
        if context.native._disconnected:
            return HANDLED
        connection = Connection(self.plan, context, subprotocol)
        codec, extension = agreed or (None, None)
        connection.protocol = ServerProtocol(self.factory, codec, connection)
        context._socket = connection
        take_over(context, connection.protocol, answer(context, offer.key, subprotocol, extension), connection.opened)
        return HANDLED

    async def _subprotocol(self, context: Context, offer: Offer) -> str | None:
        function = self.functions.get("select_subprotocol")
        if function is None:
            return None
        chosen = await self._call(function, context, offer.subprotocols)
        if chosen is not None and chosen not in offer.subprotocols:
            raise ValueError(f"select_subprotocol returned {chosen!r}; the client offers {offer.subprotocols}")
        selected: str | None = chosen
        return selected

    async def _agreed(self, context: Context, offer: Offer) -> tuple[Deflate, str] | None:
        options = self.compression
        function = self.functions.get(COMPRESSION)
        if function is not None:
            result = await self._call(function, context)
            options = None if result is None else Compression(**result)
        return None if options is None else negotiate(offer.extensions, options, self.plan.max_message_size)

    async def _call(self, function: Function, context: Context, *values: Any) -> Any:
        return await self.run(function, context, context, *values)


def _is_mapping(spec: object) -> bool:
    """Whether compression options are written out, and are no ``{function: ...}``."""
    return isinstance(spec, dict) and "function" not in spec
