"""WebSockets on real sockets: threads, slow clients, TLS, and another library's client."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, ClassVar

from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as other_connect

from gramex_twisted.daemon.tls import Certificate
from gramex_twisted.functions import ModuleSet
from gramex_twisted.services.websockets import WebSockets
from tests.certificates import make_certificate
from tests.live import LiveCase, reactor
from tests.wsclient import DEADLINE, Client, connect

FUNCTIONS = """
import threading

closed = threading.Event()
said = []

def count(handler, message):
    for number in range(int(message)):
        handler.write_message(str(number))

def flood(handler, message):
    try:
        while True:
            handler.write_message(b"x" * 100_000, binary=True)
    except ConnectionError as error:
        said.append(type(error).__name__)

def on_close(handler):
    said.append((handler.close_code, handler.close_reason))
    closed.set()

async def flood_async(handler, message):
    while True:
        await handler.write_message(b"x" * 100_000, binary=True)
"""
CONFIG = """
handlers: {WebSocketHandler: {on_close: functions.on_close, close_timeout: 1}}
url:
  echo:
    pattern: /echo
    handler: WebSocketHandler
    kwargs: {on_message: 'handler.write_message(message, isinstance(message, bytes))'}
  zip:
    pattern: /zip
    handler: WebSocketHandler
    kwargs: {on_message: handler.write_message(message), get_compression_options: {}}
  count: {pattern: /count, handler: WebSocketHandler, kwargs: {on_message: functions.count}}
  flood: {pattern: /flood, handler: WebSocketHandler, kwargs: {on_message: functions.flood}}
  flood-async: {pattern: /flood-async, handler: WebSocketHandler, kwargs: {on_message: functions.flood_async}}
  members: {pattern: /members, handler: WebSocketHandler, kwargs: {auth: true}}
