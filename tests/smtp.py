"""Mail servers that misbehave, or are secure: real sockets."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import make_certificate
from tests.resources.auth.mailserver import MailServer
from tests.servers import free_port

reactor: Any = installed


class SecureServer(MailServer):
    """Takes mails of ada, password lovelace, over TLS: from the first byte, or after STARTTLS."""

    def __init__(self, folder: Path, *, implicit: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = make_certificate(folder, "mail")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self.certificate = str(certificate)
        self.mails, self.recipients, self.refusal = [], [], ""
        self.port = free_port()
        tls: dict[str, Any] = {"ssl_context": context} if implicit else {"tls_context": context}
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            authenticator=self.authenticate,
            auth_required=True,
            auth_require_tls=not implicit,  # aiosmtpd does not see the TLS that it did not start
            **tls,
        )
        self._controller.start()

    @classmethod
    def running(cls, test: SynchronousTestCase, *, implicit: bool) -> SecureServer:
        """A server that runs as long as ``test``."""
        server = cls(Path(test.mktemp()), implicit=implicit)
        test.addCleanup(server.stop)
        return server

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Whether it is ada."""
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"ada", b"lovelace"), handled=False)


class Silent(Protocol):
    """Says ``factory.greeting``, and nothing more; byte by byte if ``factory.drips``."""

    factory: Any

    def connectionMade(self) -> None:
        self.factory.connections.append(self)
        self.transport.write(self.factory.greeting)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(self.factory.reply)  # type: ignore[union-attr]

    def connectionLost(self, reason: Any = None) -> None:
        self.factory.connections.remove(self)
        if not self.factory.connections and self.factory.emptied is not None:
            self.factory.emptied.callback(None)


class SilentFactory(Factory):
    """See Silent."""

    protocol = Silent  # type: ignore[assignment]

    def __init__(self, greeting: bytes = b"", reply: bytes = b"") -> None:
        self.greeting, self.reply = greeting, reply
        self.connections: list[Any] = []
        self.emptied: Any = None

    async def empty(self) -> None:
        """Wait until all clients have hung up."""
        if self.connections:
            self.emptied = Deferred()
            await self.emptied.addTimeout(60, reactor)
