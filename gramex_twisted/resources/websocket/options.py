"""The options of WebSocketHandler, and what is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from gramex_twisted.config.model import Seconds, Size
from gramex_twisted.config.settings import as_tuple
from gramex_twisted.functions import Function
from gramex_twisted.functions.sources import sources_of
from gramex_twisted.resources.base import Options, Setup

#: The functions of a route, with the variables that each gets.
VARIABLES = {
    "open": ["handler"],
    "on_message": ["handler", "message"],
    "on_close": ["handler"],
    "on_pong": ["handler", "data"],
    "select_subprotocol": ["handler", "subprotocols"],
    "get_compression_options": ["handler"],
}


class WebSocketOptions(Options):
    """WebSocketHandler calls functions for what happens on a WebSocket. Those of one connection are called one after
    another; `handler` lives as long as the connection."""

    open: Any = Field(default=None, description="Called with `handler` when a WebSocket is open.")
    on_message: Any = Field(
        default=None, description="Called with `handler, message` for each message: text, or bytes of a binary one."
    )
    on_close: Any = Field(
        default=None,
        description="Called with `handler` once, at the end of each connection, whatever ended it: see "
        "`handler.close_code` and `handler.close_reason`.",
    )
    on_pong: Any = Field(
        default=None, description="Called with `handler, data` when the client answers `handler.ping(data)`."
    )
    select_subprotocol: Any = Field(
        default=None,
        description="Called with `handler, subprotocols`, those that the client offers; returns one of them, or None. "
        "It runs before the WebSocket is open.",
    )
    get_compression_options: Any = Field(
        default=None,
        description="Compress messages: a mapping, or a function of `handler` that returns one, or None for no "
        "compression. Keys: `compression_level` (6), `mem_level` (8), `max_window_bits` (15), `context_takeover` "
        "(false). An empty mapping compresses too.",
    )
    origins: Annotated[
        tuple[str, ...] | None, BeforeValidator(as_tuple, json_schema_input_type=str | list[str] | None)
    ] = Field(
        default=None,
        description="Whose pages may connect, beside those of the same origin: a domain, which is its subdomains too, "
        "or a list; `*` for all.",
    )
    session: bool = Field(
        default=False,
        description="true: a visitor without a session gets one, so that functions can keep something in it.",
    )
    max_message_size: Size = Field(
        default=10 << 20, gt=0, description="Longest message in bytes, decompressed; longer ones close with 1009."
    )
    max_buffer: Size = Field(
        default=4 << 20,
        description="Bytes that wait for a client that does not read; then it is closed with 1008.",
    )
    ping_interval: Seconds = Field(default=30, description="Seconds between pings; 0: none.")
    ping_timeout: Seconds = Field(
        default=30, description="Seconds after a ping in which something has to come from the client."
    )
    close_timeout: Seconds = Field(
        default=5, gt=0, description="Seconds that a client has to answer that the WebSocket is to be closed."
    )


@dataclass(frozen=True)
class Plan:
    """What the connections of a route do, whichever app they belong to.

    ``identity``: what must be the same after a reload for a connection to live on: the route as it was written, and the
    source of its user modules.
    """

    open: Function | None
    on_message: Function | None
    on_close: Function | None
    on_pong: Function | None
    max_message_size: int
    ping_interval: float
    ping_timeout: float
    close_timeout: float
    identity: Any = field(repr=False)

    @classmethod
    def of(cls, setup: Setup, options: WebSocketOptions, functions: dict[str, Function]) -> Plan:
        """The plan of a route with these options."""
        config = setup.config
        named = {module for function in functions.values() for module in function.modules}
        sources = sources_of(named, setup.services.modules.imported()) if named else {}
        return cls(
            open=functions.get("open"),
            on_message=functions.get("on_message"),
            on_close=functions.get("on_close"),
            on_pong=functions.get("on_pong"),
            max_message_size=options.max_message_size,
            ping_interval=options.ping_interval,
            ping_timeout=options.ping_timeout,
            close_timeout=options.close_timeout,
            identity=(config.pattern, config.handler, config.kwargs, config.conf, sources),
        )