"""


class LiveSocketCase(LiveCase):
    config = CONFIG
    files: ClassVar = {"functions.py": FUNCTIONS}
    timeout = 180

    def write(self, name: str, content: str | bytes) -> Path:
        if str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
            self.addCleanup(ModuleSet([str(self.folder)]).forget)
            self.addCleanup(sys.path.remove, str(self.folder))
        return super().write(name, content)

    def functions(self) -> Any:
        """The user module."""
        return sys.modules["functions"]

    async def closed(self) -> list[Any]:
        """Wait for on_close; what functions have said."""
        await deferToThread(self.functions().closed.wait, DEADLINE)
        said: list[Any] = self.functions().said
        return said

    async def connect(self, path: str, **options: Any) -> Client:
        return await connect(self, f"ws://127.0.0.1:{self.port.getHost().port}{path}", **options)


class SocketTests(LiveSocketCase):
    async def test_messages_of_every_size_come_back(self) -> None:
        client = await self.connect("/echo")
        for size in (0, 1, 125, 126, 65535, 65536, 1 << 20, 5 << 20):
            client.send("x" * size)
            self.assertEqual(await client.message(), "x" * size)
            client.send(b"\xff" * size)
            self.assertEqual(await client.message(), b"\xff" * size)

    async def test_many_messages_at_once_come_back_in_order(self) -> None:
        client = await self.connect("/echo")
        for number in range(5000):
            client.send(str(number))
        self.assertEqual([await client.message() for _ in range(5000)], [str(number) for number in range(5000)])

    async def test_a_function_in_a_thread_writes_in_order(self) -> None:
        client = await self.connect("/count")
        client.send("2000")
        client.send("3")
        got = [await client.message() for _ in range(2003)]
        self.assertEqual(got, [*map(str, range(2000)), "0", "1", "2"])

    async def test_what_the_client_closes_with_reaches_on_close(self) -> None:
        client = await self.connect("/count")
        client.sendClose(3001, "bye")
        self.assertEqual(await client.closed(), 3001)
        self.assertEqual(await self.closed(), [(3001, "bye")])

    async def test_a_lost_connection_is_1006(self) -> None:
        client = await self.connect("/count")
        client.transport.abortConnection()
        self.assertEqual(await self.closed(), [(1006, "the connection was lost")])

    async def test_stopping_the_app_closes_with_1001(self) -> None:
        client = await self.connect("/count")
        stopping = self.gramex.stopService()
        self.assertEqual((await client.closed(), client.reason), (1001, "the server stops"))
        await stopping
        self.assertEqual(await self.closed(), [(1001, "the server stops")])
        self.gramex.startService()


class SlowReaderTests(LiveSocketCase):
    async def test_a_thread_waits_for_a_client_that_does_not_read(self) -> None:
        client = await self.connect("/flood")
        client.transport.pauseProducing()
        client.send("go")
        [connection] = self.open_sockets()
        while not connection.protocol.out.paused and not connection.ended:
            await self.turn()
        for _ in range(50):
            await self.turn()
        self.assertEqual((connection.close_code, connection.protocol.state), (None, connection.protocol.STATE_OPEN))
        self.assertLess(connection.protocol.out.size, 4 << 20)
        client.transport.abortConnection()
        self.assertEqual(await self.closed(), ["WebSocketClosedError", (1006, "the connection was lost")])

    async def test_so_does_a_coroutine(self) -> None:
        client = await self.connect("/flood-async")
        client.transport.pauseProducing()
        client.send("go")
        [connection] = self.open_sockets()
        while not connection.protocol.out.paused and not connection.ended:
            await self.turn()
        self.assertLess(connection.protocol.out.size, 1 << 20)
        client.transport.abortConnection()
        self.assertEqual(await self.closed(), [(1006, "the connection was lost")])

    def open_sockets(self) -> list[Any]:
        return list(self.gramex.shared.part(WebSockets).open)

    def turn(self) -> Deferred[None]:
        """One turn of the reactor."""
        return deferLater(reactor, 0.01)


class OtherClientTests(LiveSocketCase):
    """The client of the `websockets` library, in a thread: it compresses by default."""

    def talk(self, path: str) -> dict[str, Any]:
        url = f"ws://127.0.0.1:{self.port.getHost().port}{path}"
        with other_connect(url, open_timeout=DEADLINE, close_timeout=DEADLINE) as client:
            client.send("hello " * 100)
            answer = client.recv(timeout=DEADLINE)
            client.send(["frag", "men", "ted"])
            fragmented = client.recv(timeout=DEADLINE)
            pong = client.ping(b"data").wait(DEADLINE)
            extensions = [extension.name for extension in client.protocol.extensions]
            client.close(4000, "done")
        return {"answer": answer, "fragmented": fragmented, "pong": pong, "extensions": extensions}

    async def test_it_talks_plainly(self) -> None:
        said = await deferToThread(self.talk, "/echo")
        self.assertEqual(said, {"answer": "hello " * 100, "fragmented": "fragmented", "pong": True, "extensions": []})
        self.assertEqual(await self.closed(), [(4000, "done")])

    async def test_it_talks_compressed(self) -> None:
        said = await deferToThread(self.talk, "/zip")
        self.assertEqual(
            said,
            {
                "answer": "hello " * 100,
                "fragmented": "fragmented",
                "pong": True,
                "extensions": ["permessage-deflate"],
            },
        )

    async def test_a_message_that_is_too_long_is_1009(self) -> None:
        def send() -> int:
            url = f"ws://127.0.0.1:{self.port.getHost().port}/echo"
            with other_connect(url, compression=None, open_timeout=DEADLINE) as client:
                try:
                    client.send(b"x" * (11 << 20))
                    client.recv(timeout=DEADLINE)
                except ConnectionClosed as error:
                    return error.rcvd.code if error.rcvd else 0
            return 0

        self.assertEqual(await deferToThread(send), 1009)

    async def test_without_a_user_it_is_told_401(self) -> None:
        def ask() -> int:
            try:
                other_connect(f"ws://127.0.0.1:{self.port.getHost().port}/members", open_timeout=DEADLINE)
            except InvalidStatus as error:
                return error.response.status_code
            return 0

        self.assertEqual(await deferToThread(ask), 401)


class TlsTests(LiveSocketCase):
    async def connect_tls(self) -> Client:
        files = [str(path) for path in make_certificate(self.folder, "server")]
        port = reactor.listenSSL(0, self.site, Certificate(*files).options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        trust = ssl.Certificate.loadPEM(Path(files[0]).read_bytes())
        url = f"wss://127.0.0.1:{port.getHost().port}/echo"
        return await connect(self, url, tls=ssl.optionsForClientTLS("localhost", trustRoot=trust))

    async def test_messages_come_back(self) -> None:
        client = await self.connect_tls()
        for size in (0, 100, 1 << 20):
            client.send("x" * size)
            self.assertEqual(await client.message(), "x" * size)
        for number in range(500):
            client.send(str(number))
        self.assertEqual([await client.message() for _ in range(500)], [str(number) for number in range(500)])
        client.sendClose(3000)
        self.assertEqual(await client.closed(), 3000)

    async def test_a_mistake_is_told(self) -> None:
        client = await self.connect_tls()
        client.sendFrame(opcode=5)
        self.assertEqual(await client.closed(), 1002)
