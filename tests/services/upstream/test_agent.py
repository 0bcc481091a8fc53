"""The Agent of upstreams: what it sends, and when it gives up connecting."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import TimeoutError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI, ResponseFailed
from twisted.web.error import SchemeNotSupported
from twisted.web.http_headers import Headers

from gramex_twisted.resources.proxy.exchange import explanation
from gramex_twisted.services.upstream.agent import Endpoints, Pool, Upstream
from gramex_twisted.services.upstream.connection import QUIESCENT


class Transport(StringTransport):
    """Remembers whether it was cut."""

    cut = False

    def abortConnection(self) -> None:
        self.cut = True


class Wires:
    """Endpoints that connect to nothing: at once, or never."""

    def __init__(self, *, never: bool = False) -> None:
        self.never = never
        self.asked: list[bytes] = []
        self.made: list[Any] = []

    def endpointForURI(self, uri: URI) -> Any:
        self.asked.append(uri.toBytes())
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.never:
            return Deferred()
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(Transport())
        self.made.append(protocol)
        return succeed(protocol)


class AgentTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.wires = Wires()
        self.pool = Pool(self.clock, 2, 4, 20)
        self.agent: Any = Upstream.usingEndpointFactory(self.clock, self.wires, self.pool)

    def ask(self, url: bytes, **headers: list[bytes]) -> tuple[Deferred[Any], bytes]:
        """A request, and what has been sent of it on the last connection."""
        for wire in self.wires.made:
            wire.transport.clear()
        asking = self.agent.request(b"GET", url, Headers(headers))
        sent = [wire.transport.value() for wire in self.wires.made if wire.transport.value()]
        return asking, sent[0] if sent else b""

    def answer(self, number: int, data: bytes = b"HTTP/1.1 204 No Content\r\n\r\n") -> None:
        self.wires.made[number].dataReceived(data)

    def test_a_url_is_sent_as_it_is_written(self) -> None:
        for url, line in {
            b"http://h": b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"http://h:80//a?": b"GET //a? HTTP/1.1\r\nHost: h\r\n\r\n",
            b"http://h:81/a;?b?c": b"GET /a;?b?c HTTP/1.1\r\nHost: h:81\r\n\r\n",
            b"https://[::1]/": b"GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n",
            b"http+unix://%2Fs/a": b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n",
        }.items():
            self.assertEqual(self.ask(url)[1], line)

    def test_what_is_no_url_is_refused(self) -> None:
        for url in (b"ftp://h/", b"/x", b"http://h/a b", b"http://h/a\r\nX: 1", b"http://h/\xff"):
            failure = self.failureResultOf(self.ask(url)[0])
            self.assertTrue(failure.check(SchemeNotSupported, ValueError), url)
        self.failureResultOf(self.ask(b"http://h/", Host=[b"a", b"b"])[0], ValueError)
        self.assertEqual(self.wires.made, [])

    def test_a_connection_that_does_not_come_about_in_time_is_given_up(self) -> None:
        self.wires.never = True
        asking, _ = self.ask(b"http://h/")
        self.clock.advance(19)
        self.assertNoResult(asking)
        self.clock.advance(1)
        failure = self.failureResultOf(asking)
        self.assertTrue(failure.check(TimeoutError), failure)
        assert failure.value is not None
        self.assertEqual(explanation(failure.value)[0], 504)

    def test_idle_connections_are_closed_when_their_time_is_up_and_no_timer_is_left(self) -> None:
        first, _ = self.ask(b"http://h/1")
        self.answer(0)
        self.assertEqual(self.successResultOf(first).code, 204)
        self.clock.advance(3)
        second, _ = self.ask(b"http://h/2")
        self.answer(0)
        self.successResultOf(second)
        self.clock.advance(3)  # six seconds old, idle for three
        self.assertFalse(self.wires.made[0].transport.cut)
        self.clock.advance(1)
        self.assertTrue(self.wires.made[0].transport.cut)
        self.assertEqual((len(self.wires.made), self.clock.getDelayedCalls()), (1, []))

    def test_a_request_that_must_not_be_sent_twice_takes_no_connection_that_may_be_closing(self) -> None:
        asking, _ = self.ask(b"http://h/1")
        self.answer(0)
        self.successResultOf(asking)
        self.agent.request(b"POST", b"http://h/2", Headers())
        self.assertEqual(len(self.wires.made), 1)
        self.answer(0)
        self.clock.advance(2)
        self.agent.request(b"POST", b"http://h/3", Headers())
        self.assertEqual(len(self.wires.made), 2)
        self.assertEqual(self.wires.made[0].state, QUIESCENT)

    def test_one_that_ends_after_the_pool_was_closed_is_not_kept(self) -> None:
        asking, _ = self.ask(b"http://h/1")
        self.successResultOf(self.agent.close())
        self.answer(0)
        self.successResultOf(asking)
        self.assertTrue(self.wires.made[0].transport.cut)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_a_request_that_is_given_up_cuts_its_connection(self) -> None:
        asking, _ = self.ask(b"http://h/1")
        asking.cancel()
        self.failureResultOf(asking)
        self.assertTrue(self.wires.made[0].transport.cut)

    def test_a_head_may_come_byte_by_byte(self) -> None:
        asking, _ = self.ask(b"http://h/1")
        got: list[Any] = []
        asking.addCallback(got.append)
        head = b"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\n"
        for byte in head + b"ab":
            self.assertEqual(self.wires.made[0].state, "BUSY")
            self.answer(0, bytes((byte,)))
        self.assertEqual((got[0].code, got[0].length, got[0].take()), (200, 2, b"ab"))

    def test_nonsense_is_told(self) -> None:
        asking, _ = self.ask(b"http://h/1")
        self.answer(0, b"nonsense\r\n\r\n")
        failure = self.failureResultOf(asking, ResponseFailed)
        self.assertIn("no HTTP status line", str(failure.value.reasons[0].value))


class EndpointTests(SynchronousTestCase):
    def test_only_http_https_and_unix_sockets(self) -> None:
        endpoints = Endpoints(Clock(), None, 20)
        with self.assertRaises(SchemeNotSupported):
            endpoints.endpointForURI(URI.fromBytes(b"ftp://h/"))
        with self.assertRaisesRegex(ValueError, "over 107 bytes"):
            endpoints.endpointForURI(URI.fromBytes(b"http+unix://" + b"x" * 108))
