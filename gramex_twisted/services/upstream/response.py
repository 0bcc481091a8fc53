"""The response of an upstream, as Twisted's HTTP client presents one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IProtocol, IPushProducer
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.iweb import UNKNOWN_LENGTH, IResponse
from zope.interface import implementer

from gramex_twisted.services.upstream.head import Head

if TYPE_CHECKING:
    from gramex_twisted.services.upstream.connection import Connection


@implementer(IResponse, IPushProducer)
class Response:
    """A response whose head has arrived. ``deliverBody`` hands its body to a protocol, which has this as its transport:
    ``pauseProducing`` and ``resumeProducing`` hold the upstream back, ``abortConnection`` gives the response up.

    ``whole``: the end of the body is here, well or not. ``length``: bytes of the body, or ``UNKNOWN_LENGTH``.
    """

    previousResponse: IResponse | None = None
    disconnecting = False

    def __init__(self, head: Head, request: Any, connection: Connection, length: int) -> None:
        self.version = (b"HTTP", 1, head.minor)
        self.code = head.code
        self.phrase = head.phrase
        self.headers = head.headers
        self.length: Any = length if length >= 0 else UNKNOWN_LENGTH
        self.request = request
        self.connection = connection
        self._pieces: list[bytes] = []
        self._protocol: Any = None
        self._error: Failure | None = None
        self.whole = False

    def setPreviousResponse(self, response: IResponse) -> None:
        """Remember the redirect that led here."""
        self.previousResponse = response

    def take(self) -> bytes:
        """The body of a response that is whole.

        :raises ResponseFailed: where it broke off.
        """
        if self._error is not None:
            self._error.raiseException()
        return b"".join(self._pieces)

    @property
    def wanted(self) -> bool:
        """Whether somebody takes the body."""
        return self._protocol is not None

    def deliverBody(self, protocol: IProtocol) -> None:
        """Give ``protocol`` the body: what is here of it at once, the rest as it comes, then how it ended."""
        if self._protocol is not None:
            raise RuntimeError("the body of a response can be delivered once")
        self._protocol = receiver = protocol
        receiver.makeConnection(self)  # type: ignore[arg-type]
        pieces, self._pieces = self._pieces, []
        for piece in pieces:
            receiver.dataReceived(piece)
        if self.whole:
            receiver.connectionLost(self._error or Failure(ResponseDone()))
        else:
            self.resumeProducing()

    # What the connection tells ----------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """More of the body."""
        if self._protocol is None:
            self._pieces.append(data)
        else:
            self._protocol.dataReceived(data)

    def end(self, error: Failure | None = None) -> None:
        """There is no more: it is whole, or has broken off with ``error``, a ResponseFailed."""
        if not self.whole:
            self.whole, self._error = True, error
            if self._protocol is not None:
                self._protocol.connectionLost(error or Failure(ResponseDone()))

    # The protocol's transport -----------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """Take no more from the upstream."""
        if not self.whole:
            self.connection.pause()

    def resumeProducing(self) -> None:
        """Take more."""
        if not self.whole:
            self.connection.resume()

    def stopProducing(self) -> None:
        """Give the response up."""
        self.abortConnection()

    def loseConnection(self) -> None:
        """Give the response up."""
        self.abortConnection()

    def abortConnection(self) -> None:
        """Close the connection, unless the response is all here and another may be using it."""
        if not self.whole:
            self.connection.cut()
