"""WebSockets of real processes: what a reload and a stop do to them, and what Redis carries between two servers."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.processes import ProcessTestCase, Server
from tests.servers import RedisServer
from tests.wsclient import Client, connect

CONFIG = """
app: {shutdown_timeout: 20}
url:
  echo: {pattern: /echo, handler: WebSocketHandler, kwargs: {on_message: handler.write_message("ECHO" + message)}}
  chat: {pattern: /chat, handler: WebSocketHandler, kwargs: {on_message: talk.say, on_close: talk.close}}
  plain: {pattern: /plain, handler: WebSocketHandler, kwargs: {on_message: plain.say}}
  native: {pattern: /native, handler: native.resource}
"""
TALK = """
from helpers import shout

count = 0

def say(handler, message):
    global count
    count += 1
    if message == "room":
        handler.broadcast("to all")
    elif message == "fail":
        raise ValueError("on purpose")
    else:
        handler.write_message(f"{shout(message)} {count}")

def close(handler):
    print("closed", handler.close_code, handler.close_reason, flush=True)
"""
HELPERS = """
def shout(text):
    return text.upper()
"""
PLAIN = """
def say(handler, message):
    handler.write_message(message)
"""
NATIVE = """
from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol

factory = WebSocketServerFactory()
factory.protocol = type("Echo", (WebSocketServerProtocol,), {
    "onMessage": lambda self, payload, binary: self.sendMessage(payload, binary)
})
resource = WebSocketResource(factory)
"""


class SocketProcessCase(ProcessTestCase):
    timeout = 180

    def app(self, **replaced: str) -> None:
        """Write the app's files, changed ones in one go as an editor does."""
        files = {"gramex.yaml": CONFIG, "talk.py": TALK, "helpers.py": HELPERS, "plain.py": PLAIN, "native.py": NATIVE}
        for name, text in (files | {name.replace("_", "."): text for name, text in replaced.items()}).items():
            draft = Path(self.folder / f"{name}.new")
            draft.write_text(text)
            os.replace(draft, self.folder / name)

    async def client(self, server: Server, path: str) -> Client:
        return await connect(self, f"ws://127.0.0.1:{server.port}{path}")

    async def reload(self, server: Server) -> None:
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")

    async def answers(self, client: Client, message: str, answer: str) -> None:
        client.send(message)
        self.assertEqual(await client.message(), answer)


class ReloadTests(SocketProcessCase):
    async def test_a_connection_whose_route_stays_lives_on(self) -> None:
        self.app()
        server = await self.serve()
        chat, echo, native = [await self.client(server, path) for path in ("/chat", "/echo", "/native")]
        await self.answers(chat, "a", "A 1")
        for number in (2, 3):
            await self.reload(server)
            await self.answers(chat, "a", f"A {number}")
            await self.answers(echo, "x", "ECHOx")
            await self.answers(native, "x", "x")
        late = await self.client(server, "/chat")
        late.send("room")
        self.assertEqual([await chat.message(), await late.message()], ["to all", "to all"])
        chat.send("fail")
        self.assertEqual(await chat.closed(), 1011)
        await server.line("chat: talk.say failed")
        await server.line("closed 1011")

    async def test_one_whose_route_changes_is_closed_and_only_that(self) -> None:
        self.app()
        server = await self.serve()
        chat, echo, plain = [await self.client(server, path) for path in ("/chat", "/echo", "/plain")]
        self.app(gramex_yaml=CONFIG.replace("ECHO", "echo "))
        await self.reload(server)
        self.assertEqual((await echo.closed(), echo.reason), (1012, "this address has changed"))
        await self.answers(chat, "a", "A 1")
        await self.answers(plain, "x", "x")
        await self.answers(await self.client(server, "/echo"), "x", "echo x")

    async def test_a_route_that_is_gone_closes_its_connections(self) -> None:
        self.app()
        server = await self.serve()
        chat, echo = [await self.client(server, path) for path in ("/chat", "/echo")]
        self.app(gramex_yaml="\n".join(line for line in CONFIG.splitlines() if "  chat:" not in line))
        await self.reload(server)
        self.assertEqual(await chat.closed(), 1012)
        await server.line("closed 1012 this address has changed")
        await self.answers(echo, "x", "ECHOx")

    async def test_one_whose_module_or_what_that_imports_changes_is_closed(self) -> None:
        self.app()
        server = await self.serve()
        for name, text in [("talk_py", TALK + "\n# edited"), ("helpers_py", HELPERS.replace("upper", "title"))]:
            chat, plain = [await self.client(server, path) for path in ("/chat", "/plain")]
            self.app(**{name: text})
            await self.reload(server)
            self.assertEqual(await chat.closed(), 1012, name)
            await self.answers(plain, "x", "x")
        await self.answers(await self.client(server, "/chat"), "abc", "Abc 1")

    async def test_a_broken_reload_leaves_them_alone(self) -> None:
        self.app()
        server = await self.serve()
        chat = await self.client(server, "/chat")
        self.app(gramex_yaml=CONFIG + "\n  broken")
        server.signal(signal.SIGHUP)
        await server.line("the reload failed")
        await self.answers(chat, "a", "A 1")


