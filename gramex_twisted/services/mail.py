"""One mail on its way to an SMTP server. It blocks, so it has a thread; ``abort`` ends it from any other.

smtplib and not twisted.mail: that one does not escape a line that begins with a dot where two of its chunks meet.
"""

from __future__ import annotations

import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from gramex_twisted.config.messengers import Email, Security
from gramex_twisted.services.message import Mail

#: Seconds that the server has for each step.
PATIENCE = 15.0


class MailError(Exception):
    """The mail could not be sent: refused, or the server is not there."""


@dataclass(frozen=True)
class Server:
    """Where mails go, and as whom. ``security``: starttls, tls (from the first byte) or none."""

    host: str
    port: int
    security: Security
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    cafile: str | None = None

    @classmethod
    def of(cls, options: Email) -> Server:
        """That of an entry of ``email:``."""
        user = options.user or options.email
        return cls(*options.address, options.security, user, options.password, options.cafile)


class Sending:
    """Sends one mail to ``server``."""

    def __init__(self, server: Server, mail: Mail) -> None:
        self.server = server
        self.mail = mail
        self._lock = threading.Lock()  # guards the next two
        self._aborted = False
        self._socket: socket.socket | None = None

    def run(self) -> list[str] | MailError:
        """Send it; the recipients that the server has refused, where it has taken others. A MailError where it has not
        taken any: returned and not raised, since nobody may wait any more.
        """
        server, mail = self.server, self.mail
        try:
            self._check()
            with self._connected() as smtp:
                refused = smtp.sendmail(mail.sender, mail.recipients, mail.content)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            why = "given up" if self._aborted else _text(error)
            return MailError(f"{server.host}:{server.port}: {why}")
        finally:
            with self._lock:
                if self._socket is not None:
                    self._socket.close()
                    self._socket = None
        return [f"{address}: {_reply(code, text)}" for address, (code, text) in refused.items()]

    def abort(self) -> None:
        """End it, whatever it waits for, save for a name to be found and a connection to be made."""
        with self._lock:
            self._aborted = True
            if self._socket is not None:
                with suppress(OSError):  # it has just ended by itself
                    self._socket.shutdown(socket.SHUT_RDWR)

    def opened(self, sock: socket.socket) -> None:
        """There is a connection."""
        with self._lock:
            self._socket = sock.dup()  # TLS takes the socket itself away
        self._check()

    def _check(self) -> None:
        if self._aborted:
            raise TimeoutError

    def _connected(self) -> smtplib.SMTP:
        server = self.server
        context = ssl.create_default_context(cafile=server.cafile)
        smtp = _Secure(timeout=PATIENCE, context=context) if server.security == "tls" else _Plain(timeout=PATIENCE)
        smtp.sending = self
        smtp._host = server.host  # type: ignore[attr-defined] # what TLS checks; the constructor would connect at once
        try:
            code, reply = smtp.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, reply)
            if server.security == "starttls":
                smtp.starttls(context=context)
            if server.user and server.password:
                smtp.login(server.user, server.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


class _Plain(smtplib.SMTP):
    """Shows its connection to ``sending`` as soon as there is one."""

    sending: Sending

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        sock: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        try:
            self.sending.opened(sock)
        except OSError:
            sock.close()
            raise
        return sock


class _Secure(smtplib.SMTP_SSL, _Plain):
    """The same, with TLS from the first byte."""


def _text(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _reply(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return "; ".join(f"{address}: {_reply(*reply)}" for address, reply in error.recipients.items())
    return str(error) or type(error).__name__


def _reply(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode('utf-8', 'replace') if isinstance(text, bytes) else text}"
