"""One request to another server's API, and its short answer."""

from __future__ import annotations

from typing import Any

from twisted.internet import reactor as installed
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import TestCase

from gramex_twisted.services.upstream.agent import Endpoints, Pool, Upstream
from gramex_twisted.services.upstream.asking import MOST_BYTES, Answer, ask
from tests.servers import free_port
from tests.sink import Sink

reactor: Any = installed


class AskingTests(TestCase):
    def setUp(self) -> None:
        self.sink = Sink(self)
        endpoints = Endpoints(reactor, None, 60)
        self.agent: Any = Upstream.usingEndpointFactory(reactor, endpoints, Pool(reactor, 2, 30, 60))
        self.addCleanup(self.agent.close)

    def ask(self, url: str) -> Deferred[Answer]:
        return Deferred.fromCoroutine(ask(self.agent, "POST", url, {"Content-Type": "a/b"}, b"body"))

    async def test_the_request_and_the_answer_are_whole(self) -> None:
        self.sink.code, self.sink.body = 418, b"short"
        answer = await self.ask(f"{self.sink.url}/path?a=b")
        self.assertEqual((answer.code, answer.phrase, answer.body), (418, "I'm a teapot", b"short"))
        [got] = self.sink.got
        self.assertEqual(
            (got.path, got.query, got.header("Content-Type"), got.body), ("/path", {"a": "b"}, "a/b", b"body")
        )

    async def test_of_a_long_answer_only_the_beginning_is_kept(self) -> None:
        self.sink.body = b"x" * (10 * MOST_BYTES)
        self.assertEqual((await self.ask(self.sink.url)).body, b"x" * MOST_BYTES)

    async def test_what_keeps_it_from_being_answered_is_raised(self) -> None:
        with self.assertRaises(ConnectionRefusedError):
            await self.ask(f"http://127.0.0.1:{free_port()}/")

    async def test_it_can_be_given_up(self) -> None:
        self.sink.silent = True
        asking = self.ask(self.sink.url)
        await self.sink.count(1)
        asking.cancel()
        with self.assertRaises(CancelledError):
            await asking
