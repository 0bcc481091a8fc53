"""A conversation with an LDAP server: bind, search; TLS verified; one deadline for all of it.

ldaptor speaks the protocol. It is imported when first needed, since it imports the reactor.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from cryptography import x509
from OpenSSL import SSL, crypto
from service_identity import VerificationError
from twisted.internet import defer
from twisted.internet.endpoints import HostnameEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TimeoutError
from twisted.internet.ssl import Certificate, optionsForClientTLS, trustRootFromCertificates
from twisted.python.failure import Failure

from gramex_twisted.resources.auth.asking import SignInError

if TYPE_CHECKING:
    from gramex_twisted.resources.auth.ldapwire import Connection

T = TypeVar("T")

UNREACHABLE = "The directory of users cannot be reached now. Try again in a moment."
SLOW = "The directory of users takes too long to answer. Try again in a moment."
#: Result codes (RFC 4511, A.1) of a bind that mean: not this name with this password. constraintViolation,
#: noSuchObject, invalidDNSyntax, inappropriateAuthentication, invalidCredentials, unwillingToPerform.
REFUSALS = frozenset({19, 32, 34, 48, 49, 53})


@dataclass(frozen=True)
class Entry:
    """What a directory has about somebody: a name, and attributes with their values as bytes."""

    dn: str
    attributes: tuple[tuple[str, tuple[bytes, ...]], ...]


@dataclass(frozen=True)
class Server:
    """Where a directory is.

    :param security: "ssl", "start_tls", or "" for none.
    :param trusted: a PEM file with the certificates that vouch for it; None for those of the system.
    """

    host: str
    port: int
    security: str
    trusted: Path | None = None

    def tls(self) -> Any:
        """How its identity is verified.

        :raises ValueError: when ``trusted`` is no PEM file; OSError when it cannot be read.
        """
        root = None
        if self.trusted is not None:
            found = x509.load_pem_x509_certificates(self.trusted.read_bytes())
            root = trustRootFromCertificates([Certificate(crypto.X509.from_cryptography(one)) for one in found])
        return optionsForClientTLS(self.host, trustRoot=root)


class Directory:
    """Conversations with one server.

    :param seconds: that each has, from the connection to its end.
    """

    def __init__(self, reactor: Any, server: Server, seconds: float) -> None:
        self.reactor = reactor
        self.server = server
        self.seconds = seconds
        self.tls: Any = server.tls() if server.security else None

    async def talk(self, conversation: Callable[[Connection], Awaitable[T]]) -> T:
        """What ``conversation`` returns, on a connection of its own.

        :raises SignInError: 502 when the server cannot be reached or talks nonsense, 504 when it is slow.
        """
        work = defer.Deferred.fromCoroutine(self._talk(conversation))
        where = f"{self.server.host}:{self.server.port}"
        try:
            return await work.addTimeout(self.seconds, self.reactor, _too_late)
        except TimeoutError:
            raise SignInError(504, SLOW, f"{where}: no answer within {self.seconds:g} s") from None
        except (ConnectError, ConnectionClosed, DNSLookupError) as error:
            raise SignInError(502, UNREACHABLE, f"{where}: {error or type(error).__name__}") from None
        except (SSL.Error, VerificationError) as error:
            raise SignInError(502, UNREACHABLE, f"{where}: TLS: {error!r}") from None

    async def _talk(self, conversation: Callable[[Connection], Awaitable[T]]) -> T:
        from gramex_twisted.resources.auth.ldapwire import Connection

        endpoint: Any = HostnameEndpoint(self.reactor, self.server.host, self.server.port, timeout=self.seconds)
        if self.server.security == "ssl":
            endpoint = wrapClientTLS(self.tls, endpoint)
        connection: Connection = await connectProtocol(endpoint, Connection())
        try:
            if self.server.security == "start_tls":
                await connection.start_tls(self.tls)
            return await conversation(connection)
        finally:
            connection.hang_up()


def _too_late(_outcome: Any | Failure, _seconds: float) -> Any:
    # Whatever cancelling a conversation at this stage comes to.
    raise TimeoutError
