"""TLS for a listening port, from PEM files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import IProtocolFactory

from gramex_twisted.daemon.sockets import ListenError


@dataclass(frozen=True)
class Certificate:
    """The PEM files of a TLS server. ``certfile`` holds the certificate and, after it, those of its issuers (a
    "full chain"); ``chainfile`` may hold the latter instead."""

    certfile: str
    keyfile: str
    chainfile: str | None = None

    def wrap(self, factory: IProtocolFactory, reactor: Any) -> IProtocolFactory:
        """``factory`` behind TLS 1.2 or newer, with the files as they are now. Raises ListenError."""
        # Imported here: an app that speaks plain HTTP need not load them.
        from twisted.protocols.tls import TLSMemoryBIOFactory

        wrapped: IProtocolFactory = TLSMemoryBIOFactory(self.options(), False, factory, clock=reactor)
        return wrapped

    def options(self) -> Any:
        """A ``CertificateOptions`` (Twisted's secure ciphers, TLS 1.2 or newer). Raises ListenError."""
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from OpenSSL import SSL, crypto
        from twisted.internet.ssl import CertificateOptions

        certificate, *chain = self._parse(self.certfile, x509.load_pem_x509_certificates)
        if self.chainfile is not None:
            chain += self._parse(self.chainfile, x509.load_pem_x509_certificates)
        key = self._parse(self.keyfile, lambda data: load_pem_private_key(data, password=None))
        options = CertificateOptions(
            privateKey=crypto.PKey.from_cryptography_key(key),
            certificate=crypto.X509.from_cryptography(certificate),
            extraCertChain=[crypto.X509.from_cryptography(issuer) for issuer in chain],
        )
        try:
            options.getContext()
        except SSL.Error as error:
            raise ListenError(f"the key {self.keyfile} does not belong to the certificate {self.certfile}") from error
        return options

    def _parse(self, path: str, parser: Any) -> Any:
        try:
            with open(path, "rb") as file:
                return parser(file.read())
        except OSError as error:
            raise ListenError(f"cannot read {path}: {error.strerror}; see app.listen.certfile and keyfile") from error
        except (ValueError, TypeError) as error:  # TypeError: the key is encrypted
            raise ListenError(f"{path} is no usable PEM file: {error}") from error
