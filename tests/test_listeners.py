"""Ports, unix sockets, TLS and inherited sockets, with real sockets in this process."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from gramex_twisted.listeners import Listener, Listeners, listeners_of, parse_endpoint
from gramex_twisted.sockets import Endpoint, Inherited, ListenError, Systemd, Tcp, Unix
from gramex_twisted.tls import Certificate
from tests.certificates import make_certificate
from tests.processes import short_folder


class Greeter(Protocol):
    """Says hello and leaves."""

    def connectionMade(self) -> None:
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


def options(**given: Any) -> Any:
    return SimpleNamespace(**{"port": 9988, "address": "", "endpoint": (), "backlog": 128, "tls": None, **given})


class ParsingTests(SynchronousTestCase):
    def test_port_and_address_make_one_tcp_listener(self) -> None:
        self.assertEqual(listeners_of(options(port=80, address="::1")), [Listener(Tcp(80, "::1"))])

    def test_a_certificate_makes_the_port_speak_https(self) -> None:
        listeners = listeners_of(options(tls=("a.crt", "a.key")))
        self.assertEqual(listeners, [Listener(Tcp(9988), Certificate("a.crt", "a.key"))])
        self.assertEqual(listeners[0].scheme, "https")

    def test_endpoints_replace_the_port_and_only_systemd_takes_the_certificate(self) -> None:
        listeners = listeners_of(options(endpoint=("tcp:80", "systemd:domain=INET:index=0"), tls=("c", "k")))
        self.assertEqual(listeners, [Listener(Tcp(80)), Listener(Systemd(0), Certificate("c", "k"))])

    def test_endpoint_strings(self) -> None:
        for text, place in {
            "tcp:80": Tcp(80),
            "tcp:port=80:interface=127.0.0.1": Tcp(80, "127.0.0.1"),
            "tcp6:80": Tcp(80, "::"),
            r"tcp:80:interface=\:\:1": Tcp(80, "::1"),
            "unix:/run/a.sock": Unix("/run/a.sock"),
            r"unix:/run/a\:b.sock:mode=660": Unix("/run/a:b.sock", 0o660),
            "systemd:domain=UNIX:name=web": Systemd(None, "web"),
            "onion:80": Endpoint("onion:80"),
            "tcp:80:flavour=mint": Endpoint("tcp:80:flavour=mint"),
        }.items():
            self.assertEqual(parse_endpoint(text), Listener(place), text)

    def test_the_mode_of_a_unix_endpoint_is_octal(self) -> None:
        place = parse_endpoint("unix:/run/a.sock:mode=660").place
        assert isinstance(place, Unix)
        self.assertEqual(place.mode, 0o660)

    def test_ssl_endpoints_become_tls_that_can_be_reloaded(self) -> None:
        listener = parse_endpoint("ssl:443:privateKey=k.pem:certKey=c.pem:extraCertChain=chain.pem")
        self.assertEqual(listener, Listener(Tcp(443), Certificate("c.pem", "k.pem", "chain.pem")))

    def test_nonsense_names_the_endpoint(self) -> None:
        for text in ("tcp:http", "tcp:", "systemd:domain=INET", "unix:", "systemd:domain=INET:index=0:name=a"):
            error = self.assertRaises(ListenError, parse_endpoint, text)
            self.assertIn(f"app.listen.endpoint {text!r}", str(error))


class ListenersTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.folder = short_folder(self)
        self.factory = Factory.forProtocol(Greeter)
        self.factory.noisy = False
        self.listeners = Listeners(reactor, self.factory, Inherited({}))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.listeners.close()))

    async def open(self, *listeners: Listener) -> None:
        change = await self.listeners.prepare(listeners)
        await change.commit()

    def port(self, index: int = 0) -> int:
        return int(self.listeners.urls[index].rpartition(":")[2])

    async def read(self, address: Any, family: int = socket.AF_INET) -> bytes:
        def fetch() -> bytes:
            with socket.socket(family) as client:
                client.settimeout(5)
                client.connect(address)
                return client.recv(100)

        return await deferToThread(fetch)

    async def fails(self, *listeners: Listener) -> str:
        try:
            await self.listeners.prepare(listeners)
        except ListenError as error:
            return str(error)
        raise AssertionError("it opened")

    async def test_a_free_port_answers_and_is_named_in_the_url(self) -> None:
        await self.open(Listener(Tcp(0, "127.0.0.1")))
        self.assertEqual(self.listeners.urls, [f"http://127.0.0.1:{self.port()}"])
        self.assertEqual(await self.read(("127.0.0.1", self.port())), b"hello")

    async def test_a_busy_port_is_one_line_that_says_what_to_do_and_closes_the_others(self) -> None:
        path = str(self.folder / "other.sock")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            number = taken.getsockname()[1]
            text = await self.fails(Listener(Unix(path)), Listener(Tcp(number, "127.0.0.1")))
        self.assertEqual(
            text, f"port {number} is in use on 127.0.0.1; stop what listens there, or choose another with --port"
        )
        self.assertEqual(self.listeners.urls, [])
        turn: Deferred[None] = Deferred()
        reactor.callLater(0.01, turn.callback, None)
        await turn
        self.assertFalse(os.path.exists(path))

    async def test_an_address_of_another_machine_is_refused(self) -> None:
        text = await self.fails(Listener(Tcp(0, "192.0.2.1")))
        self.assertEqual(text, "cannot listen on 192.0.2.1: this machine has no such address; see app.listen.address")

    async def test_a_change_keeps_what_stays_opens_what_is_new_and_closes_the_rest(self) -> None:
        first, second = Unix(str(self.folder / "1.sock")), Unix(str(self.folder / "2.sock"))
        await self.open(Listener(Tcp(0, "127.0.0.1")), Listener(first))
        kept = self.port()
        await self.open(Listener(Tcp(0, "127.0.0.1")), Listener(second))
        self.assertEqual(self.listeners.urls, [f"http://127.0.0.1:{kept}", f"http+unix:{second.path}"])
        self.assertEqual(await self.read(second.path, socket.AF_UNIX), b"hello")
        self.assertFalse(os.path.exists(first.path))

    async def test_a_change_given_up_leaves_everything_as_it_was(self) -> None:
        await self.open(Listener(Tcp(0, "127.0.0.1")))
        change = await self.listeners.prepare([Listener(Tcp(0, "127.0.0.2"))])
        change.abandon()
        self.assertEqual(len(self.listeners.urls), 1)
        self.assertEqual(await self.read(("127.0.0.1", self.port())), b"hello")

    async def test_the_same_port_at_another_address_asks_for_a_restart(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            number = probe.getsockname()[1]
        await self.open(Listener(Tcp(number, "127.0.0.1")))
        text = await self.fails(Listener(Tcp(number, "")))
        self.assertEqual(
            text,
            f"port {number} is in use by this server at http://127.0.0.1:{number}; restart it to change the address",
        )

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

    async def test_other_endpoints_are_twisteds(self) -> None:
        await self.open(Listener(Endpoint("tcp:0:interface=127.0.0.1")))
        self.assertEqual(self.listeners.urls, ["tcp:0:interface=127.0.0.1"])
        self.assertIn("cannot listen on onion:80: ", await self.fails(Listener(Endpoint("onion:80"))))


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

    async def test_a_socket_is_found_by_index_by_name_and_by_its_port(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            inherited = self.inherit(one, two, names="web:admin")
            first, second = (f"http://127.0.0.1:{bound.getsockname()[1]}" for bound in (one, two))
            self.assertEqual(await self.urls(inherited, Listener(Systemd(index=1))), [second])
            self.assertEqual(await self.urls(inherited, Listener(Systemd(name="web"))), [first])
            port = two.getsockname()[1]
            self.assertEqual(await self.urls(inherited, Listener(Tcp(port))), [f"http://0.0.0.0:{port}"])

    async def test_a_socket_that_was_not_passed_is_a_clear_error(self) -> None:
        try:
            await self.urls(Inherited({}), Listener(Systemd(name="web")))
        except ListenError as error:
            self.assertEqual(
                str(error), "systemd socket web was not passed by systemd (0 sockets were); start the .socket unit"
            )

    async def test_a_unix_socket_of_systemd_keeps_its_mode_and_its_file(self) -> None:
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
            self.assertTrue(path.is_socket())


class TlsTests(TestCase):
    timeout = 20

    def setUp(self) -> None:
        self.folder = short_folder(self)
        factory = Factory.forProtocol(Echo)
        factory.noisy = False
        self.listeners = Listeners(reactor, factory, Inherited({}))
        self.addCleanup(lambda: Deferred.fromCoroutine(self.listeners.close()))

    async def listen(self, certificate: Certificate) -> int:
        await (await self.listeners.prepare([Listener(Tcp(0, "127.0.0.1"), certificate)])).commit()
        return int(self.listeners.urls[0].rpartition(":")[2])

    def connect(self, port: int, trusted: Path, version: ssl.TLSVersion | None = None) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(trusted))
        if version:
            context.minimum_version = context.maximum_version = version
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        return context.wrap_socket(plain, server_hostname="localhost")

    def test_files_that_cannot_be_used_are_named(self) -> None:
        certfile, keyfile = map(str, make_certificate(self.folder, "one"))
        _, other = map(str, make_certificate(self.folder, "two"))
        (self.folder / "junk").write_text("junk")
        for certificate, text in {
            Certificate(certfile, "/nowhere.key"): "cannot read /nowhere.key: No such file or directory; see",
            Certificate(certfile, other): f"the key {other} does not belong to the certificate {certfile}",
            Certificate(str(self.folder / "junk"), keyfile): f"{self.folder}/junk is no usable PEM file: ",
        }.items():
            error = self.assertRaises(ListenError, certificate.options)
            self.assertTrue(str(error).startswith(text), str(error))

    async def test_a_new_certificate_reaches_new_connections_and_open_ones_go_on(self) -> None:
        certfile, keyfile = make_certificate(self.folder, "one")
        certificate = Certificate(str(certfile), str(keyfile))
        port = await self.listen(certificate)
        self.assertEqual(self.listeners.urls, [f"https://127.0.0.1:{port}"])
        old = await deferToThread(self.connect, port, certfile)
        self.addCleanup(old.close)
        for name, target in (("two.crt", certfile), ("two.key", keyfile)):
            make_certificate(self.folder, "two") if name == "two.crt" else None
            os.replace(self.folder / name, target)
        self.assertEqual(await self.listen(certificate), port)
        new = await deferToThread(self.connect, port, certfile)
        self.addCleanup(new.close)
        subject = dict(pair[0] for pair in new.getpeercert()["subject"])
        self.assertEqual(subject["organizationName"], "two")
        await deferToThread(old.sendall, b"still here")
        self.assertEqual(await deferToThread(old.recv, 100), b"still here")

    async def test_tls_older_than_1_2_is_refused(self) -> None:
        certfile, keyfile = make_certificate(self.folder, "one")
        port = await self.listen(Certificate(str(certfile), str(keyfile)))
        modern = await deferToThread(self.connect, port, certfile, ssl.TLSVersion.TLSv1_2)
        self.assertEqual(modern.version(), "TLSv1.2")
        modern.close()
        try:
            await deferToThread(self.connect, port, certfile, ssl.TLSVersion.TLSv1_1)
        except (ssl.SSLError, ConnectionError):
            return
        raise AssertionError("TLS 1.1 was accepted")

    async def test_a_broken_certificate_leaves_the_old_one_in_use(self) -> None:
        certfile, keyfile = make_certificate(self.folder, "one")
        certificate = Certificate(str(certfile), str(keyfile))
        port = await self.listen(certificate)
        trusted = self.folder / "trusted.crt"
        trusted.write_bytes(certfile.read_bytes())
        certfile.write_text("half written")
        try:
            await self.listen(certificate)
        except ListenError as error:
            self.assertIn(f"{certfile} is no usable PEM file", str(error))
        client = await deferToThread(self.connect, port, trusted)
        client.close()
