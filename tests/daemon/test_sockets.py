"""Unix sockets and sockets from systemd."""

from __future__ import annotations

import os
import socket
import stat

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.trial.unittest import TestCase

from gramex_twisted.daemon.listeners import Listener, Listeners
from gramex_twisted.daemon.sockets import Inherited, ListenError, Systemd, Tcp, Unix
from tests.greeting import Greeter, ListenerTestCase
from tests.processes import short_folder


class UnixTests(ListenerTestCase):
    async def test_a_unix_socket_has_its_mode_and_goes_away(self) -> None:
        path = str(self.folder / "a.sock")
        await self.open(Listener(Unix(path, 0o600)))
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        self.assertEqual(await self.read(path, socket.AF_UNIX), b"hello")
        self.assertEqual(os.listdir(self.folder), ["a.sock"])
        await self.listeners.close()
        self.assertFalse(os.path.exists(path))

    async def test_a_stale_unix_socket_is_replaced(self) -> None:
        path = str(self.folder / "a.sock")
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
        await self.open(Listener(Unix(path)))
        self.assertEqual(await self.read(path, socket.AF_UNIX), b"hello")

    async def test_a_unix_socket_in_use_and_an_ordinary_file_are_left_alone(self) -> None:
        path, file = str(self.folder / "a.sock"), self.folder / "file"
        file.write_text("precious")
        with socket.socket(socket.AF_UNIX) as living:
            living.bind(path)
            living.listen()
            self.assertIn("is in use", await self.fails(Listener(Unix(path))))
        self.assertIn("is no socket", await self.fails(Listener(Unix(str(file)))))
        self.assertEqual(file.read_text(), "precious")

    async def test_a_unix_socket_that_another_server_put_there_is_not_removed(self) -> None:
        path = str(self.folder / "a.sock")
        await self.open(Listener(Unix(path)))
        os.unlink(path)
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            await self.listeners.close()
            self.assertTrue(os.path.exists(path))

    async def test_a_path_too_long_for_a_unix_socket_is_a_clear_error(self) -> None:
        text = await self.fails(Listener(Unix("/tmp/" + "x" * 200)))
        self.assertTrue(text.startswith("cannot listen on unix:/tmp/xxx"), text)


class InheritedTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.factory = Factory.forProtocol(Greeter)
        self.factory.noisy = False

    def inherit(self, *sockets: socket.socket, names: str = "") -> Inherited:
        """What systemd would pass, wherever this process has room for it."""
        inherited = Inherited({})
        inherited.descriptors = [bound.fileno() for bound in sockets]
        inherited.names = dict(zip(names.split(":"), inherited.descriptors, strict=False))
        return inherited

    async def urls(self, inherited: Inherited, *listeners: Listener) -> list[str]:
        opened = Listeners(reactor, self.factory, inherited)
        self.addCleanup(lambda: Deferred.fromCoroutine(opened.close()))
        await (await opened.prepare(listeners)).commit()
        return opened.urls

    def test_the_environment_is_read_once_and_only_by_its_process(self) -> None:
        other = {"LISTEN_PID": "1", "LISTEN_FDS": "2"}
        self.assertEqual(Inherited(other).descriptors, [])
        self.assertEqual(other, {"LISTEN_PID": "1", "LISTEN_FDS": "2"})
        mine = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "many", "LISTEN_FDNAMES": "a", "HOME": "/"}
        self.assertEqual(Inherited(mine).descriptors, [])
        self.assertEqual(mine, {"HOME": "/"})

    async def test_a_socket_is_found_by_index_by_name_and_by_its_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            inherited = self.inherit(one, two, names="web:admin")
            first, second = (f"http://127.0.0.1:{bound.getsockname()[1]}" for bound in (one, two))
            self.assertEqual(await self.urls(inherited, Listener(Systemd(index=1))), [second])
            self.assertEqual(await self.urls(inherited, Listener(Systemd(name="web"))), [first])
            port = two.getsockname()[1]
            self.assertEqual(await self.urls(inherited, Listener(Tcp(port))), [f"http://0.0.0.0:{port}"])

    async def test_a_port_of_systemd_goes_on_listening_for_the_next_process(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as bound:
            opened = Listeners(reactor, self.factory, self.inherit(bound))
            await (await opened.prepare([Listener(Systemd(0))])).commit()
            await opened.close()
            with socket.create_connection(bound.getsockname(), timeout=5):
                bound.accept()[0].close()

    async def test_a_socket_that_was_not_passed_is_a_clear_error(self) -> None:
        opening = Deferred.fromCoroutine(self.urls(Inherited({}), Listener(Systemd(name="web"))))
        error = await self.assertFailure(opening, ListenError)
        self.assertEqual(
            str(error), "systemd socket web was not passed by systemd (0 sockets were); start the .socket unit"
        )

    async def test_a_unix_socket_of_systemd_keeps_its_mode_its_file_and_its_clients(self) -> None:
        path = short_folder(self) / "a.sock"
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
            bound.listen()
            os.chmod(path, 0o600)
            opened = Listeners(reactor, self.factory, self.inherit(bound))
            await (await opened.prepare([Listener(Systemd(0))])).commit()
            self.assertEqual(opened.urls, [f"http+unix:{path}"])
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
            await opened.close()
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(path))
                bound.accept()[0].close()
