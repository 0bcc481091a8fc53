"""The process: draining, signals, sockets of every kind, TLS and systemd, with real ``twist gramex`` processes."""

from __future__ import annotations

import os
import signal
import socket
from textwrap import dedent
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.certificates import make_certificate
from tests.processes import Client, ProcessTestCase, Server, free_port

APP = {
    "gramex.yaml": """
    url:
      hello: {pattern: /, handler: FunctionHandler, kwargs: {function: str("hello")}}
      slow: {pattern: /slow, handler: FunctionHandler, kwargs: {function: slow.slow}}
      stuck: {pattern: /stuck, handler: FunctionHandler, kwargs: {function: slow.stuck}}
    """,
    "slow.py": """
    import os, time

    def slow():
        print("slow has begun", flush=True)
        while not os.path.exists("gate"):
            time.sleep(0.01)
        return "slow but sure"

    def stuck():
        print("stuck has begun", flush=True)
        time.sleep(60)
    """,
}


def listening(options: str) -> dict[str, str]:
    """APP with ``app.listen``."""
    return {**APP, "gramex.yaml": f"{dedent(APP['gramex.yaml'])}app: {{listen: {options}}}\n"}


class DrainTests(ProcessTestCase):
    async def begin(self, server: Server, path: str) -> tuple[Client, Deferred[Any]]:
        client = await Client.connect(server.port)
        response = client.send(path)
        await server.line("has begun")
        return client, response

    async def test_sigterm_finishes_what_runs_and_takes_nothing_new(self) -> None:
        self.write(APP)
        server = await self.serve()
        idle = await Client.connect(server.port)
        self.assertEqual((await idle.get("/")).body, b"hello")
        client, response = await self.begin(server, "/slow")
        server.signal(signal.SIGTERM)
        await idle.closed
        await self.assertFailure(Deferred.fromCoroutine(Client.connect(server.port)), ConnectionRefusedError)
        self.assertFalse(client.is_closed)
        (self.folder / "gate").touch()
        done = await response
        self.assertEqual((done.status, done.body), (200, b"slow but sure"))
        self.assertEqual(done.headers["connection"], "close")
        self.assertEqual(await server.exited(), 0)
        self.assertNotIn("Traceback", server.output)

    async def test_a_request_that_does_not_end_is_cut_after_shutdown_timeout(self) -> None:
        self.write(APP)
        server = await self.serve("--set", "app.shutdown_timeout=0.2")
        _, response = await self.begin(server, "/stuck")
        server.signal(signal.SIGTERM)
        await self.assertFailure(response, AssertionError)
        self.assertEqual(await server.exited(), 0)
        self.assertIn("cutting 1 connections that did not end within 0.2 s", server.output)

    async def test_a_thread_of_the_apps_own_does_not_keep_the_process(self) -> None:
        self.write(APP)
        self.write(
            {
                "slow.py": dedent(APP["slow.py"])
                + "import threading\nthreading.Thread(target=time.sleep, args=[60]).start()\n"
            }
        )
        server = await self.serve()
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        self.assertIn("stopped", server.output)

    async def test_a_second_signal_does_not_wait(self) -> None:
        self.write(APP)
        server = await self.serve()
        _, response = await self.begin(server, "/stuck")
        server.signal(signal.SIGINT)
        await server.line("SIGINT: stopping")
        server.signal(signal.SIGTERM)
        await self.assertFailure(response, AssertionError)
        self.assertEqual(await server.exited(), 0)
        self.assertIn("SIGTERM again: stopping at once", server.output)


class StartTests(ProcessTestCase):
    LATE = """
    import sys
    from twisted.application.twist._twist import Twist
    from twisted.internet.defer import Deferred
    from gramex_twisted.app import Gramex
    from gramex_twisted.errors import ConfigError

    async def ready(self):
        later = Deferred()
        from twisted.internet import reactor
        reactor.callLater(0.1, later.errback, ERROR)
        await later

    Gramex.ready = ready
    Twist.main(sys.argv)
    """

    async def fails_late(self, error: str) -> Server:
        self.write({**APP, "late.py": self.LATE.replace("ERROR", error)})
        server = self.spawn("--port", "0", program=("late.py",))
        await server.exited()
        return server

    async def test_an_app_that_gets_not_ready_ends_the_process_with_its_error(self) -> None:
        server = await self.fails_late('ConfigError("gramex.yaml:3:4", "no such database")')
        self.assertEqual(server.code, 64)
        self.assertIn("gramex.yaml:3:4: no such database", server.output)
        self.assertNotIn("Traceback", server.output)

    async def test_a_bug_while_starting_ends_the_process_with_its_traceback(self) -> None:
        server = await self.fails_late('ZeroDivisionError("oops")')
        self.assertEqual(server.code, 1)
        self.assertIn("oops", server.output)


