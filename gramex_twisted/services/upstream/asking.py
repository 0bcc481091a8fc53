"""One request with a body in memory, and its short answer: what services that are asked by other servers' APIs need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

#: Bytes of an answer that are kept; there is no interest in more.
MOST_BYTES = 64 << 10


@dataclass(frozen=True)
class Answer:
    """``body``: the first ``MOST_BYTES`` of it."""

    code: int
    phrase: str
    headers: Headers
    body: bytes


async def ask(agent: IAgent, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Send a request and wait for the answer. Cancelling it cuts the connection.

    :raises Exception: what ``agent.request`` raises, where no answer comes.
    """
    raw = Headers({name.encode("latin-1"): [value.encode("latin-1")] for name, value in headers.items()})
    response: Any = await agent.request(method.encode(), url.encode(), raw, Stored(body))
    found = await read(response)
    return Answer(response.code, response.phrase.decode("latin-1"), response.headers, found)


def read(response: IResponse) -> Deferred[bytes]:
    """The first ``MOST_BYTES`` of a response's body; the rest is not waited for."""
    reader = Reader()
    response.deliverBody(reader)
    return reader.done


class Reader(Protocol):
    """Collects a body."""

    transport: Any

    def __init__(self) -> None:
        self.done: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())
        self._data = b""

    def dataReceived(self, data: bytes) -> None:
        self._data += data
        if len(self._data) >= MOST_BYTES:
            self._data = self._data[:MOST_BYTES]
            self._finish()
            self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if reason.check(ResponseDone, PotentialDataLoss):
            self._finish()
        elif not self.done.called:
            self.done.errback(reason)

    def _finish(self) -> None:
        if not self.done.called:
            self.done.callback(self._data)


@implementer(IBodyProducer)
class Stored:
    """A body that is all here."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.length: Any = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """Give all of it."""
        consumer.write(self.body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """There is no more."""

    def resumeProducing(self) -> None:
        """There is no more."""

    def stopProducing(self) -> None:
        """There is no more."""
