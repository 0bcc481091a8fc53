"""autobahn's protocol without what it would make for each connection: copies of settings, timers, counters, futures.

Such a connection is open from the start, since the handler has shaken hands.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator


class LeanProtocol(WebSocketServerProtocol):
    """The base of ``ServerProtocol``, which sets the other attributes in its ``__init__``."""

    # autobahn's settings and state, which it would else copy into each connection: most never change.
    logOctets = logFrames = False
    utf8validateIncoming = applyMask = failByDrop = requireMaskedClientFrames = echoCloseCodeReason = True
    maskServerFrames = False
    autoFragmentSize = closeHandshakeTimeout = autoPingInterval = autoPingTimeout = 0
    websocket_version = 13
    trackedTimings: Any = None
    closeHandshakeTimeoutCall = autoPingTimeoutCall = autoPingPending = None
    wasMaxFramePayloadSizeExceeded = wasMaxMessagePayloadSizeExceeded = False
    closedByMe = failedByMe = wasClean = False
    localCloseCode = localCloseReason = remoteCloseCode = remoteCloseReason = None
    state = WebSocketServerProtocol.STATE_OPEN
    inside_message = False
    current_frame: Any = None
    send_queue: Any = ()
    transport: Any
    message_data: Any
    frame_data: Any
    _perMessageCompress: Any
    data = b""
    peer = ""

    @cached_property
    def utf8validator(self) -> Any:  # type: ignore[override]
        """Checks text that does not come in one piece."""
        return Utf8Validator()


class Factory(WebSocketServerFactory):
    """What the connections of one route have in common.

    :param most: bytes that a message may have.
    :param limit: bytes that may wait for a client.
    """

    def __init__(self, reactor: Any, most: int, limit: int) -> None:
        super().__init__(reactor=reactor)
        self.most = most
        self.limit = limit
        self.traffic = TrafficStats()
