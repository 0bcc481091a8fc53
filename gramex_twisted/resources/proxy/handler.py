"""ProxyHandler: passes requests to another server, and its answers back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramex_twisted.resources.base import Resource, Setup, response_headers
from gramex_twisted.resources.proxy.answering import (
    Gather,
    Lines,
    Relay,
    ResponseHeaders,
    announced,
    as_lines,
    send_whole,
)
from gramex_twisted.resources.proxy.exchange import Exchange
from gramex_twisted.resources.proxy.formats import Query
from gramex_twisted.resources.proxy.forwarding import RequestHeaders
from gramex_twisted.resources.proxy.messages import ProxyRequest, ProxyResponse, as_bytes
from gramex_twisted.resources.proxy.options import ProxyOptions
from gramex_twisted.resources.proxy.outgoing import Outgoing, ask_for_upgrade, check_origin, is_upgrade
from gramex_twisted.resources.proxy.patience import Watch
from gramex_twisted.resources.proxy.sending import Sender
from gramex_twisted.resources.proxy.target import Target
from gramex_twisted.resources.proxy.tunnel import Tunnel
from gramex_twisted.services.upstream.agent import Upstream
from gramex_twisted.services.upstream.response import Response
from gramex_twisted.services.upstream.service import Upstreams
from gramex_twisted.web.response import HANDLED
from gramex_twisted.web.stream import ClientGone

if TYPE_CHECKING:
    from gramex_twisted.functions import Function
    from gramex_twisted.web.context import Context
    from gramex_twisted.web.request import Request


class ProxyHandler(Resource):
    """Passes requests to another server, and its answers back."""

    options_model = ProxyOptions

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        options = self.options
        try:
            self.target = Target(options.url, setup.config.pattern, self.services.root)
        except ValueError as error:
            raise setup.error(str(error), "url") from None
        self.request_headers = RequestHeaders(options.request_headers, setup)
        self.query = Query(options.default, setup)
        response_headers(options.headers, setup, "headers")  # which tells what is no header
        self.response_headers = ResponseHeaders(options.headers)
        self.prepare = self._function("prepare", ["handler", "request"])
        self.modify = self._function("modify", ["handler", "request", "response"])
        self.upstreams = self.services.part(Upstreams)
        self.upstream = self._upstream()
        self.watch = Watch(self.services.reactor, options.request_timeout)
        self.upstreams.on_stop(self.watch.stop)
        # Those in threads fetch it when they touch it.
        functions = [function for function in (self.prepare, self.modify) if function is not None]
        self.needs_session = (
            self.request_headers.dynamic
            or self.query.dynamic
            or any(not self.threaded(function) for function in functions)
        )

    def _function(self, name: str, variables: list[str]) -> Function | None:
        spec = getattr(self.options, name)
        return None if spec is None else self.setup.function(spec, variables, name)

    def _upstream(self) -> Upstream:
        options = self.options
        try:
            return self.upstreams.open(
                connect_timeout=options.connect_timeout,
                most_idle=options.keep_alive,
                idle_timeout=options.keep_alive_timeout,
                authorities=None if options.ca is None else Path(self.services.root, options.ca),
            )
        except (OSError, ValueError) as error:
            raise self.setup.error(str(error), "ca") from None

    def streams_body(self, request: Request) -> bool:
        """A body is passed on while it arrives, unless ``prepare`` may want to see it."""
        return self.prepare is None

    async def on_GET(self, context: Context) -> Any:
        """The upstream's answer."""
        asked = self._outgoing(context)
        prepared: ProxyRequest | None = None
        if self.prepare is not None:
            prepared = asked.for_user(context.request.body or None)
            await self.run(self.prepare, context, context, prepared)
            asked = asked.changed(prepared)
        if is_upgrade(context.native):
            check_origin(context)
            ask_for_upgrade(context.native, asked)
        exchange = Exchange(self.upstream, context.native, self.watch)
        try:
            response = await exchange.ask(asked.method, asked.url, asked.headers, asked.body, self.name)
            if response.code == 101:
                return self._upgraded(context, response)
            if self.modify is not None:
                return await self._modified(context, asked, prepared, response, exchange)
            return await self._passed_on(context, asked, response, exchange)
        finally:
            exchange.finish()

    on_POST = on_PUT = on_DELETE = on_PATCH = on_OPTIONS = on_GET

    def _outgoing(self, context: Context) -> Outgoing:
        native = context.native
        place = self.target.place(native)
        query = self.query.of(context, self.target.query_of(native))
        url = self.target.origin + place.path + (b"?" + query if query else b"")
        headers = self.request_headers.of(context)
        if self.target.authorization is not None and not headers.hasHeader(b"Authorization"):
            headers.setRawHeaders(b"Authorization", [self.target.authorization])
        body = None
        if self.prepare is None and (native.streamed is not None or native.body_size):
            body = Sender(context.body)
        asked = Outgoing(context.method.encode("ascii"), url, headers, body, place)
        if self.modify is not None:
            return asked.whole(b"gzip")
        return asked if context.recorder is None else asked.whole(b"identity")

    async def _passed_on(self, context: Context, asked: Outgoing, response: Response, exchange: Exchange) -> Any:
        headers = self.response_headers.of(context, response.headers, asked)
        if context._session is not None:
            await context.save_session()
        context._status, context._reason = response.code, response.phrase.decode("latin-1")  # checked when it came
        if not response.whole:
            return await self._relayed(context, as_lines(headers), response, exchange)
        body = exchange.body(response)
        if context.recorder is None:
            send_whole(context, response, headers, body)
            return HANDLED
        context._headers = as_lines(headers)
        return body

    async def _relayed(self, context: Context, headers: Lines, response: Response, exchange: Exchange) -> Any:
        length = announced(response, response.length if isinstance(response.length, int) else None)
        if length is not None:
            headers["Content-Length"] = [str(length)]
        context._headers = headers
        stream = context.open_stream()
        relay = Relay(stream, exchange.patience)

        def left() -> None:
            stream.connection_lost()
            relay.client_left()

        if not stream.gone:
            context.native.on_lost = left
            context.native.channel.relay(length)
        response.deliverBody(relay)
        await exchange.carried(relay.done)
        if context.recorder is not None:
            context.recorder.whole(context.get_status(), context._own_headers, b"")
        stream.finish()
        return HANDLED

    async def _modified(
        self, context: Context, asked: Outgoing, prepared: ProxyRequest | None, response: Response, exchange: Exchange
    ) -> bytes:
        assert self.modify is not None
        longest = self.options.max_response_size
        if response.whole:
            body: bytes | None = exchange.body(response)
        else:
            gather = Gather(longest, exchange.patience)
            response.deliverBody(gather)
            body = await exchange.carried(gather.done)
        exchange.patience.stop()
        changed = ProxyResponse.of(prepared or asked.for_user(None), response, body, longest)
        await self.run(self.modify, context, context, changed.request, changed)
        context.set_status(int(changed.code), str(changed.reason) if changed.reason else None)
        headers = self.response_headers.of(context, changed.headers.raw(), asked)
        context._headers = as_lines(headers)
        return as_bytes(changed.body, "modify")

    def _upgraded(self, context: Context, response: Response) -> Any:
        """The connection is no longer HTTP's: the request has ended."""
        native = context.native
        channel = native.channel
        if native._disconnected or channel is None or response.connection.state != "UPGRADED":
            response.connection.cut()
            raise ClientGone
        upstream, early = response.connection.take_over()
        client, channel.transport = channel.transport, None
        upstream.write(b"".join(channel._dataBuffer))  # what the client has said without waiting for the answer
        lines = [b"HTTP/1.1 101 " + (response.phrase or b"Switching Protocols")]
        for name, values in response.headers.getAllRawHeaders():
            lines += [name + b": " + value for value in values]
        client.write(b"\r\n".join([*lines, b"", b""]))
        context._status = native.code = 101
        tunnel = Tunnel(self.setup.config, self.services.reactor, self.options.websocket_timeout)
        self.upstreams.hold(tunnel)
        tunnel.open(client, upstream, early)
        native.site.channel_lost(channel)
        return HANDLED
