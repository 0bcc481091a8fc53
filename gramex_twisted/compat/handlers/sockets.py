"""BaseWebSocketHandler: WebSockets as a class that apps derive handlers from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.handlers.base import BaseHandler
from gramex_twisted.functions import Function
from gramex_twisted.functions.modes import mode_of_callable
from gramex_twisted.resources.base import Setup
from gramex_twisted.resources.websocket.handler import WebSocketHandler
from gramex_twisted.resources.websocket.options import VARIABLES, WebSocketOptions
from gramex_twisted.web.tornadoloop import meet_tornado


class BaseWebSocketHandler(BaseHandler):
    """One WebSocket. ``open``, ``on_message(message)``, ``on_close``, ``on_pong(data)``, ``select_subprotocol(all)``,
    ``get_compression_options`` and ``check_origin(origin)`` are called where the class has them; ``write_message``,
    ``close``, ``ping`` and the other methods of handlers may be used in them.
    """

    @classmethod
    def resource_class(cls) -> Any:
        """See BaseHandler."""
        return type(cls.__name__, (SocketResource,), {"handler_class": cls, "__doc__": cls.__doc__})


class SocketOptions(WebSocketOptions):
    """The kwargs of such a class: those of WebSocketHandler, and its own, which its ``setup`` gets."""

    extras = "keep"


class SocketResource(WebSocketHandler):
    """The route of a class of an app that is derived from BaseWebSocketHandler."""

    options_model = SocketOptions
    handler_class: ClassVar[type[BaseWebSocketHandler]]

    def __init__(self, setup: Setup) -> None:
        conf = AttrDict.deep(setup.config.conf)
        conf["kwargs"] = kwargs = AttrDict.deep(setup.config.kwargs)
        members = {"name": setup.name, "conf": conf, "kwargs": kwargs, "cache": None}
        self.context_class = type(self.handler_class.__name__, (self.handler_class,), members)
        prepare = self.context_class.prepare
        self.prepare = None if prepare is BaseHandler.prepare else self._function("prepare", prepare)
        super().__init__(setup)
        meet_tornado(self.services.reactor)
        self.context_class.setup(**AttrDict.deep(setup.config.kwargs))

    def made_functions(self, setup: Setup) -> dict[str, Function]:
        """The methods of the class; functions of the route's kwargs come before them."""
        own = {name: getattr(self.context_class, name, None) for name in VARIABLES}
        made = {name: self._function(name, method) for name, method in own.items() if callable(method)}
        return {**made, **super().made_functions(setup)}

    def _function(self, name: str, method: Callable[..., Any]) -> Function:
        where = f"{self.handler_class.__module__}.{self.handler_class.__qualname__}.{name}"
        call = partial(_opened, method) if name == "open" else method
        return Function(call, mode_of_callable(method), where, where, frozenset({self.handler_class.__module__}))

    async def on_GET(self, context: Any) -> Any:
        """See WebSocketHandler."""
        if self.prepare is not None:
            await self._call(self.prepare, context)
        return await super().on_GET(context)

    def admits(self, context: Any) -> bool:
        """``check_origin``, where the class has it, decides instead of ``origins:``."""
        check = getattr(context, "check_origin", None)
        origin = context.request.headers.get("Origin")
        return super().admits(context) if check is None or origin is None else bool(check(origin))


def _opened(method: Callable[..., Any], context: Any) -> Any:
    return method(context, *context.path_args, **context.path_kwargs)
