"""WebSockets that are autobahn's own: their protocol took the connection over inside a mounted WebSocketResource."""

from __future__ import annotations

from typing import Any

from twisted.protocols.policies import ProtocolWrapper

from gramex_twisted.services.container import Services
from gramex_twisted.services.websockets import WebSockets


def hold_native(services: Services, transport: Any) -> None:
    """Let the connection that ``transport`` is end in order with the server, if it is autobahn's."""
    wrapper = transport if isinstance(transport, ProtocolWrapper) else transport.protocol
    protocol = wrapper.wrappedProtocol if isinstance(wrapper, ProtocolWrapper) else wrapper
    if hasattr(protocol, "sendCloseFrame") and hasattr(protocol, "is_closed"):
        NativeSocket(services, protocol)


class NativeSocket:
    """One of them. No reload closes it: nobody can tell what its code depends on."""

    def __init__(self, services: Services, protocol: Any) -> None:
        self._services = services
        self._protocol = protocol
        services.part(WebSockets).add(self)
        protocol.is_closed.addBoth(self._closed)

    def _closed(self, result: Any) -> Any:
        self._services.part(WebSockets).discard(self)
        return result

    def tick(self, now: float) -> None:
        """autobahn has timers of its own."""

    def go_away(self, code: int, reason: str) -> None:
        """See ``websockets.OpenSocket``."""
        if self._protocol.state == self._protocol.STATE_OPEN:
            self._protocol.sendCloseFrame(code=code, reasonUtf8=reason.encode())

    def abort(self) -> None:
        """See ``websockets.OpenSocket``."""
        self._protocol.transport.abortConnection()

    def move(self, successor: Services) -> bool:
        """See ``websockets.OpenSocket``."""
        self._services = successor
        return True
