"""What treq does alone: fetch a URL to nowhere, or send 1 GB to it.

`python treq_alone.py get|put URL` prints the seconds that it took, without those to start.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import uvloop
from twisted.internet import asyncioreactor
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer

SIZE = 1_000_000_000
BLOCK = bytes(1 << 18)


@implementer(IBodyProducer)
class Zeros:
    """A body of zeros."""

    length: Any = SIZE

    def startProducing(self, consumer: Any) -> Deferred[None]:
        self.consumer = consumer
        self.unsent = SIZE
        self.done: Deferred[None] = Deferred()
        self.resumeProducing()
        return self.done

    def resumeProducing(self) -> None:
        self.paused = False
        while self.unsent and not self.paused:
            block = BLOCK[: self.unsent]
            self.unsent -= len(block)
            self.consumer.write(block)
        if not self.unsent and not self.done.called:
            self.done.callback(None)

    def pauseProducing(self) -> None:
        self.paused = True

    def stopProducing(self) -> None:
        self.paused = True


async def measure(reactor: Any, method: str, url: str) -> None:
    """Print the seconds."""
    import treq

    begin = time.perf_counter()
    body = Zeros() if method == "put" else None
    response = await treq.request(method.upper(), url, data=body, unbuffered=True)
    await treq.collect(response, lambda data: None)
    print(time.perf_counter() - begin)


if __name__ == "__main__":
    asyncioreactor.install(uvloop.new_event_loop())
    react(lambda reactor, *words: Deferred.fromCoroutine(measure(reactor, *words)), sys.argv[1:])