class StopTests(SocketProcessCase):
    async def test_all_are_told_that_the_server_stops(self) -> None:
        self.app()
        server = await self.serve()
        clients = [await self.client(server, path) for path in ("/chat", "/echo", "/native")]
        server.signal(signal.SIGTERM)
        self.assertEqual([await client.closed() for client in clients], [1001, 1001, 1001])
        await server.line("closed 1001 the server stops")
        self.assertEqual(await server.exited(), 0)

    async def test_after_a_reload_too(self) -> None:
        self.app()
        server = await self.serve()
        clients = [await self.client(server, path) for path in ("/chat", "/echo", "/native")]
        await self.reload(server)
        server.signal(signal.SIGTERM)
        self.assertEqual([await client.closed() for client in clients], [1001, 1001, 1001])
        self.assertEqual(await server.exited(), 0)

    async def test_one_that_does_not_answer_does_not_keep_it_up(self) -> None:
        self.app()
        server = await self.serve()
        client = await self.client(server, "/chat")
        client.transport.pauseProducing()
        server.signal(signal.SIGTERM)
        await server.line("closed 1001 the server stops")
        self.assertEqual(await server.exited(), 0)


class RedisTests(SocketProcessCase):
    async def two(self, redis: RedisServer) -> tuple[Server, Server]:
        """Two servers of one app."""
        broadcast = f"app: {{shutdown_timeout: 20, broadcast: {{type: redis, url: '{redis.url()}'}}}}"
        self.app(gramex_yaml=CONFIG.replace("app: {shutdown_timeout: 20}", broadcast))
        return await self.serve(), await self.serve()

    async def test_rooms_reach_from_one_process_to_the_other(self) -> None:
        first, second = await self.two(RedisServer.of(self))
        one, other = await self.client(first, "/chat"), await self.client(first, "/chat")
        far = await self.client(second, "/chat")
        for server in (first, second):
            await server.line("listening, for what other processes broadcast")
        for sender in (one, far):
            sender.send("room")
            for client in (one, other, far):
                self.assertEqual(await client.message(), "to all")
        await self.reload(second)
        await second.line("listening, for what other processes broadcast")
        one.send("room")
        self.assertEqual([await client.message() for client in (one, other, far)], ["to all"] * 3)
        await self.answers(far, "a", "A 2")
        self.assertEqual([client.waiting for client in (one, other, far)], [0, 0, 0], "each got each message once")
        first.signal(signal.SIGTERM)
        self.assertEqual((await one.closed(), await first.exited()), (1001, 0))

    async def test_it_is_found_again_when_it_was_away(self) -> None:
        redis = RedisServer.of(self)
        first, second = await self.two(redis)
        one, far = await self.client(first, "/chat"), await self.client(second, "/chat")
        for server in (first, second):
            await server.line("listening, for what other processes broadcast")
        redis.kill()
        for server in (first, second):
            await server.line("the connection was lost, for what other processes broadcast")
        one.send("room")
        self.assertEqual(await one.message(), "to all")
        await first.line("other processes do not get what is broadcast")
        redis.start()
        for server in (first, second):
            await server.line("listening, for what other processes broadcast")
        one.send("room")
        self.assertEqual([await one.message(), await far.message()], ["to all", "to all"])