class SocketTests(ProcessTestCase):
    async def test_a_unix_socket_and_a_port_serve_the_same_app(self) -> None:
        path = str(self.folder / "app.sock")
        self.write(listening(f"['unix:{path}:mode=600', 'tcp:0']"))
        server = await self.spawn().started()
        for client in (await Client.connect(path=path), await Client.connect(server.port)):
            self.assertEqual((await client.get("/")).body, b"hello")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        self.assertFalse(os.path.exists(path))

    async def test_all_listeners_open_or_none(self) -> None:
        first = free_port()
        with socket.create_server(("127.0.0.1", 0)) as taken:
            second = taken.getsockname()[1]
            options = f"['tcp:{first}', 'tcp:{second}:interface=127.0.0.1']"
            self.write(listening(options))
            server = self.spawn()
            self.assertEqual(await server.exited(), 1)
        self.assertEqual(
            server.output,
            f"port {second} is in use on 127.0.0.1; stop what listens there, or choose another with --port\n",
        )

    async def test_systemd_passes_sockets_by_index_and_by_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            port = two.getsockname()[1]
            options = f"['systemd:domain=INET:index=0', 'tcp:{port}']"
            self.write(listening(options))
            early = await Client.connect(one.getsockname()[1])
            response = early.send("/")
            server = self.spawn(env={"LISTEN_FDS": "2"}, fds={3: one.fileno(), 4: two.fileno()})
            self.assertEqual((await response).body, b"hello")
            await server.started()
            self.assertEqual((await (await Client.connect(port)).get("/")).body, b"hello")
            server.signal(signal.SIGTERM)
            self.assertEqual(await server.exited(), 0)

    async def test_sighup_rotates_the_certificate_and_open_connections_go_on(self) -> None:
        certfile, keyfile = make_certificate(self.folder, "one")
        options = f"{{certfile: {certfile}, keyfile: {keyfile}}}"
        self.write(listening(options))
        server = await self.serve()

        async def connect() -> Client:
            trusted = Certificate.loadPEM(certfile.read_bytes())
            return await Client.connect(server.port, tls=optionsForClientTLS("localhost", trustRoot=trusted))

        old = await connect()
        self.assertEqual((await old.get("/")).body, b"hello")
        for new, used in zip(make_certificate(self.folder, "two"), (certfile, keyfile), strict=True):
            os.replace(new, used)
        server.signal(signal.SIGHUP)
        await server.line("reloaded ")
        fresh = await connect()
        self.assertEqual((await fresh.get("/")).body, b"hello")
        peer = fresh.transport.getPeerCertificate()
        self.assertEqual(peer.get_subject().organizationName, "two")
        self.assertEqual((await old.get("/")).body, b"hello")


class Manager(DatagramProtocol):
    """The receiving end of $NOTIFY_SOCKET."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._waiting: list[tuple[str, Deferred[str]]] = []

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        self.messages.append(datagram.decode())
        for prefix, waiting in [entry for entry in self._waiting if datagram.decode().startswith(entry[0])]:
            self._waiting.remove((prefix, waiting))
            waiting.callback(datagram.decode())

    async def next(self, prefix: str) -> str:
        """The next message that begins with ``prefix``."""
        waiting: Deferred[str] = Deferred()
        self._waiting.append((prefix, waiting))
        return await waiting.addTimeout(20, reactor)


class NotifyTests(ProcessTestCase):
    async def test_systemd_hears_ready_reloading_ready_stopping_and_a_heartbeat(self) -> None:
        self.write(APP)
        path = str(self.folder / "notify")
        manager = Manager()
        port = reactor.listenUNIXDatagram(path, manager)  # type: ignore[attr-defined]
        self.addCleanup(port.stopListening)
        ready = Deferred.fromCoroutine(manager.next("READY=1"))
        server = await self.serve(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})
        self.assertEqual(await ready, f"READY=1\nSTATUS=serving {self.folder}/gramex.yaml on {server.urls[0]}")
        await manager.next("WATCHDOG=1")
        again = Deferred.fromCoroutine(manager.next("READY=1"))
        server.signal(signal.SIGHUP)
        await again
        (self.folder / "gramex.yaml").write_text("url: 7\n")
        failed = Deferred.fromCoroutine(manager.next("READY=1"))
        server.signal(signal.SIGHUP)
        self.assertIn("STATUS=reload failed, serving what was loaded before: gramex.yaml:1:", await failed)
        server.signal(signal.SIGTERM)
        self.assertEqual(await server.exited(), 0)
        states = [text.split("=")[0] for text in manager.messages]
        self.assertEqual(
            [state for state in states if state != "WATCHDOG"],
            ["READY", "RELOADING", "READY", "RELOADING", "READY", "STOPPING"],
        )
