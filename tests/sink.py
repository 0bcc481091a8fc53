"""Sink: a real HTTP server on a port of its own, for what the app sends to others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.protocols.policies import WrappingFactory
from twisted.trial.unittest import TestCase
from twisted.web.http_headers import Headers
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

reactor: Any = installed

#: Seconds that a test waits for what must come.
PATIENCE = 60


@dataclass(frozen=True)
class Got:
    """A request."""

    path: str
    query: dict[str, str]
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The value of a header."""
        values = self.headers.getRawHeaders(name.encode()) or [b""]
        return values[0].decode()


class Sink(Resource):
    """Answers with ``code`` and ``body``; while ``silent``, not at all. ``got``: what has come."""

    isLeaf = True

    def __init__(self, test: TestCase) -> None:
        super().__init__()
        self.code, self.body, self.silent = 200, b"", False
        self.got: list[Got] = []
        self._waiting: list[tuple[Callable[[], bool], Deferred[None]]] = []
        self._factory = WrappingFactory(Site(self))
        self._factory.noisy = False
        self._port = reactor.listenTCP(0, self._factory, interface="127.0.0.1")
        self.port: int = self._port.getHost().port
        test.addCleanup(self.close)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def render(self, request: Any) -> Any:
        """See IResource."""
        query = {name.decode(): values[-1].decode() for name, values in request.args.items()}
        path, _, _ = request.uri.decode().partition("?")
        self.got.append(Got(path, query, request.requestHeaders, request.content.read()))
        code, body, silent = self.code, self.body, self.silent  # before the test goes on, which may change them
        waiting, self._waiting = self._waiting, []
        for wanted, deferred in waiting:
            if wanted():
                deferred.callback(None)
            else:
                self._waiting.append((wanted, deferred))
        if silent:
            request.notifyFinish().addErrback(lambda _: None)
            return NOT_DONE_YET
        request.setResponseCode(code)
        return body

    def until(self, wanted: Callable[[], bool]) -> Deferred[None]:
        """Fires when ``wanted()`` holds, which is asked after each request."""
        deferred: Deferred[None] = Deferred()
        if wanted():
            deferred.callback(None)
        else:
            self._waiting.append((wanted, deferred))
        return deferred.addTimeout(PATIENCE, reactor)

    def count(self, number: int) -> Deferred[None]:
        """Fires when ``number`` requests have come."""
        return self.until(lambda: len(self.got) >= number)

    async def close(self) -> None:
        """Stop listening, and cut what is open."""
        await self._port.stopListening()
        for connection in list(self._factory.protocols):
            connection.transport.abortConnection()
        while self._factory.protocols:
            await deferLater(reactor, 0)
