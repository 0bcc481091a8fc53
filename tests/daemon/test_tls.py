"""TLS from PEM files, with real handshakes."""

from __future__ import annotations

import os
import socket
import ssl
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from gramex_twisted.daemon.listeners import Listener, Listeners
from gramex_twisted.daemon.sockets import Inherited, ListenError, Tcp
from gramex_twisted.daemon.tls import Certificate
from tests.certificates import make_certificate
from tests.processes import short_folder


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)


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
        error = await self.assertFailure(Deferred.fromCoroutine(self.listen(certificate)), ListenError)
        self.assertIn(f"{certfile} is no usable PEM file", str(error))
        client = await deferToThread(self.connect, port, trusted)
        client.close()
